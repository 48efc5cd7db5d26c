"""The safe: keys sealed under a key-encryption key, as they rest, and opened for a moment.

AES-256-GCM, a random nonce each; the label is authenticated with the key, so that a key is never
taken for another one, for another usage or for another owner's.  What is opened lies in memory that
is wiped.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING, Final, cast

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

from codec.keys import Secret, check_method, check_value, unwrap, wipe, wrap
from gateway.keys.entropy import drawn
from gateway.keys.port import CustodyError
from gateway.keys.wrapped import KEY_SIZES, WrappedKey, owner_is_good

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codec.keys import Key, KeyCipher
    from gateway.keys.entropy import Fill
    from gateway.keys.wrapped import KeyUsage

KEK_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16


class Safe:
    """Seals under the first KEK; opens what was sealed under any of them."""

    def __init__(self, keks: Sequence[Key], fill: Fill) -> None:
        if not keks:
            raise CustodyError("no key-encryption key is given")
        for kek in keks:
            if len(kek) != KEK_BYTES:
                message = f"a key-encryption key has {KEK_BYTES} bytes, found {len(kek)}"
                raise CustodyError(message)
        self._keks = {name_of(kek): Secret(kek) for kek in keks}
        self.under = name_of(keks[0])
        """The name of the KEK that seals."""
        self._fill = fill

    async def seal(
        self, clear: Key, *, usage: KeyUsage, cipher: KeyCipher, owner: str, made: int
    ) -> WrappedKey:
        """A key as it may rest anywhere."""
        key = labelled(clear, usage=usage, cipher=cipher, owner=owner, made=made, under=self.under)
        nonce = drawn(self._fill, _NONCE_BYTES)
        sealing = Cipher(AES(self._kek(self.under)), GCM(nonce)).encryptor()
        sealing.authenticate_additional_data(key.label.encode())
        sealed = sealing.update(memoryview(clear)) + sealing.finalize()
        block = base64.urlsafe_b64encode(nonce + sealed + sealing.tag)
        return msgspec.structs.replace(key, block=block.decode().rstrip("="))

    async def open(self, key: WrappedKey) -> Secret:
        """The key in clear.  Raises CustodyError where anything of it was altered."""
        if key.under not in self._keks:
            message = (
                f"the {key.usage} of {key.owner!r} is under {key.under}, which is not held here"
            )
            raise CustodyError(message)
        try:
            raw = base64.urlsafe_b64decode(key.block + "=" * (-len(key.block) % 4))
        except binascii.Error:
            raise CustodyError(f"the {key.usage} of {key.owner!r} can't be read") from None
        nonce, sealed, tag = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:-_TAG_BYTES], raw[-_TAG_BYTES:]
        if len(sealed) != key.length or len(tag) != _TAG_BYTES:
            raise CustodyError(f"the {key.usage} of {key.owner!r} is not as long as it says")
        opening = Cipher(AES(self._kek(key.under)), GCM(nonce, tag)).decryptor()
        opening.authenticate_additional_data(key.label.encode())
        # `update` would return the key as bytes, which nobody can wipe.
        clear = bytearray(len(sealed) + _TAG_BYTES)
        try:
            size = opening.update_into(sealed, clear)
            opening.finalize()
            return Secret(memoryview(clear)[:size])
        except InvalidTag:
            message = f"the {key.usage} of {key.owner!r} was altered, or its label was"
            raise CustodyError(message) from None
        finally:
            wipe(clear)

    async def encipher(self, transport: WrappedKey, clear: Key) -> bytes:
        """A key under a transport key."""
        return wrap(await self.open(transport), clear, transport.cipher)

    async def decipher(self, transport: WrappedKey, data: bytes) -> Secret:
        """The inverse."""
        return unwrap(await self.open(transport), data, transport.cipher)

    async def check_value(self, key: WrappedKey) -> bytes:
        """The check value as usual for the key's cipher."""
        return check_value(await self.open(key), check_method(key.cipher))

    async def rewrap(self, key: WrappedKey) -> WrappedKey:
        """The same key under the first KEK."""
        clear = await self.open(key)
        return await self.seal(
            clear, usage=key.usage, cipher=key.cipher, owner=key.owner, made=key.made
        )

    def wipe(self) -> None:
        """Forget the KEKs now."""
        for kek in self._keks.values():
            kek.wipe()

    def _kek(self, name: str) -> bytes:
        # `cryptography`'s types ask for bytes, it takes any buffer.
        return cast("bytes", self._keks[name])


def labelled(
    clear: Key, *, usage: KeyUsage, cipher: KeyCipher, owner: str, made: int, under: str
) -> WrappedKey:
    """The label of a key that is about to be sealed, without a block.  Raises CustodyError."""
    if len(clear) not in KEY_SIZES[cipher]:
        sizes = ", ".join(map(str, KEY_SIZES[cipher]))
        message = f"{usage}: a key of {cipher} has {sizes} bytes, found {len(clear)}"
        raise CustodyError(message)
    if not owner_is_good(owner):
        raise CustodyError("an owner has at most 64 printable characters other than a colon")
    return WrappedKey(
        usage=usage,
        cipher=cipher,
        length=len(clear),
        check=check_value(clear, check_method(cipher)).hex().upper(),
        owner=owner,
        made=made,
        under=under,
        block="",
    )


def name_of(kek: Key) -> str:
    """What a KEK is called in labels: by its check value."""
    return f"kek-{check_value(kek, 'aes-cmac').hex()}"


def same_check(key: Key, given: bytes, method: str) -> bool:
    """Whether a check value of however many bytes, but two at least, fits a key."""
    made = check_value(key, method, len(given))  # type: ignore[arg-type]
    return len(given) > 1 and hmac.compare_digest(made, given)
