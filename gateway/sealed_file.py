"""Files that are enciphered piece by piece, so that none is too large for memory.

The first line is JSON in clear: a format, a nonce, and the file's own key (AES-256-GCM) wrapped
under one derived from the journal's key file.  Pieces follow, each with its length; each piece's
nonce holds its number and whether it is the last, so that none can be left out, moved or cut off.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE_BYTES: Final = 1 << 20
_TAG_BYTES: Final = 16
_LENGTH_BYTES: Final = 4
_NONCE_BYTES: Final = 12
_PREFIX_BYTES: Final = 7
_FORMAT: Final = 2
_HEAD_BYTES_MAX: Final = 4_096


class SealedFileError(Exception):
    """A file that was not written here, not whole, or under another key; says which."""


class _Head(msgspec.Struct, frozen=True):
    """The first line."""

    format: int
    nonce: str
    wrapped_key: str
    said: dict[str, str]


def seal(source: BinaryIO, target: BinaryIO, master: bytes, said: dict[str, str]) -> None:
    """Write `source` enciphered; `said` stands in clear at its head and can't be changed."""
    key, prefix = AESGCM.generate_key(256), os.urandom(_PREFIX_BYTES)
    nonce = os.urandom(_NONCE_BYTES)
    wrapped = nonce + AESGCM(master).encrypt(nonce, key, b"")
    head = msgspec.json.encode(_Head(_FORMAT, prefix.hex(), wrapped.hex(), said))
    target.write(head + b"\n")
    cipher, number, piece = AESGCM(key), 0, source.read(PIECE_BYTES)
    while True:
        following = source.read(PIECE_BYTES)
        sealed = cipher.encrypt(_nonce(prefix, number, last=not following), piece, head)
        target.write(len(sealed).to_bytes(_LENGTH_BYTES) + sealed)
        if not following:
            return
        number, piece = number + 1, following


def open_sealed(source: BinaryIO, target: BinaryIO, master: bytes) -> dict[str, str]:
    """Write what was sealed in clear; returns what its head says.  Raises SealedFileError."""
    line = source.readline(_HEAD_BYTES_MAX)
    try:
        head = msgspec.json.decode(line, type=_Head)
        wrapped, prefix = bytes.fromhex(head.wrapped_key), bytes.fromhex(head.nonce)
        key = AESGCM(master).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], b"")
        cipher = AESGCM(key)
        for number, (piece, is_last) in enumerate(_pieces(source)):
            nonce = _nonce(prefix, number, last=is_last)
            target.write(cipher.decrypt(nonce, piece, line.rstrip(b"\n")))
    except InvalidTag:
        message = "made under another key, or not what was written"
        raise SealedFileError(message) from None
    except (msgspec.MsgspecError, ValueError) as error:
        message = f"no such file of ours: {type(error).__name__}"
        raise SealedFileError(message) from None
    return head.said


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + number.to_bytes(_LENGTH_BYTES) + bytes([last])


def _pieces(source: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Each piece, and whether it is the last.  Raises ValueError where one is not whole."""
    piece = _piece(source)
    if not piece:
        message = "nothing is in it"
        raise ValueError(message)
    while piece:
        following = _piece(source)
        yield piece, not following
        piece = following


def _piece(source: BinaryIO) -> bytes:
    length = int.from_bytes(source.read(_LENGTH_BYTES))
    if length > PIECE_BYTES + _TAG_BYTES:
        message = "a piece of it is longer than any that is written"
        raise ValueError(message)
    piece = source.read(length)
    if len(piece) != length:
        message = "it was cut off"
        raise ValueError(message)
    return piece
