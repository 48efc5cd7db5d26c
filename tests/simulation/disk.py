"""A disk in memory that forgets what was not synced, tears writes, fails, fills up and is slow.

`Disk` is what survives a gateway's process; `DiskFiles` hangs it under the real SQLite as a file
layer (VFS).  What a killed gateway still writes goes to a copy that nobody reads.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import apsw

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VFS_NAME: Final = "simulated-disk"
SECTOR_BYTES: Final = 512
"""A write that the power cut interrupts is torn between sectors."""


class _Write(NamedTuple):
    offset: int
    before: bytes
    size_before: int
    after: bytes


@dataclass(slots=True)
class File:
    """One file: its bytes as the process sees them, and what no sync has covered yet."""

    data: bytearray = field(default_factory=bytearray)
    unsynced: list[_Write] = field(default_factory=list)

    def write(self, offset: int, data: bytes) -> None:
        """Put `data` at `offset`."""
        if not data:
            return
        size = len(self.data)
        before = bytes(self.data[offset : offset + len(data)])
        self.unsynced.append(_Write(offset, before, size, data))
        self._put(offset, data)

    def truncate(self, size: int) -> None:
        """Cut the file off: in the list of writes, a write of nothing."""
        lost = bytes(self.data[size:])
        self.unsynced.append(_Write(size, lost, len(self.data), b""))
        del self.data[size:]

    def _put(self, offset: int, data: bytes) -> None:
        if offset > len(self.data):
            self.data += bytes(offset - len(self.data))
        self.data[offset : offset + len(data)] = data

    def copy(self) -> File:
        """The same file for a next process."""
        return File(bytearray(self.data), list(self.unsynced))

    def lose_power(self, rng: random.Random) -> None:
        """Keep what was synced, and of the rest whatever chance had brought to the platter."""
        lost, self.unsynced = self.unsynced, []
        for write in reversed(lost):
            if not write.after:
                self.data[write.offset :] = write.before
            else:
                self.data[write.offset : write.offset + len(write.before)] = write.before
                del self.data[write.size_before :]
        survive = rng.choice((0.0, 0.5, 1.0))
        for write in lost:
            if not write.after or rng.random() >= survive:
                continue
            sectors = -(-len(write.after) // SECTOR_BYTES)
            kept = rng.randint(0, sectors) if rng.random() < 0.3 else sectors
            self._put(write.offset, write.after[: kept * SECTOR_BYTES])


@dataclass(slots=True)
class Disk:
    """The files, and what is wrong with them right now."""

    files: dict[str, File] = field(default_factory=dict)
    failing: bool = False
    full: bool = False
    fails_in_ops: int = 0
    """After so many operations every one of this commit fails (0: not)."""
    killed_in_ops: int = 0
    """After so many operations the process is killed in the middle of one (0: not)."""
    remains: dict[str, File] | None = None
    """What a process that was killed inside an operation left; it does not know that yet."""
    peace: bool = False
    """While it is set nothing fails."""

    def operate(self, may_fail: bool, *, grows: bool = False) -> None:
        """Something is about to be written, synced or cut off.

        Only what a commit needs may fail.  SQLite passes errors of a checkpoint over in silence,
        but an exception in Python would come out of the commit before it.
        """
        if self.peace:
            return
        if self.killed_in_ops:
            self.killed_in_ops -= 1
            if not self.killed_in_ops:
                self.remains = {name: file.copy() for name, file in self.files.items()}
        if not may_fail:
            return
        if self.fails_in_ops:
            self.fails_in_ops -= 1
            if not self.fails_in_ops:
                message = "simulated"
                raise apsw.IOError(message)
        if self.failing:
            message = "simulated"
            raise apsw.IOError(message)
        if self.full and grows:
            message = "simulated"
            raise apsw.FullError(message)

    @property
    def durable(self) -> bool:
        """Whether a power cut now would lose nothing of the redo log."""
        return not any(file.unsynced for name, file in self.files.items() if "-redo" in name)

    def change_process(self, close: Callable[[], None]) -> None:
        """The process is killed: what it does while it is taken apart (`close`) changes nothing."""
        left = self.remains
        if left is None:
            left = {name: file.copy() for name, file in self.files.items()}
        self.failing = self.full = False
        self.killed_in_ops = self.fails_in_ops = 0
        close()
        self.files, self.remains = left, None

    def lose_power(self, rng: random.Random) -> None:
        """The machine lost its power."""
        for name in sorted(self.files):
            self.files[name].lose_power(rng)


class _Handle(apsw.VFSFile):
    """An open file; it stays with the bytes of the process that opened it."""

    def __init__(self, disk: Disk, file: File, *, is_log: bool) -> None:
        self._disk, self._file, self._is_log = disk, file, is_log

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        return bytes(self._file.data[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.operate(self._is_log, grows=offset + len(data) > len(self._file.data))
        self._file.write(offset, bytes(data))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.operate(may_fail=False)
        self._file.truncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802
        self._disk.operate(self._is_log and bool(self._file.unsynced))
        self._file.unsynced.clear()

    def xFileSize(self) -> int:  # noqa: N802
        return len(self._file.data)

    def xClose(self) -> None:  # noqa: N802
        pass

    def xLock(self, level: int) -> None:  # noqa: N802
        pass

    def xUnlock(self, level: int) -> None:  # noqa: N802
        pass

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xFileControl(self, op: int, ptr: int) -> bool:  # noqa: ARG002, N802
        return False

    def xSectorSize(self) -> int:  # noqa: N802
        return SECTOR_BYTES

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE  # as SQLite assumes of every Unix disk


class RedoFile:
    """A file of the journal's redo log."""

    def __init__(self, disk: Disk, path: Path) -> None:
        self._disk = disk
        self._file = disk.files.setdefault(str(path), File())

    def read(self) -> bytes:
        """All of it."""
        return bytes(self._file.data)

    def write(self, offset: int, data: bytearray) -> None:
        """Put `data` at `offset`."""
        self._operate(grows=offset + len(data) > len(self._file.data))
        self._file.write(offset, bytes(data))

    def sync(self) -> None:
        """Nothing of it is lost any more."""
        self._operate()
        self._file.unsynced.clear()

    def _operate(self, *, grows: bool = False) -> None:
        try:
            self._disk.operate(may_fail=True, grows=grows)
        except apsw.Error as error:
            raise OSError(str(error)) from None

    def close(self) -> None:
        """Nothing to end."""


class DiskFiles(apsw.VFS):
    """SQLite's files on `disk`, under the name VFS_NAME, as long as this object lives."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        super().__init__(VFS_NAME, base="unix")

    def xOpen(self, name: apsw.URIFilename | str | None, flags: list[int]) -> _Handle:  # noqa: N802
        flags[1] = flags[0]
        if name is None:
            return _Handle(self.disk, File(), is_log=False)  # a temporary file, gone when closed
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        file = self.disk.files.setdefault(path, File())
        return _Handle(self.disk, file, is_log=path.endswith("-wal"))

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: ARG002, N802
        self.disk.files.pop(filename, None)

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: ARG002, N802
        return pathname in self.disk.files

    def xFullPathname(self, name: str) -> str:  # noqa: N802
        return name
