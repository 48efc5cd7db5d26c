"""Backs the whole journal up on a schedule, and restores each backup to see whether it is good.

A backup is one instant's copy, made beside the running gateway, enciphered (`sealed_file`), written
whole or not at all.  A process of its own makes it, gently: the gateway's own time is for charges.
Then it is opened again into another file, as a restore would, and that is
held against the copy: SQLite's own check, the counts and sums of every table, the chain of the
audit log, and card numbers that the key must open.  What fails that is no backup: it is put aside
under another name, told of, and made again.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import apsw
import msgspec
import trio
from cryptography.exceptions import InvalidTag

from gateway.journal import audit_log
from gateway.journal.folders import sync_folder
from gateway.journal.port import JournalError
from gateway.journal.reader import JournalReader
from gateway.journal.redo import SUFFIXES
from gateway.journal.schema import version_of
from gateway.journal.vault import KeyFileError, Vault, read_key
from gateway.sealed_file import SealedFileError, open_sealed, seal

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.tools import Tools

_LOOK_EVERY_S: Final = 30.0
"""The clock may be set meanwhile."""
_FIRST_AFTER_S: Final = 3_600.0
"""Where there is no backup yet, the first is made so long after the start, or at its time."""
_HOUR_S: Final = 3_600.0
_RETRY_S: Final = 600.0
_NAME: Final = "journal-%Y%m%dT%H%M%S.backup"
_PATTERN: Final = "journal-*.backup"
_BAD: Final = ".bad"
_NICER: Final = 10
_MAKING, _TESTING = ".making-", ".testing-"
_LEFT_S: Final = 3_600.0
"""A working folder that is older is nobody's any more."""
_CARDS_OPENED: Final = 100
"""Card numbers, of the newest charges, that a restored journal must open."""


class Contents(NamedTuple):
    """What is compared."""

    schema: int
    charges: int
    newest: int
    money: int
    entries: int
    kept: int
    audit: int
    audit_head: str

    def told(self) -> str:
        """For a person."""
        return f"{self.charges} charges, {self.money}; {self.audit} lines of the audit log"


class Backup(NamedTuple):
    """One that was made, and restored to be looked at."""

    file: Path
    made_at: float
    contents: Contents


class Where(msgspec.Struct, frozen=True):
    """What a backup is made of, and where it goes."""

    journal: str
    key_file: str
    folder: str
    keep: int


class BackupFailedError(Exception):
    """No backup came of it, or one that can't be restored; the message says why."""


class JournalBackups:
    """The task that makes them when it is time."""

    def __init__(self, config: Config, tools: Tools) -> None:
        self._config, self._clock = config, tools.clock
        self._log, self._offload = tools.log, tools.offload
        self._started_at = tools.clock.now().wall
        self._failed_at = 0.0
        self.last_at = 0.0
        """When the newest backup was made that was restored for a test."""
        self.restore_ok = True
        """Whether the last one passed its test."""
        self.results: Counter[str] = Counter()

    async def run(self) -> None:
        """For ever, where there is a journal and a schedule."""
        settings = self._config.backups
        if self._config.journal.kind == "none" or not settings.every_h:
            return
        self.last_at = await self._offload(newest_at, Path(settings.folder))
        while True:
            now = self._clock.now().wall
            wait_s = self.due_at() - now
            if wait_s <= 0:
                await self.make(now)
            await trio.sleep(min(max(wait_s, 0.0), _LOOK_EVERY_S))

    def due_at(self) -> float:
        """When the next one is to be made."""
        every_s = self._config.backups.every_h * _HOUR_S
        due = self.last_at + every_s
        if not self.last_at:
            due = self._started_at + min(every_s, _FIRST_AFTER_S)
        return max(due, self._failed_at + min(every_s, _RETRY_S)) if self._failed_at else due

    async def make(self, wall: float) -> bool:
        """Make one now; whether it is good."""
        work = msgspec.json.encode((where_of(self._config), wall))
        command = [sys.executable, "-m", "gateway.journal_backups"]
        done = await trio.run_process(
            command, stdin=work, capture_stdout=True, capture_stderr=True, check=False
        )
        if done.returncode:
            self.restore_ok, self._failed_at = False, wall
            why = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
            self._log.error("a backup of the journal failed", why=why or str(done.returncode))
            return False
        self.restore_ok, self._failed_at, self.last_at = True, 0.0, float(int(wall))
        self._log.info("journal backed up", what=done.stdout.decode().strip())
        return True


def where_of(config: Config) -> Where:
    """The same, of a configuration."""
    journal, backups = config.journal, config.backups
    return Where(str(journal.path), str(journal.key_path), backups.folder, backups.keep)


def newest_at(folder: Path) -> float:
    """When the newest backup was made; 0 if there is none."""
    return max((_made_at(each) for each in folder.glob(_PATTERN)), default=0.0)


