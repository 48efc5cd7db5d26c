"""The door for settlement cards' numbers: opened here, and enciphered for the bank at once.

A number comes in one of two forms, over whatever way:

A terminal that signed in with a track key sends it twice, `card` and `again`: each time 32 hex
digits under its TDK, chained (CBC) from zeros.  In clear they are nine random digits, 1 or 2 for
the first or second time that it was keyed, two digits for how many follow, the number, and F to
the end.

Anybody else sends one JWE (RFC 7516: ECDH-ES with A256GCM) as `card`, of `{"card": ..., "again":
...}`, under the public key that `card_key` tells.

What leaves for the bank, and rests in the journal until the bank has it, is a JWE under the bank's
key: nobody here can open that.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from gateway.journal.vault import Vault, read_key
from gateway.keys.port import CustodyError
from gateway.keys.wrapped import WrappedKey, WrappedKeyError
from routing.accounts.new_card import UNREADABLE, NewCard

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.keys.port import KeyCustody
    from routing.effects import SealedCard

_HEADER: Final = {"alg": "ECDH-ES", "enc": "A256GCM"}
_BLOCK: Final = re.compile("[0-9A-Fa-f]{32}")
_NUMBER: Final = re.compile("[0-9]{8,20}")
_ENTRY_AT: Final = 9
_FIRST, _AGAIN = "1", "2"


class CardKeyError(Exception):
    """The bank's key can't be used; the message says why."""


class _Keyed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a JWE holds."""

    card: str
    again: str


class CardDoor:
    """Opens what comes in and closes what goes out."""

    def __init__(self, private: OKPKey, bank: OKPKey | ECKey, custody: KeyCustody | None) -> None:
        self._private, self._bank, self._custody = private, bank, custody

    @staticmethod
    def of(config: Config, custody: KeyCustody | None = None) -> CardDoor | None:
        """The door of a gateway, if there is a bank to tell.  Raises KeyFileError, CardKeyError."""
        if not config.settlement.url:
            return None
        clear = Vault(read_key(config.journal.key_path)).card_door_key
        private = X25519PrivateKey.from_private_bytes(clear)
        text = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return CardDoor(OKPKey.import_key(text), bank_key(config.settlement.key_file), custody)

    @property
    def card_key(self) -> dict[str, Any]:
        """The public key for whoever sends a number, as a JWK."""
        return {**self._private.as_dict(private=False), "use": "enc", "alg": "ECDH-ES"}

    async def opened(self, sealed: SealedCard) -> NewCard:
        """The number; UNREADABLE for what can't be opened."""
        if _BLOCK.fullmatch(sealed.text):
            return await self._opened_blocks(sealed)
        try:
            clear = jwe.decrypt_compact(sealed.text, self._private).plaintext or b""
            keyed = msgspec.json.decode(clear, type=_Keyed)
        except (JoseError, ValueError, TypeError, msgspec.MsgspecError):
            return UNREADABLE
        return self._made(keyed.card, keyed.again)

    async def _opened_blocks(self, sealed: SealedCard) -> NewCard:
        if self._custody is None or not sealed.key or not _BLOCK.fullmatch(sealed.again):
            return UNREADABLE
        try:
            key = WrappedKey.parse(sealed.key)
            first = await self._custody.open_block(key, bytes.fromhex(sealed.text))
            again = await self._custody.open_block(key, bytes.fromhex(sealed.again))
        except (CustodyError, WrappedKeyError):
            return UNREADABLE
        with memoryview(first) as one, memoryview(again) as other:
            return self._made(_keyed(one, _FIRST), _keyed(other, _AGAIN))

    def _made(self, digits: str, again: str) -> NewCard:
        is_number = _NUMBER.fullmatch(digits) is not None
        return NewCard(digits, again, seal(digits.encode(), self._bank) if is_number else "")


def seal(clear: bytes, key: OKPKey | ECKey) -> str:
    """A JWE that only the owner of `key` can open."""
    return jwe.encrypt_compact(_HEADER, clear, key)


def seal_keyed(digits: str, again: str, key: dict[str, Any]) -> str:
    """What a person keyed twice, for the gateway whose public key is `key`."""
    return seal(msgspec.json.encode(_Keyed(digits, again)), OKPKey.import_key(key))


def bank_key(file: str) -> OKPKey | ECKey:
    """The bank's public key: a PEM or a JWK of X25519 or of a NIST curve.  Raises CardKeyError."""
    try:
        text = Path(file).read_text("ascii")
        data: Any = msgspec.json.decode(text) if text.lstrip().startswith("{") else text
        is_curve = isinstance(data, dict) and data.get("kty") == "EC"
        return _imported(data, is_curve=is_curve)
    except OSError as error:
        raise CardKeyError(f"settlement.key_file = {file!r}: {error.strerror}") from None
    except (JoseError, ValueError, TypeError, msgspec.MsgspecError):
        why = "a public key of X25519 or of a NIST curve, as PEM or JWK"
        raise CardKeyError(f"settlement.key_file = {file!r}: {why}") from None


def _imported(data: Any, *, is_curve: bool) -> OKPKey | ECKey:
    if is_curve:
        return ECKey.import_key(data)
    try:
        return OKPKey.import_key(data)
    except (JoseError, ValueError, TypeError):
        return ECKey.import_key(data)


def _keyed(block: memoryview, entry: str) -> str:
    """The number in a block that was keyed for this time; '' for anything else."""
    text = block.hex().upper()
    head, body = text[_ENTRY_AT : _ENTRY_AT + 3], text[_ENTRY_AT + 3 :]
    if head[0] != entry or not head.isdecimal():
        return ""
    digits, rest = body[: int(head[1:])], body[int(head[1:]) :]
    return digits if not rest.strip("F") else ""
