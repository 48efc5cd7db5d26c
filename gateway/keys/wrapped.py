"""Keys as they may rest anywhere: enciphered by their custody, and bound to what they are for.

A `WrappedKey` is a label and a block.  The label says in clear what the key is; the block holds
the key, enciphered so that only its custody can open it.  Where that is software or PKCS#11, label
and block are authenticated together: a key whose label was changed, or whose block was put under
another label, is refused.  A security module of the payShield kind binds the usage alone.
"""

from __future__ import annotations

import re
from typing import Final, Literal, get_args

import msgspec

from codec.keys import KeyCipher

KeyUsage = Literal["tmk", "pik", "mak", "tdk", "zmk", "zpk", "zak", "zdk", "tmk_part", "zmk_part"]
"""
| usage | what the key does |
|---|---|
| `tmk` | a terminal's master key: enciphers its working keys on their way to it |
| `pik`, `mak`, `tdk` | a terminal's working keys: PIN blocks, MACs, tracks |
| `zmk` | shared with a host: enciphers the working keys that are exchanged with it |
| `zpk`, `zak`, `zdk` | a host's working keys: PIN blocks, MACs, data |
| `tmk_part`, `zmk_part` | one person's component of such a key; of no use alone |
"""

USAGES: Final[tuple[KeyUsage, ...]] = get_args(KeyUsage)
CIPHERS: Final[tuple[KeyCipher, ...]] = get_args(KeyCipher)
TRANSPORT: Final[dict[KeyUsage, frozenset[KeyUsage]]] = {
    "tmk": frozenset({"pik", "mak", "tdk"}),
    "zmk": frozenset({"zpk", "zak", "zdk", "tmk"}),
}
"""Which keys may travel under which."""
PARTS: Final[dict[KeyUsage, KeyUsage]] = {"tmk": "tmk_part", "zmk": "zmk_part"}
"""What components of a key are called."""
MAC_USAGES: Final = frozenset({"mak", "zak"})
TRACK_USAGES: Final = frozenset({"tdk"})
BLOCK_BYTES: Final[dict[KeyCipher, int]] = {"des": 8, "aes": 16, "sm4": 16}
"""Bytes that a cipher takes at a time."""
PIN_USAGES: Final = frozenset({"pik", "zpk"})
KEY_SIZES: Final[dict[KeyCipher, tuple[int, ...]]] = {
    "des": (8, 16, 24),
    "aes": (16, 24, 32),
    "sm4": (16,),
}
"""Bytes that a key may have."""
CHECK_BYTES: Final = 4

_VERSION: Final = "isk1"
_FIELDS: Final = 9
_OWNER: Final = re.compile(r"[ -9;-~]{0,64}")
_CHECK: Final = re.compile(r"[0-9A-F]{4,8}")
_BLOCK: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_UNDER: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


class WrappedKeyError(ValueError):
    """A text is no wrapped key; the message shows nothing of it."""


class WrappedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that only its custody can open.  `str()` is how it is kept, `parse` reads that.

    It may stand in journals, files, logs and JSON: nothing of the key can be learned from it but
    its check value.
    """

    usage: KeyUsage
    cipher: KeyCipher
    length: int
    """Bytes of the key."""
    check: str
    """Its check value, four bytes in upper-case hex; of a module that tells fewer, those."""
    owner: str
    """Whose it is: a terminal, a host; what is issued or imported under a key has its owner."""
    made: int
    """When it was made or came here, seconds since 1970."""
    under: str
    """Which custody and which of its keys opens it."""
    block: str

    @property
    def label(self) -> str:
        """All but the block, as it is authenticated."""
        parts = (_VERSION, self.usage, self.cipher, self.length, self.check, self.owner, self.made)
        return ":".join(map(str, (*parts, self.under)))

    def __str__(self) -> str:
        return f"{self.label}:{self.block}"

    def __repr__(self) -> str:
        return (
            f"<WrappedKey {self.usage} {self.cipher} {self.length} {self.check} of {self.owner!r}>"
        )

    @staticmethod
    def parse(text: str) -> WrappedKey:
        """The key that `str()` made this of.  Raises WrappedKeyError."""
        parts = text.strip().split(":")
        if len(parts) != _FIELDS or parts[0] != _VERSION:
            message = f"expected a wrapped key of {_FIELDS} parts that begins with {_VERSION}"
            raise WrappedKeyError(message)
        _, usage, cipher, length, check, owner, made, under, block = parts
        patterns = ((_CHECK, check), (_OWNER, owner), (_UNDER, under), (_BLOCK, block))
        if (
            usage not in USAGES
            or cipher not in CIPHERS
            or not _is_number(length)
            or not _is_number(made)
            or int(length) not in KEY_SIZES[cipher]
            or not all(pattern.fullmatch(part) for pattern, part in patterns)
        ):
            raise WrappedKeyError("a part of the wrapped key's label is not as it is written")
        return WrappedKey(
            usage=usage,
            cipher=cipher,
            length=int(length),
            check=check,
            owner=owner,
            made=int(made),
            under=under,
            block=block,
        )


def owner_is_good(owner: str) -> bool:
    """Whether a label can hold this owner."""
    return _OWNER.fullmatch(owner) is not None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and text == str(int(text))
