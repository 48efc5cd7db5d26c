"""TR-31 key blocks (ASC X9.143): a key enciphered and bound to what it may be used for.

For the moments when keys are exchanged, not for the hot path.  The work is `psec`'s, an optional
library: `pip install isogate[keyblocks]`.  It handles clear keys as `bytes`, so copies that nobody
can wipe stay in memory until Python needs the room; what comes out of here is a `Secret`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from codec._secret import Secret
from codec.errors import KeyBlockError

if TYPE_CHECKING:
    from codec._secret import Key

_VERSIONS: Final = "ABCD"
_HEADER_CHARACTERS: Final = 16
_ALTERED: Final = "Key block MAC doesn't match generated MAC."


@dataclass(frozen=True, slots=True)
class KeyBlock:
    """A key and what its block says of it, in TR-31's own codes."""

    key: Key = field(repr=False)
    version: str = "D"
    """A and C: variants of a DES key; B: derived from a DES key; D: derived from an AES key."""
    usage: str = "P0"
    """P0 a PIN key, M0 to M8 MAC keys, D0 a data key, K0 and K1 keys that protect keys …"""
    algorithm: str = "T"
    """T triple DES, A AES …"""
    mode: str = "N"
    """B enciphers and deciphers, E enciphers, G makes MACs, V verifies them, N anything …"""
    key_version: str = "00"
    exportability: str = "N"


def unwrap(protection: Key, block: str) -> KeyBlock:
    """The key in `block`, protected under the key `protection`.

    KeyBlockError when the block is no key block, was altered, or is under another key.
    """
    tr31 = _library()
    if block[:1] not in _VERSIONS or len(block) < _HEADER_CHARACTERS:
        raise KeyBlockError("expected a key block of version A, B, C or D")
    try:
        with _without_remarks():
            header, key = tr31.unwrap(bytes(protection), block)
    except ValueError as error:
        # The library's own texts may show parts of the block.
        altered = str(error) == _ALTERED
        reason = "was altered, or is under another key" if altered else "cannot be read"
        raise KeyBlockError(f"the key block {reason}") from None
    return KeyBlock(
        Secret(key),
        header.version_id,
        header.key_usage,
        header.algorithm,
        header.mode_of_use,
        header.version_num,
        header.exportability,
    )


def wrap(protection: Key, block: KeyBlock) -> str:
    """`block` as it travels; KeyBlockError when its codes or lengths make no key block."""
    tr31 = _library()
    try:
        with _without_remarks():
            header = tr31.Header(
                block.version,
                block.usage,
                block.algorithm,
                block.mode,
                block.key_version,
                block.exportability,
            )
            made: str = tr31.wrap(bytes(protection), header, bytes(block.key))
    except ValueError:
        reason = "expected TR-31's codes and keys of fitting lengths, found others"
        raise KeyBlockError(reason) from None
    return made


def _library() -> Any:
    try:
        from psec import tr31  # noqa: PLC0415 - optional
    except ImportError:
        message = "key blocks need the library psec: pip install 'isogate[keyblocks]'"
        raise KeyBlockError(message) from None
    return tr31


def _without_remarks() -> warnings.catch_warnings[None]:
    """It takes triple DES from where `cryptography` used to have it, which warns."""
    return warnings.catch_warnings(action="ignore")
