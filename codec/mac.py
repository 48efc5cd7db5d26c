"""Message authentication codes: making and checking DE 64 or DE 128.

The code covers everything from the MTI to the last byte before the MAC field, with that field's
bit already set in the bitmap; what stands before the MTI is left out.
"""

from __future__ import annotations

import hmac
from functools import reduce
from typing import TYPE_CHECKING, Final, Literal

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC

if TYPE_CHECKING:
    from collections.abc import Callable

    from codec._wire import Message

    _Maker = Callable[[bytes], Callable[[bytes], bytes]]

Algorithm = Literal["cup-ecb", "x9.9", "x9.19", "aes-cmac"]

_PRIMARY_MAC: Final = 64
_SECONDARY_MAC: Final = 128
_DES_BLOCK: Final = 8
_MAC_BYTES: Final = 8


class MacKey:
    """An algorithm and its key; the `repr` shows the algorithm alone.

    >>> MacKey("cup-ecb", bytes.fromhex("2222222222222222"))
    <MacKey cup-ecb>
    """

    __slots__ = ("_compute", "algorithm")

    def __init__(self, algorithm: Algorithm, key: bytes) -> None:
        try:
            allowed, make = _ALGORITHMS[algorithm]
        except KeyError:
            known = ", ".join(_ALGORITHMS)
            raise ValueError(f"no MAC algorithm {algorithm!r}; known are {known}") from None
        if len(key) not in allowed:
            sizes = " or ".join(map(str, allowed))
            raise ValueError(f"a key for {algorithm} has {sizes} bytes, found {len(key)}")
        self.algorithm = algorithm
        self._compute = make(key)

    def __repr__(self) -> str:
        return f"<MacKey {self.algorithm}>"

    def __reduce__(self) -> str:
        raise TypeError("a key is not to be pickled")

    def compute(self, data: bytes) -> bytes:
        """The eight bytes that authenticate `data`."""
        return self._compute(data)


def sign(message: Message, key: MacKey) -> None:
    """Set the message's MAC: DE 128 when it has any field from 65 on, else DE 64."""
    de = _mac_field(message)
    message.patch(de, "0" * (2 * _MAC_BYTES))
    message.patch(de, key.compute(_covered(message, de)).hex().upper())


def verify(message: Message, key: MacKey) -> bool:
    """Whether the message's MAC is there and right."""
    de = _mac_field(message)
    found = message.get(de)
    if found is None:
        return False
    expected = key.compute(_covered(message, de)).hex().upper()
    return hmac.compare_digest(found.upper().encode(), expected.encode())


def _mac_field(message: Message) -> int:
    return _SECONDARY_MAC if message.fields()[-1:] > (_PRIMARY_MAC,) else _PRIMARY_MAC


def _covered(message: Message, de: int) -> bytes:
    return message.raw[message.dialect.header_bytes : message.span(de)[0]]


# ---- Algorithms ---------------------------------------------------------------------------------


def _triple_des(key: bytes) -> TripleDES:
    """Single DES is 3DES with one key thrice."""
    return TripleDES({8: key * 3, 16: key + key[:_DES_BLOCK], 24: key}[len(key)])


def _zero_padded(data: bytes) -> bytes:
    """ISO 9797-1 padding method 1; at least one block."""
    return data + bytes(-len(data) % _DES_BLOCK) or bytes(_DES_BLOCK)


def _encipher(key: bytes, block: bytes) -> bytes:
    encryptor = Cipher(_triple_des(key), ECB()).encryptor()  # noqa: S305 - one block
    return encryptor.update(block)


def _decipher(key: bytes, block: bytes) -> bytes:
    decryptor = Cipher(_triple_des(key), ECB()).decryptor()  # noqa: S305 - one block
    return decryptor.update(block)


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _cbc_mac(key: bytes, data: bytes) -> bytes:
    encryptor = Cipher(_triple_des(key), CBC(bytes(_DES_BLOCK))).encryptor()
    return encryptor.update(_zero_padded(data))[-_DES_BLOCK:]


def _cup_ecb(key: bytes) -> Callable[[bytes], bytes]:
    """UnionPay: blocks XORed, the hex characters of the result enciphered in two halves."""

    def compute(data: bytes) -> bytes:
        padded = _zero_padded(data)
        blocks = (padded[i : i + _DES_BLOCK] for i in range(0, len(padded), _DES_BLOCK))
        folded = reduce(_xor, blocks).hex().upper().encode()
        first = _encipher(key, folded[:_DES_BLOCK])
        return _encipher(key, _xor(first, folded[_DES_BLOCK:])).hex().upper()[:_MAC_BYTES].encode()

    return compute


def _x9_9(key: bytes) -> Callable[[bytes], bytes]:
    """ISO 9797-1 algorithm 1 with single DES."""
    return lambda data: _cbc_mac(key, data)


def _x9_19(key: bytes) -> Callable[[bytes], bytes]:
    """ISO 9797-1 algorithm 3: single DES but for the last block."""
    left, right = key[:_DES_BLOCK], key[_DES_BLOCK:]
    return lambda data: _encipher(left, _decipher(right, _cbc_mac(left, data)))


def _aes_cmac(key: bytes) -> Callable[[bytes], bytes]:
    """RFC 4493, its first eight bytes."""

    def compute(data: bytes) -> bytes:
        mac = CMAC(AES(key))
        mac.update(data)
        return mac.finalize()[:_MAC_BYTES]

    return compute


_ALGORITHMS: Final[dict[str, tuple[tuple[int, ...], _Maker]]] = {
    "cup-ecb": ((8, 16), _cup_ecb),
    "x9.9": ((8,), _x9_9),
    "x9.19": ((16,), _x9_19),
    "aes-cmac": ((16, 24, 32), _aes_cmac),
}