def _made_at(path: Path) -> float:
    try:
        return datetime.strptime(path.name, _NAME).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def back_up(where: Where, wall: float) -> Backup:
    """Make a backup, restore it for a test, forget the oldest.  Blocks.

    Raises BackupFailedError, JournalError, KeyFileError or OSError.
    """
    folder = Path(where.folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / datetime.fromtimestamp(wall, UTC).strftime(_NAME)
    key = read_key(Path(where.key_file))
    with tempfile.TemporaryDirectory(dir=folder, prefix=_MAKING) as work:
        _sweep(folder, Path(work).stat().st_mtime)
        copy, part = Path(work) / "copy.db", Path(work) / "sealed"
        JournalReader(Path(where.journal), Vault(key)).close()  # the tables are complete then
        _copied(Path(where.journal), copy)
        contents = contents_of(copy, key)
        with copy.open("rb") as source, part.open("xb") as target:
            seal(source, target, Vault(key).backup_key, {"made_at": str(int(wall))})
            target.flush()
            os.fsync(target.fileno())
        copy.unlink()
        part.chmod(0o600)
        part.replace(path)
    sync_folder(folder)
    _tested(path, where, contents)
    for old in sorted(folder.glob(_PATTERN))[: -where.keep]:
        old.unlink()
    return Backup(path, float(int(wall)), contents)


def _tested(path: Path, where: Where, wanted: Contents) -> None:
    """Restore it elsewhere, and hold that against what was backed up."""
    try:
        found = restored_for_a_test(path, where)
        if found != wanted:
            differs = [
                name for name in wanted._fields if getattr(found, name) != getattr(wanted, name)
            ]
            message = f"{path.name}: restored, its {', '.join(differs)} differ"
            raise BackupFailedError(message)
    except BackupFailedError:
        path.replace(path.with_name(path.name + _BAD))
        raise


def restored_for_a_test(path: Path, where: Where) -> Contents:
    """What a backup holds, by restoring it into a file that is thrown away.

    Raises BackupFailedError, KeyFileError or OSError.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=_TESTING) as work:
        copy = Path(work) / "restored.db"
        restore(path, copy, where)
        return contents_of(copy, read_key(Path(where.key_file)))


def restore(path: Path, to: Path, where: Where) -> None:
    """Write the journal that a backup holds to `to`, which must not be there yet.

    Raises BackupFailedError, KeyFileError or OSError.
    """
    master = Vault(read_key(Path(where.key_file))).backup_key
    for left in (to.with_name(to.name + suffix) for suffix in ("-wal", *SUFFIXES)):
        if left.exists():
            message = f"{left} is another journal's: put it away first"
            raise BackupFailedError(message)
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as target, path.open("rb") as source:
            open_sealed(source, target, master)
            target.flush()
            os.fsync(target.fileno())
    except SealedFileError as error:
        to.unlink()
        message = f"{path.name}: {error}"
        raise BackupFailedError(message) from None


def _copied(journal: Path, copy: Path) -> None:
    """One instant of a journal, whoever writes to it meanwhile.  Raises JournalError."""
    copy.touch(mode=0o600)
    try:
        source = apsw.Connection(str(journal), flags=apsw.SQLITE_OPEN_READONLY)
        target = apsw.Connection(str(copy))
        try:
            with target.backup("main", source, "main") as running:
                running.step(-1)
            target.execute("PRAGMA journal_mode = DELETE")
        finally:
            target.close()
            source.close()
    except apsw.Error as error:
        message = f"journal.path {journal}: {type(error).__name__}: {error}"
        raise JournalError(message) from None


def contents_of(path: Path, key: bytes) -> Contents:
    """What a journal holds, if it is whole and the key opens its card numbers.

    Raises BackupFailedError.
    """
    try:
        db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            return _contents(db, key, path.name)
        finally:
            db.close()
    except (apsw.Error, InvalidTag) as error:
        message = f"{path.name}: {type(error).__name__}"
        raise BackupFailedError(message) from None


def _contents(db: apsw.Connection, key: bytes, name: str) -> Contents:
    (whole,) = next(db.execute("PRAGMA integrity_check"))
    if whole != "ok":
        message = f"{name}: {whole}"
        raise BackupFailedError(message)
    log = audit_log.verify(db)
    if log.broken:
        message = f"{name}: the audit log is broken: {log.broken}"
        raise BackupFailedError(message)
    _open_cards(db, key)
    charges, newest, money = next(
        db.execute("SELECT count(*), coalesce(max(id), 0), coalesce(sum(amount), 0) FROM charge")
    )
    (entries,) = next(db.execute("SELECT count(*) FROM entry"))
    (kept,) = next(db.execute("SELECT count(*) FROM kept"))
    return Contents(version_of(db), charges, newest, money, entries, kept, log.lines, log.head)


def _open_cards(db: apsw.Connection, key: bytes) -> None:
    """Raises InvalidTag where the key is another."""
    vault = Vault(key)
    for epoch, salt in db.execute("SELECT epoch, salt FROM epoch"):
        vault.know_epoch(epoch, salt)
    query = "SELECT pan_epoch, id, pan_sealed FROM charge ORDER BY id DESC LIMIT ?"
    for epoch, charge, sealed in db.execute(query, (_CARDS_OPENED,)):
        vault.unseal(epoch, charge, sealed)


def _sweep(folder: Path, made_at: float) -> None:
    """Remove what a process left that was killed in the middle of its work."""
    for pattern in (f"{_MAKING}*", f"{_TESTING}*"):
        for left in folder.glob(pattern):
            if left.stat().st_mtime < made_at - _LEFT_S:
                shutil.rmtree(left, ignore_errors=True)


def main() -> int:
    """One backup, by what stands on stdin; its end says how it went."""
    os.nice(_NICER)
    where, wall = msgspec.json.decode(sys.stdin.buffer.read(), type=tuple[Where, float])
    try:
        made = back_up(where, wall)
    except (BackupFailedError, JournalError, KeyFileError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{made.file.name}: {made.contents.told()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
