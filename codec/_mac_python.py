"""The MAC algorithms through `cryptography`: for machines where libcrypto cannot be opened.

About twenty times slower than `_mac`'s own engines, and the second opinion about them in tests.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, cast

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES, SM4
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC

from codec._secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm

    from codec._secret import Key

_DES_BLOCK: Final = 8
_WIDE_BLOCK: Final = 16


def engine(algorithm: str, given: Key, padding: int) -> tuple[Callable[[bytes], bytes], int]:
    """What computes the whole code over some bytes, and how long that code is."""
    key = Secret(given)
    if algorithm == "cup-ecb":
        return partial(_folded, _des(key), _DES_BLOCK), _DES_BLOCK
    if algorithm == "x9.9":
        return partial(_chained, _des(key), _DES_BLOCK, padding), _DES_BLOCK
    if algorithm == "x9.19":
        half = len(key) // 2
        left, right = (
            _des(Secret(part)) for part in (memoryview(key)[:half], memoryview(key)[half:])
        )
        return partial(_retail, left, right, padding), _DES_BLOCK
    # Their types ask for bytes, they take any buffer.
    as_bytes = cast("bytes", key)
    cipher = SM4(as_bytes) if "sm4" in algorithm else AES(as_bytes)
    if algorithm.endswith("cmac"):
        return partial(_cmac, cipher), _WIDE_BLOCK
    if algorithm == "cup-sm4":
        return partial(_folded, cipher, _WIDE_BLOCK), _WIDE_BLOCK
    return partial(_chained, cipher, _WIDE_BLOCK, padding), _WIDE_BLOCK


def _des(key: Secret) -> TripleDES:
    """Single DES is 3DES with one key thrice."""
    thirds = (memoryview(key)[at % len(key) :][:_DES_BLOCK] for at in (0, 8, 16))
    return TripleDES(cast("bytes", Secret(*thirds)))


def _encipher(cipher: BlockCipherAlgorithm, data: bytes) -> bytes:
    return Cipher(cipher, ECB()).encryptor().update(data)  # noqa: S305 - one block


def _decipher(cipher: BlockCipherAlgorithm, data: bytes) -> bytes:
    return Cipher(cipher, ECB()).decryptor().update(data)  # noqa: S305 - one block


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def padded(data: bytes, block: int, method: int) -> bytes:
    """ISO 9797-1 padding; never empty."""
    if method == 2:  # noqa: PLR2004 - the standard's own number
        data += b"\x80"
    front = (8 * len(data)).to_bytes(block, "big") if method == 3 else b""  # noqa: PLR2004
    return front + (data + bytes(-len(data) % block) or bytes(block))


def _folded(cipher: BlockCipherAlgorithm, block: int, data: bytes) -> bytes:
    """UnionPay: blocks XORed, the hex characters of the result enciphered in two halves."""
    whole = padded(data, block, 1)
    folded = bytes(block)
    for at in range(0, len(whole), block):
        folded = _xor(folded, whole[at : at + block])
    text = folded.hex().upper().encode()
    return _encipher(cipher, _xor(_encipher(cipher, text[:block]), text[block:]))


def _chained(cipher: BlockCipherAlgorithm, block: int, padding: int, data: bytes) -> bytes:
    """ISO 9797-1 algorithm 1."""
    encryptor = Cipher(cipher, CBC(bytes(block))).encryptor()
    return encryptor.update(padded(data, block, padding))[-block:]


def _retail(first: TripleDES, second: TripleDES, padding: int, data: bytes) -> bytes:
    """ISO 9797-1 algorithm 3."""
    return _encipher(first, _decipher(second, _chained(first, _DES_BLOCK, padding, data)))


def _cmac(cipher: BlockCipherAlgorithm, data: bytes) -> bytes:
    mac = CMAC(cipher)
    mac.update(data)
    return mac.finalize()
