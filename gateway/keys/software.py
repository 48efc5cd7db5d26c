"""PIN keys kept by this very process: for tests and where no rule asks for hardware.

Card schemes demand that PINs are translated inside a security module; this is none.  Keys are held
in memory that is wiped; a PIN in clear lives in Python's memory for a moment, which cannot be.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from codec import PinBlockError, pinblock
from codec.keys import Secret, unwrap, wrap
from gateway.keys.port import KeyPortError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codec.keys import Key
    from gateway.keys.port import PinFormat, PinKey

_DES_KEY_BYTES: Final = (16, 24)
_AES_KEY_BYTES: Final = (16, 24, 32)
_BLOCK_BYTES: Final[dict[int, int]] = {0: 8, 1: 8, 3: 8, 4: 16}
_LETTERS: Final = "ABCDEF"


class SoftwareCustody:
    """A `KeyPort` over keys by name: of triple DES for formats 0, 1 and 3, of AES for format 4.

    `random` gives so many random bytes.
    """

    def __init__(
        self,
        des: Mapping[str, Key],
        aes: Mapping[str, Key],
        *,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._des = _held(des, _DES_KEY_BYTES)
        self._aes = _held(aes, _AES_KEY_BYTES)
        self._random = random

    def __repr__(self) -> str:
        return f"<SoftwareCustody {', '.join((*self._des, *self._aes))}>"

    def translate_pin_block(
        self, block: bytes, pan: str, *, source: PinKey, target: PinKey
    ) -> bytes:
        """As `KeyPort` has it."""
        if target.format == 1 and source.format != 1:
            message = f"a block of format {source.format} must not become one of format 1"
            raise KeyPortError(message)
        opened, sealed = self._key(source), self._key(target)
        if len(block) != _BLOCK_BYTES[source.format]:
            expected = _BLOCK_BYTES[source.format]
            message = f"expected a PIN block of {expected} bytes, found {len(block)}"
            raise KeyPortError(message)
        try:
            pin = _opened(opened, source.format, block, pan)
            return self._sealed(sealed, target.format, pin, pan)
        except PinBlockError:
            # Which rule it breaks would tell something of the PIN to whoever may try many blocks.
            message = f"the PIN block is not of format {source.format} under {source.name}"
            raise KeyPortError(message) from None

    def _key(self, wanted: PinKey) -> Secret:
        keys = self._aes if wanted.format == 4 else self._des  # noqa: PLR2004
        if wanted.name not in keys:
            message = f"no key for PIN blocks of format {wanted.format} is named {wanted.name!r}"
            raise KeyPortError(message)
        return keys[wanted.name]

    def _sealed(self, key: Secret, form: PinFormat, pin: str, pan: str) -> bytes:
        if form == 4:  # noqa: PLR2004 - ISO 9564-1's own numbers, here and below
            return pinblock.encipher_iso_4(key, pin, pan, self._random(8))
        return wrap(key, pinblock.encode(form, pin, pan, self._filler(form)))

    def _filler(self, form: PinFormat) -> str:
        if form == 3:  # noqa: PLR2004
            # Values below 252 are spread evenly over six letters; far more come than are needed.
            drawn = (byte for byte in self._random(64) if byte < 252)  # noqa: PLR2004
            return "".join(_LETTERS[byte % len(_LETTERS)] for byte in drawn)
        return self._random(8).hex().upper()


def _held(keys: Mapping[str, Key], sizes: tuple[int, ...]) -> dict[str, Secret]:
    for name, key in keys.items():
        if len(key) not in sizes:
            expected = ", ".join(map(str, sizes))
            message = f"{name}: expected a key of {expected} bytes, found {len(key)}"
            raise KeyPortError(message)
    return {name: Secret(key) for name, key in keys.items()}


def _opened(key: Secret, form: PinFormat, block: bytes, pan: str) -> str:
    if form == 4:  # noqa: PLR2004
        return pinblock.decipher_iso_4(key, block, pan)
    return pinblock.decode(form, bytes(unwrap(key, block)), pan)
