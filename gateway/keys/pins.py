"""PIN blocks opened and made again: the one place of the gateway that sees a PIN.

For the software custody, and for the simulated security module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codec import PinBlockError, pinblock
from codec.keys import unwrap, wrap
from gateway.keys.port import CustodyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from codec.keys import Key
    from gateway.keys.port import PinFormat

BLOCK_BYTES: Final[dict[int, int]] = {0: 8, 1: 8, 3: 8, 4: 16}
_LETTERS: Final = "ABCDEF"


def translated(
    block: bytes,
    pan: str,
    source: tuple[Key, PinFormat],
    target: tuple[Key, PinFormat],
    random: Callable[[int], bytes],
) -> bytes:
    """`block` under another key and in another format.  Raises CustodyError."""
    form, into = source[1], target[1]
    if into == 1 and form != 1:
        raise CustodyError(f"a block of format {form} must not become one of format 1")
    if len(block) != BLOCK_BYTES[form]:
        message = f"expected a PIN block of {BLOCK_BYTES[form]} bytes, found {len(block)}"
        raise CustodyError(message)
    try:
        return _sealed(target[0], into, _opened(source[0], form, block, pan), pan, random)
    except PinBlockError:
        # Which rule it breaks would tell something of the PIN to whoever may try many blocks.
        raise CustodyError(f"the PIN block is not of format {form} under this key") from None


def _opened(key: Key, form: PinFormat, block: bytes, pan: str) -> str:
    if form == 4:  # noqa: PLR2004 - ISO 9564-1's own numbers, here and below
        return pinblock.decipher_iso_4(key, block, pan)
    return pinblock.decode(form, bytes(unwrap(key, block)), pan)


def _sealed(key: Key, form: PinFormat, pin: str, pan: str, random: Callable[[int], bytes]) -> bytes:
    if form == 4:  # noqa: PLR2004
        return pinblock.encipher_iso_4(key, pin, pan, random(8))
    return wrap(key, pinblock.encode(form, pin, pan, _filler(form, random)))


def _filler(form: PinFormat, random: Callable[[int], bytes]) -> str:
    if form == 3:  # noqa: PLR2004
        # Values below 252 are spread evenly over six letters; far more come than are needed.
        drawn = (byte for byte in random(64) if byte < 252)  # noqa: PLR2004
        return "".join(_LETTERS[byte % len(_LETTERS)] for byte in drawn)
    return random(8).hex().upper()
