"""Card numbers at rest: enciphered under a key that lives outside the journal.

Each life of the gateway (each epoch) derives its own AES-256-GCM key from the key file and the
epoch's random salt, so that a charge's number is a nonce that this key sees once.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.journal import _seal
from gateway.journal.folders import sync_folder

if TYPE_CHECKING:
    from pathlib import Path

KEY_BYTES: Final = 32
SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_OTHERS: Final = 0o077


class KeyFileError(Exception):
    """The key file can't be used; the message says why and never holds the key."""


def load_key(path: Path) -> bytes:
    """The key in `path`; made, with mode 0600, if there is no such file.  Raises KeyFileError."""
    try:
        _create(path)
    except FileExistsError:
        pass
    except OSError as error:
        message = f"journal.key_file {path}: cannot be made: {error.strerror}"
        raise KeyFileError(message) from None
    return read_key(path)


def _create(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, os.urandom(KEY_BYTES).hex().encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(path.parent)


def read_key(path: Path) -> bytes:
    """The key in `path`, which must exist and be readable by its owner alone."""
    try:
        if path.stat().st_mode & _OTHERS:
            message = f"journal.key_file {path}: others can read it; chmod 600 it"
            raise KeyFileError(message)
        key = bytes.fromhex(path.read_text("ascii").strip())
    except OSError as error:
        message = f"journal.key_file {path}: {error.strerror}"
        raise KeyFileError(message) from None
    except ValueError:
        message = f"journal.key_file {path}: not hexadecimal"
        raise KeyFileError(message) from None
    if len(key) != KEY_BYTES:
        message = f"journal.key_file {path}: {len(key)} bytes, a key has {KEY_BYTES}"
        raise KeyFileError(message)
    return key


class Vault:
    """Enciphers card numbers for one epoch, deciphers those of every epoch."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.card_key = _derived(key, b"", b"isogate card counting")
        """Under which cards are hashed in memory and in the docket."""
        self.backup_key = _derived(key, b"", b"isogate backups")
        """Under which each backup's own key is wrapped."""
        self.card_door_key = _derived(key, b"", b"isogate settlement cards")
        """The private key (X25519) of those who send a settlement card's number."""
        self._ciphers: dict[int, AESGCM] = {}
        self._sealing = 0
        """The newest epoch: its numbers are sealed by libcrypto itself, where that can be had."""
        self._sealer: _seal.Sealer | None = None

    def know_epoch(self, epoch: int, salt: bytes) -> None:
        """The salt of an epoch, read from the journal or newly made for this life."""
        key = _derived(self._key, salt, b"isogate pan at rest")
        self._ciphers[epoch] = AESGCM(key)
        if _seal.AVAILABLE and epoch > self._sealing:
            self._sealing, self._sealer = epoch, _seal.Sealer(key)

    def seal(self, epoch: int, charge_id: int, pan: str) -> bytes:
        """The card number of a charge as it may rest on disk; b'' for none."""
        if not pan:
            return b""
        if self._sealer is not None and epoch == self._sealing and pan.isascii():
            return self._sealer.seal(charge_id, pan)
        nonce = charge_id.to_bytes(_NONCE_BYTES)
        return self._ciphers[epoch].encrypt(nonce, pan.encode(), str(charge_id).encode())

    def unseal(self, epoch: int, charge_id: int, sealed: bytes) -> str:
        """The card number back; raises cryptography's InvalidTag under a wrong key."""
        if not sealed:
            return ""
        nonce = charge_id.to_bytes(_NONCE_BYTES)
        return self._ciphers[epoch].decrypt(nonce, sealed, str(charge_id).encode()).decode()


def _derived(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=purpose).derive(key)
