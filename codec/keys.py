"""Key check values, and working keys as they come in DE 62 of a sign-in answer.

A host hands out PIN, MAC and track keys (PIK, MAK, TDK), each enciphered under the terminal's
master key (TMK) and followed by four bytes of check value.  The length of the whole tells which
keys there are and how long.  Not for the hot path; where keys are kept is none of this file's
business.

Clear keys come out as `Secret`, whose memory is wiped when it is freed.  What is given as `bytes`
stays in memory for as long as Python pleases.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES, SM4
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.cmac import CMAC

from codec._secret import Secret, wipe
from codec.errors import KeyBlockError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm


__all__ = [
    "CheckMethod",
    "Key",
    "KeyCipher",
    "Secret",
    "WorkingKeys",
    "check_method",
    "check_value",
    "key_field",
    "key_parts",
    "unwrap",
    "wipe",
    "working_key_block",
    "working_keys",
    "wrap",
]

Key: TypeAlias = bytes | bytearray | memoryview | Secret
CheckMethod = Literal["des", "sm4", "aes-ecb", "aes-cmac"]
KeyCipher = Literal["des", "aes", "sm4"]

CHECK_BYTES: Final = 4
_DES_KEY_BYTES: Final = (8, 16, 24)
_DES_BLOCK: Final = 8
_BLOCK_MAX: Final = 16
_CHECKS: Final[dict[KeyCipher, CheckMethod]] = {"des": "des", "aes": "aes-cmac", "sm4": "sm4"}
"""How check values are made where nothing else was agreed."""

_LAYOUTS: Final = {
    24: (8, 8),
    40: (16, 16),
    60: (16, 16, 16),
    56: (24, 24),
    84: (24, 24, 24),
}
"""Bytes of PIK, MAK and perhaps TDK, by the length of the whole field."""


@dataclass(frozen=True, slots=True)
class WorkingKeys:
    """The keys of one sign-in, in clear; `tdk` is empty where the host gave none."""

    pik: Key = field(repr=False)
    mak: Key = field(repr=False)
    tdk: Key = field(repr=False, default=b"")


def check_value(key: Key, method: CheckMethod = "des", length: int = CHECK_BYTES) -> bytes:
    """The first `length` bytes of what `key` makes of a block of zeros.

    >>> check_value(bytes.fromhex("5BB5C72CD00B7338")).hex()
    'ab7153ca'
    """
    buffer = cast("bytes", key)
    if method == "aes-cmac":
        mac = CMAC(AES(buffer))
        mac.update(bytes(16))
        return mac.finalize()[:length]
    cipher: BlockCipherAlgorithm
    match method:
        case "des":
            cipher = _triple_des(key)
        case "sm4":
            cipher = SM4(buffer)
        case "aes-ecb":
            cipher = AES(buffer)
    zeros = bytes(cipher.block_size // 8)
    return Cipher(cipher, ECB()).encryptor().update(zeros)[:length]  # noqa: S305 - one block


def check_method(cipher: KeyCipher) -> CheckMethod:
    """How check values of this cipher's keys are made where nothing else was agreed."""
    return _CHECKS[cipher]


def wrap(master: Key, key: Key, cipher: KeyCipher = "des") -> bytes:
    """`key` under `master`, a key of `cipher`: each block alone."""
    return Cipher(_cipher(master, cipher), ECB()).encryptor().update(memoryview(key))  # noqa: S305 - as agreed


def unwrap(master: Key, enciphered: bytes, cipher: KeyCipher = "des") -> Secret:
    """The clear key of what `wrap` made."""
    decryptor = Cipher(_cipher(master, cipher), ECB()).decryptor()  # noqa: S305 - as agreed
    # `update` would return the key as bytes, which nobody can wipe.
    clear = bytearray(len(enciphered) + _BLOCK_MAX - 1)
    try:
        return Secret(memoryview(clear)[: decryptor.update_into(enciphered, clear)])
    finally:
        wipe(clear)


def working_keys(master: Key, data: bytes, cipher: KeyCipher = "des") -> WorkingKeys:
    """The keys in DE 62 of a sign-in answer; KeyBlockError when a check value is wrong.

    A MAK of sixteen bytes whose right half is zero on the wire is one of eight.
    """
    keys = []
    for name, enciphered, check in key_parts(data):
        key = unwrap(master, enciphered, cipher)
        if not hmac.compare_digest(check_value(key, check_method(cipher)), check):
            raise KeyBlockError(f"the check value of the {name} does not fit")
        keys.append(key)
    return WorkingKeys(*keys)


def key_parts(data: bytes) -> list[tuple[str, bytes, bytes]]:
    """Name, enciphered key and check value of each key in DE 62, as they came."""
    sizes = _LAYOUTS.get(len(data))
    if sizes is None:
        known = ", ".join(map(str, sorted(_LAYOUTS)))
        raise KeyBlockError(f"expected {known} bytes of working keys, found {len(data)}")
    parts = []
    at = 0
    for name, size in zip(("PIK", "MAK", "TDK"), sizes, strict=False):
        enciphered, check = data[at : at + size], data[at + size : at + size + CHECK_BYTES]
        at += size + CHECK_BYTES
        if name == "MAK" and size == 16 and not any(enciphered[8:]):  # noqa: PLR2004
            enciphered = enciphered[:8]
        parts.append((name, enciphered, check))
    return parts


def working_key_block(master: Key, keys: WorkingKeys, cipher: KeyCipher = "des") -> bytes:
    """DE 62 for these keys, as a host sends it; the inverse of `working_keys`."""
    given: tuple[Key, ...] = (keys.pik, keys.mak, keys.tdk)
    return key_field(
        [
            (wrap(master, key, cipher), check_value(key, check_method(cipher)))
            for key in given
            if len(key)
        ]
    )


def key_field(parts: Sequence[tuple[bytes, bytes]]) -> bytes:
    """DE 62 of enciphered keys (PIK, MAK and perhaps TDK) and their check values."""
    field = b""
    for enciphered, check in parts:
        if len(enciphered) == _DES_BLOCK and len(parts[0][0]) == 2 * _DES_BLOCK:
            enciphered = enciphered.ljust(2 * _DES_BLOCK, b"\0")  # noqa: PLW2901 - a single-length MAK
        field += enciphered + check
    if len(field) not in _LAYOUTS:
        raise KeyBlockError(f"keys of these lengths make {len(field)} bytes, which no host sends")
    return field


def _cipher(key: Key, cipher: KeyCipher) -> BlockCipherAlgorithm:
    if cipher == "des":
        return _triple_des(key)
    try:
        return AES(cast("bytes", key)) if cipher == "aes" else SM4(cast("bytes", key))
    except ValueError:
        raise KeyBlockError(f"no key of {cipher} has {len(key)} bytes") from None


def _triple_des(key: Key) -> TripleDES:
    """Single DES is 3DES with one key thrice."""
    if len(key) not in _DES_KEY_BYTES:
        raise KeyBlockError(f"expected a DES key of 8, 16 or 24 bytes, found {len(key)}")
    view = memoryview(key)
    thirds = (view[at % len(key) :][:_DES_BLOCK] for at in (0, _DES_BLOCK, 2 * _DES_BLOCK))
    # Its types ask for bytes, it takes any buffer.
    return TripleDES(cast("bytes", Secret(*thirds)))
