"""Keys under keys of a PKCS#11 token: transport keys work inside it, and never leave it.

The token holds two keys of its own, made at the first start and not extractable: one wraps (AES
key wrap, RFC 3394), one authenticates label and block (AES-CMAC).  Working keys are in this
process while they are made, taken or given, and MAC keys wherever they are asked for.  PKCS#11 has
no translation of PIN blocks, so a PIN would be in clear here: refused.  SM4 is not in it either.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codec.keys import Secret
from gateway.keys.entropy import from_system
from gateway.keys.port import CustodyError
from gateway.keys.safe import labelled
from gateway.keys.sealed import SealedCustody
from gateway.keys.token import Token

if TYPE_CHECKING:
    from collections.abc import Callable

    from codec.keys import Key, KeyCipher
    from gateway.keys.entropy import Fill
    from gateway.keys.port import PinKey
    from gateway.keys.settings import Pkcs11Settings
    from gateway.keys.wrapped import KeyUsage, WrappedKey

_TAG_BYTES: Final = 16
_SINGLE: Final = 8
_OWN_BITS: Final = 256


class Pkcs11Custody(SealedCustody):
    """A `KeyCustody` over a token."""

    kind = "pkcs11"

    def __init__(
        self,
        token: Token,
        under: str,
        *,
        fill: Fill = from_system,
        wall: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(TokenSafe(token, under), fill, wall)
        self._token = token

    @classmethod
    async def open(
        cls,
        settings: Pkcs11Settings,
        pin: Secret,
        *,
        wall: Callable[[], float] = time.time,
    ) -> Pkcs11Custody:
        """A custody over the token that the settings name.  Raises CustodyError."""
        token = Token(settings, pin)
        return cls(token, await token.run(_name_of_token), wall=wall)

    async def translate_pin_block(
        self, block: bytes, pan: str, *, source: PinKey, target: PinKey
    ) -> bytes:
        """Refused: see above."""
        del block, pan, source, target
        raise CustodyError("PKCS#11 has no translation of PIN blocks")

    def wipe(self) -> None:
        """End the session; nothing can be opened afterwards."""
        self._token.close()


class TokenSafe:
    """A `KeySafe` whose keys are the token's."""

    def __init__(self, token: Token, under: str) -> None:
        self._token = token
        self.under = under

    async def seal(
        self, clear: Key, *, usage: KeyUsage, cipher: KeyCipher, owner: str, made: int
    ) -> WrappedKey:
        """As `KeySafe` has it."""
        key = labelled(clear, usage=usage, cipher=cipher, owner=owner, made=made, under=self.under)
        if cipher == "sm4":
            raise CustodyError(f"{usage}: PKCS#11 has no SM4")
        return await self._token.run(lambda session: _sealed(session, key, _filled(clear)))

    async def open(self, key: WrappedKey) -> Secret:
        """As `KeySafe` has it; never for transport keys."""
        if key.usage in ("tmk", "zmk"):
            raise CustodyError(f"the {key.usage} of {key.owner!r} does not leave the token")
        self._check_under(key)

        def value(session: Any) -> Secret:
            with _Opened(session, key, leaves=True) as opened:
                return Secret(opened[_attribute("VALUE")][: key.length])

        return await self._token.run(value)

    async def encipher(self, transport: WrappedKey, clear: Key) -> bytes:
        """As `KeySafe` has it, in the token."""
        self._check_under(transport)

        def enciphered(session: Any) -> bytes:
            with _Opened(session, transport) as opened:
                made: bytes = opened.encrypt(bytes(clear), mechanism=_ecb(transport))
                return made

        return await self._token.run(enciphered)

    async def decipher(self, transport: WrappedKey, data: bytes) -> Secret:
        """As `KeySafe` has it, in the token."""
        self._check_under(transport)

        def deciphered(session: Any) -> Secret:
            with _Opened(session, transport) as opened:
                return Secret(opened.decrypt(data, mechanism=_ecb(transport)))

        return await self._token.run(deciphered)

    async def check_value(self, key: WrappedKey) -> bytes:
        """As `KeySafe` has it, in the token."""
        self._check_under(key)

        def checked(session: Any) -> bytes:
            with _Opened(session, key) as opened:
                if key.cipher == "aes":
                    made = opened.sign(bytes(16), mechanism=_mechanism("AES_CMAC"))
                else:
                    made = opened.encrypt(bytes(8), mechanism=_ecb(key))
                return bytes(made[:4])

        return await self._token.run(checked)

    async def rewrap(self, key: WrappedKey) -> WrappedKey:
        """The same key wrapped again, without its leaving the token."""
        self._check_under(key)

        def wrapped(session: Any) -> WrappedKey:
            with _Opened(session, key, wrappable=True) as opened:
                return _with_block(session, key, _own(session, _WRAPS).wrap_key(opened))

        return await self._token.run(wrapped)

    def _check_under(self, key: WrappedKey) -> None:
        if key.under != self.under:
            why = f"is under {key.under}, which is not held here"
            raise CustodyError(f"the {key.usage} of {key.owner!r} {why}")


