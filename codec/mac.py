"""Message authentication codes: making and checking DE 64 or DE 128.

The code covers everything from the MTI to the last byte before the MAC field, with that field's
bit already set in the bitmap; what stands before the MTI is left out.  The work is done in `_mac`,
over the frame as it lies in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from codec._mac import MacKey, sign, verify
from codec._mac_batch import ahead, goes_together, verify_many

if TYPE_CHECKING:
    from codec._wire import Message

Algorithm = Literal[
    "cup-ecb", "x9.9", "x9.19", "aes-cmac", "aes-cbc", "cup-sm4", "sm4-cbc", "sm4-cmac"
]
"""
| algorithm | what it is | key bytes |
|---|---|---|
| `cup-ecb`, `cup-sm4` | UnionPay: blocks XORed, the result's hex enciphered | 8 to 24; 16 |
| `x9.9` | ISO 9797-1 algorithm 1 with DES or triple DES | 8, 16, 24 |
| `x9.19` | ISO 9797-1 algorithm 3: the same with half a key, both halves at the end | 16, 32 |
| `aes-cbc`, `sm4-cbc` | ISO 9797-1 algorithm 1 with AES or SM4 | 16 to 32; 16 |
| `aes-cmac`, `sm4-cmac` | CMAC (RFC 4493) | 16 to 32; 16 |
"""

_FIELD_BYTES: Final = 8
_PRIMARY: Final = 64
_SECONDARY: Final = 128

__all__ = [
    "Algorithm",
    "MacKey",
    "ahead",
    "covered",
    "goes_together",
    "put",
    "sign",
    "standing",
    "verify",
    "verify_many",
]


def covered(message: Message) -> bytes:
    """What a message's MAC covers, for who makes it elsewhere; its field is made if need be."""
    number = _number(message)
    if not message.has(number):
        put(message, bytes(_FIELD_BYTES))
    begin, _ = message.span(number)
    return message.raw[message.dialect.header_bytes : begin]


def standing(message: Message) -> bytes:
    """The bytes in the MAC's field; b'' if there is none."""
    return bytes.fromhex(message.get(_number(message), ""))


def put(message: Message, field: bytes) -> None:
    """Put a MAC that was made elsewhere into its field."""
    message.patch(_number(message), field.hex().upper())


def _number(message: Message) -> int:
    return _SECONDARY if max(message.fields(), default=0) > _PRIMARY else _PRIMARY
