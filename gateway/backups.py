"""Backs a terminal's transactions up before it goes out of service: enciphered, then read again.

A file holds one terminal's rows of the journal as JSON lines, under a key of its own
(AES-256-GCM), which is wrapped under a key derived from the journal's key file.  Card numbers in it
are sealed once more, as in the journal.  What was read from the file and what the journal holds by
then are handed to routing, which compares them: no match, no step.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import trio
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.journal.desk_reader import DeskReader
from gateway.journal.folders import sync_folder
from gateway.journal.port import JournalError
from gateway.journal.vault import KeyFileError, Vault, read_key
from gateway.journal_backups import JournalBackups
from routing.accounts.backup import Evidence, Sums

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.config import Config
    from gateway.desk.floor import Floor
    from gateway.tools import Tools
    from routing.accounts.backup import Wanted
    from routing.switch import Switch

_LOOK_EVERY_S: Final = 1.0
_RETRY_S: Final = 10.0
"""Pause after a backup that failed or did not match."""
_NONCE_BYTES: Final = 12
_FORMAT: Final = 1
_NOT_IN_NAMES: Final = re.compile(r"[^\w.-]")
_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


class BackupError(Exception):
    """A file is no backup, or can't be opened with this key; the message says why."""


class _Head(msgspec.Struct, frozen=True):
    """The first line of a file, in clear."""

    format: int
    merchant: str
    terminal: str
    request: str
    nonce: str
    wrapped_key: str


class Backups:
    """The task that makes them."""

    def __init__(self, config: Config, switch: Switch, floor: Floor, tools: Tools) -> None:
        self._config, self._switch, self._floor = config, switch, floor
        self._clock, self._log, self._offload = tools.clock, tools.log, tools.offload
        self.whole = JournalBackups(config, tools)
        """Of the whole journal, on a schedule."""
        self.results: Counter[str] = Counter()
        """Tries by what came of them: verified, differs, failed."""
        self.last_at = 0.0
        """When the last verified one was made."""

    async def run(self) -> None:
        """For ever, where there is a journal: make what is wanted, again if it failed."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.whole.run)
            nursery.start_soon(self._of_terminals)

    async def _of_terminals(self) -> None:
        while self._config.journal.kind != "none":
            pause_s = _LOOK_EVERY_S
            for wanted in self._switch.office.devices.backups_wanted():
                if not await self._back_up(wanted):
                    pause_s = _RETRY_S
            await trio.sleep(pause_s)

    async def _back_up(self, wanted: Wanted) -> bool:
        try:
            evidence = await self._offload(made, self._config, wanted)
        except (JournalError, KeyFileError, BackupError, OSError) as error:
            self.results["failed"] += 1
            self._log.error("a backup failed", request=wanted.request, why=str(error))
            return False
        self.results["verified" if evidence.matches else "differs"] += 1
        now = self._clock.now()
        if evidence.matches:
            self.last_at = now.wall
        self._switch.office.devices.backed_up(wanted, evidence, now)
        await self._floor.settle()
        return evidence.matches


def made(config: Config, wanted: Wanted) -> Evidence:
    """Write a terminal's transactions, and say what was read from the file and from the journal.

    Raises JournalError, KeyFileError, BackupError or OSError.
    """
    folder = Path(config.backups.folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = _NOT_IN_NAMES.sub("_", f"{wanted.merchant}-{wanted.terminal}-{wanted.request}.backup")
    path = folder / name
    with DeskReader(config) as reader:
        rows = list(reader.transactions(wanted.merchant, wanted.terminal))
    _write(path, _sealed(rows, wanted, read_key(config.journal.key_path)))
    found = sums_of(opened(path, config))
    with DeskReader(config) as reader:
        journal = sums_of(reader.transactions(wanted.merchant, wanted.terminal))
    return Evidence(journal, found, path.name)


def _sealed(rows: Iterable[dict[str, Any]], wanted: Wanted, journal_key: bytes) -> bytes:
    key, nonce = AESGCM.generate_key(256), os.urandom(_NONCE_BYTES)
    wrapped = nonce + AESGCM(Vault(journal_key).backup_key).encrypt(nonce, key, b"")
    head = _encode(
        _Head(_FORMAT, wanted.merchant, wanted.terminal, wanted.request, nonce.hex(), wrapped.hex())
    )
    body = b"\n".join(map(_encode, rows))
    return head + b"\n" + AESGCM(key).encrypt(nonce, body, head)


def _write(path: Path, data: bytes) -> None:
    """Whole and on the disk, or not there."""
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def opened(path: Path, config: Config) -> list[dict[str, Any]]:
    """The rows of a backup.  Raises BackupError, KeyFileError or OSError."""
    head, _, sealed = path.read_bytes().partition(b"\n")
    try:
        said = msgspec.json.decode(head, type=_Head)
        wrapped = bytes.fromhex(said.wrapped_key)
        master = AESGCM(Vault(read_key(config.journal.key_path)).backup_key)
        key = master.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], b"")
        body = AESGCM(key).decrypt(bytes.fromhex(said.nonce), sealed, head)
        return [_decode(line) for line in body.split(b"\n") if line]
    except InvalidTag:
        message = f"{path.name}: made under another key, or not what was written"
        raise BackupError(message) from None
    except (msgspec.MsgspecError, ValueError) as error:
        message = f"{path.name}: no backup: {type(error).__name__}"
        raise BackupError(message) from None


def sums_of(rows: Iterable[dict[str, Any]]) -> Sums:
    """What is compared: how many, how much money, and a digest of everything."""
    digest, count, money = hashlib.sha256(), 0, 0
    for row in rows:
        count += 1
        money += int(row["approved_amount"] or row["amount"])
        digest.update(_encode(row) + b"\n")
    return Sums(count, money, digest.hexdigest())