# What is done with a session, in the token's thread

_WRAPS: Final = "isogate-kek"
_LABELS: Final = "isogate-label"


class _Opened:
    """A wrapped key as an object of a session, which is destroyed afterwards."""

    def __init__(
        self, session: Any, key: WrappedKey, *, leaves: bool = False, wrappable: bool = False
    ) -> None:
        self._session, self._key = session, key
        self._leaves, self._wrappable = leaves, wrappable

    def __enter__(self) -> Any:
        wrapped = _checked_block(self._session, self._key)
        template = {
            _attribute("EXTRACTABLE"): self._leaves or self._wrappable,
            _attribute("SENSITIVE"): not self._leaves,
        }
        self._object = _own(self._session, _WRAPS).unwrap_key(
            _secret_key(),
            _key_type(self._key),
            wrapped,
            mechanism=_mechanism("AES_KEY_WRAP"),
            capabilities=_uses(self._key),
            template=template,
            store=False,
        )
        return self._object

    def __exit__(self, *_error: object) -> None:
        self._object.destroy()


def _sealed(session: Any, key: WrappedKey, value: bytes) -> WrappedKey:
    made = session.create_object(
        {
            _attribute("CLASS"): _secret_key(),
            _attribute("KEY_TYPE"): _key_type(key),
            _attribute("VALUE"): value,
            _attribute("TOKEN"): False,
            _attribute("EXTRACTABLE"): True,
            _attribute("SENSITIVE"): True,
        }
    )
    try:
        wrapped = _own(session, _WRAPS).wrap_key(made, mechanism=_mechanism("AES_KEY_WRAP"))
        return _with_block(session, key, wrapped)
    finally:
        made.destroy()


def _with_block(session: Any, key: WrappedKey, wrapped: bytes) -> WrappedKey:
    block = base64.urlsafe_b64encode(wrapped + _tag(session, key, wrapped)).decode().rstrip("=")
    return msgspec.structs.replace(key, block=block)


def _checked_block(session: Any, key: WrappedKey) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(key.block + "=" * (-len(key.block) % 4))
    except binascii.Error:
        raise CustodyError(f"the {key.usage} of {key.owner!r} can't be read") from None
    wrapped, tag = raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(session, key, wrapped)):
        raise CustodyError(f"the {key.usage} of {key.owner!r} was altered, or its label was")
    return wrapped


def _tag(session: Any, key: WrappedKey, wrapped: bytes) -> bytes:
    text = key.label.encode() + b":" + wrapped
    made: bytes = _own(session, _LABELS).sign(text, mechanism=_mechanism("AES_CMAC"))
    return made


def _name_of_token(session: Any) -> str:
    """What the token's keys are called in labels: by a check value; made if they are not there."""
    for label, uses in ((_WRAPS, ("WRAP", "UNWRAP")), (_LABELS, ("SIGN", "VERIFY"))):
        if not list(session.get_objects({_attribute("LABEL"): label})):
            session.generate_key(
                _types().AES,
                _OWN_BITS,
                label=label,
                store=True,
                capabilities=_flags(*uses),
                template={_attribute("EXTRACTABLE"): False, _attribute("SENSITIVE"): True},
            )
    made = _own(session, _LABELS).sign(bytes(16), mechanism=_mechanism("AES_CMAC"))
    return f"token-{made[:4].hex()}"


def _own(session: Any, label: str) -> Any:
    return session.get_key(object_class=_secret_key(), label=label)


def _filled(clear: Key) -> bytes:
    """A single-length key is held as a double one of two equal halves, which enciphers the same."""
    value = bytes(memoryview(clear))
    return value * 2 if len(value) == _SINGLE else value


def _key_type(key: WrappedKey) -> Any:
    if key.cipher == "aes":
        return _types().AES
    return _types().DES3 if key.length == 24 else _types().DES2  # noqa: PLR2004 - bytes


def _uses(key: WrappedKey) -> Any:
    ciphers = ("ENCRYPT", "DECRYPT")
    return _flags(*ciphers, "SIGN") if key.cipher == "aes" else _flags(*ciphers)


def _ecb(key: WrappedKey) -> Any:
    return _mechanism("AES_ECB" if key.cipher == "aes" else "DES3_ECB")


def _flags(*names: str) -> Any:
    from pkcs11 import MechanismFlag  # noqa: PLC0415 - optional

    made = MechanismFlag(0)
    for name in names:
        made |= MechanismFlag[name]
    return made


def _mechanism(name: str) -> Any:
    from pkcs11 import Mechanism  # noqa: PLC0415 - optional

    return Mechanism[name]


def _attribute(name: str) -> Any:
    from pkcs11 import Attribute  # noqa: PLC0415 - optional

    return Attribute[name]


def _types() -> Any:
    from pkcs11 import KeyType  # noqa: PLC0415 - optional

    return KeyType


def _secret_key() -> Any:
    from pkcs11 import ObjectClass  # noqa: PLC0415 - optional

    return ObjectClass.SECRET_KEY
