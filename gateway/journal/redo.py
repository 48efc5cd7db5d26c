"""The redo log: what is durable first, one frame for each commit; the tables follow behind.

Two files take turns.  A frame begins at a multiple of BLOCK_BYTES, so no write touches a block that
an earlier commit lies in, and holds its number: frames count up by one through both files and all
lives.  When a file is full and the tables hold durably what lies in the other one, that one is
written again from its start, over blocks that the file system gave out before: then a sync is of
data alone.  What is left of its older frames has smaller numbers, by which it is told apart.

    frame = magic 4 · CRC-32C 4 · bytes of payload 4 · 0 4 · journal 8 · number 8 · payload · zeros

The checksum covers all that follows it, but for the zeros.  A frame that a crash tore was never
said to be durable, and nothing comes after it: a journal where something does is damaged.

Frames of older versions of the gateway, which it left and the tables lack, are read as well: they
have another magic, another checksum (CRC-32), and payloads that `old_frames` makes into new ones.
"""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from gateway.journal._crc import crc32c
from gateway.journal.folders import sync_folder
from gateway.journal.old_frames import renewed
from gateway.journal.port import JournalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

BLOCK_BYTES: Final = 4_096
FILE_BYTES: Final = 32 << 20
"""Past this a file is full, if the other one may be written again."""
FULL_AT: Final = 2
"""At so many times this it is full even so: the tables have taken nothing for too long."""
AHEAD_BYTES: Final = 256 << 10
"""So much a file grows at once, by zeros, or by a quarter of what it may hold if that is less: to
sync one that grew takes longer, so it is seldom."""
SUFFIXES: Final = ("-redo0", "-redo1")
_HEAD: Final = struct.Struct("<4sIIIQQ")
HEAD_BYTES: Final = _HEAD.size
"""Room that a payload leaves for what stands before it."""
_MAGIC: Final = b"isoS"
_OLD_MAGIC: Final = b"isoR"
_CHECKED_FROM: Final = 8
_CHECKSUMS: Final[dict[bytes, Callable[[memoryview], int]]] = {
    _MAGIC: crc32c,
    _OLD_MAGIC: zlib.crc32,
}


class DamagedError(JournalError):
    """Frames that were durable are gone or changed."""


class FullError(JournalError):
    """The tables have taken nothing in for too long."""


class File(Protocol):
    """One file of the log.  All but `close` raise OSError or what the journal's tables raise."""

    def read(self) -> bytes:
        """All of it."""
        ...

    def write(self, offset: int, data: bytearray) -> None:
        """All of `data` at `offset`."""
        ...

    def sync(self) -> None:
        """Return when the disk has what was written."""
        ...

    def close(self) -> None:
        """Nothing is written any more."""
        ...


class SystemFile:
    """A file of the system's."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.fchmod(self._descriptor, 0o600)
        sync_folder(path.parent)

    def read(self) -> bytes:
        """See `File`."""
        with open(self._descriptor, "rb", closefd=False) as file:
            file.seek(0)
            return file.read()

    def write(self, offset: int, data: bytearray) -> None:
        """See `File`."""
        with memoryview(data) as rest:
            done = 0
            while done < len(data):
                done += os.pwrite(self._descriptor, rest[done:], offset + done)

    def sync(self) -> None:
        """See `File`."""
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        """See `File`."""
        os.close(self._descriptor)


class Frame(NamedTuple):
    """A commit as it lies in a file."""

    number: int
    journal: int
    payload: memoryview
    end: int
    """Where the next one begins."""
    is_old: bool


class RedoLog:
    """The two files of one journal, as their only writer has them."""

    def __init__(
        self,
        path: Path,
        journal: int,
        open_file: Callable[[Path], File] = SystemFile,
        file_bytes: int = FILE_BYTES,
    ) -> None:
        """`journal` is the number by which a journal knows its own frames.  Raises OSError."""
        self._journal = journal
        self._file_bytes = file_bytes
        self._files = [open_file(path.with_name(path.name + suffix)) for suffix in SUFFIXES]
        self._newest = [0, 0]
        """By file, the number of its last frame."""
        self._sizes = [0, 0]
        """By file, how long it is."""
        self._ahead_bytes = min(AHEAD_BYTES, file_bytes // 4)
        """0 once the disk had no room for as much."""
        self._at = 0
        """Which file is written."""
        self._end = 0
        """Where in it the next frame begins."""
        self._tries_again = False
        """The last frame failed, and may be there all the same: the next one goes to its place, so
        that no two have its number.
        """
        self.number = 0
        """Of the last frame that is durable."""
        self._in_tables = 0
        """Up to which number the tables hold everything durably."""
        self._refused = False
        """A commit found no room since: it may be large, and little of the file written."""

    def frames_after(self, number: int) -> list[memoryview]:
        """The payloads of all frames past one, in their order.  Raises DamagedError or OSError."""
        for file in self._files:
            file.sync()  # a process that died may have written and not synced
        views = [memoryview(file.read()) for file in self._files]
        self._sizes = [len(view) for view in views]
        chains = [list(_chain(view)) for view in views]
        self._newest = [chain[-1].number if chain else 0 for chain in chains]
        newest = max(*self._newest, number)
        for view, chain in zip(views, chains, strict=True):
            self._check(view, chain, newest)
        found = sorted(frame for chain in chains for frame in chain if frame.number > number)
        for wanted, frame in enumerate(found, number + 1):
            if frame.number != wanted:
                message = (
                    f"the redo log lacks commit {wanted}, which the tables lack as well, and has"
                    f" commit {frame.number}: are the tables an older copy?"
                )
                raise DamagedError(message)
        self.number = newest
        return [renewed(frame.payload) if frame.is_old else frame.payload for frame in found]

    def _check(self, view: memoryview, chain: Sequence[Frame], newest: int) -> None:
        """These frames are this journal's, and behind them none lies that came after `newest`."""
        if any(frame.journal != self._journal for frame in chain):
            message = "the redo log is another journal's"
            raise DamagedError(message)
        end = chain[-1].end if chain else 0
        for offset in range(end, len(view), BLOCK_BYTES):
            later = _frame_at(view, offset)
            if later and later.number > newest and later.journal == self._journal:
                message = (
                    f"the redo log is damaged at byte {end}: commit {later.number} stands behind"
                )
                raise DamagedError(message)

    def append(self, frame: bytearray) -> int:
        """Make a frame durable and say its number.  It comes with HEAD_BYTES before its payload,
        and goes with all that a frame has.  Raises FullError where there is no room, OSError
        where the disk fails.
        """
        number = self.number + 1
        length = len(frame) - HEAD_BYTES
        _HEAD.pack_into(frame, 0, _MAGIC, 0, length, 0, self._journal, number)
        with memoryview(frame) as whole, whole[_CHECKED_FROM:] as checked:
            struct.pack_into("<I", frame, 4, crc32c(checked))
        frame.extend(bytes(-len(frame) % BLOCK_BYTES))
        if not self._tries_again:
            self._make_room(len(frame))
        self._tries_again = True
        self._write(frame)
        self._tries_again = False
        self.number = self._newest[self._at] = number
        self._end += len(frame)
        return number

    def _write(self, frame: bytearray) -> None:
        """Return when the disk has it."""
        file = self._files[self._at]
        file.write(self._end, frame)
        self._grow(file, self._end + len(frame))
        file.sync()

    def _grow(self, file: File, end: int) -> None:
        """Where there is no room left to grow ahead, a file grows with each commit instead."""
        if end <= self._sizes[self._at]:
            return
        self._sizes[self._at] = end
        if self._ahead_bytes:
            try:
                file.write(end, bytearray(self._ahead_bytes))
                self._sizes[self._at] += self._ahead_bytes
            except OSError:
                self._ahead_bytes = 0

    def _make_room(self, size: int) -> None:
        """Turn to the other file if this one is full."""
        if self._end + size <= self._file_bytes:
            return
        other = 1 - self._at
        if self._newest[other] <= self._in_tables:
            self._at, self._end = other, 0
        elif self._end + size > self.used_max:
            self._refused = True
            message = f"the redo log is full: its tables lack commit {self._in_tables + 1}"
            raise FullError(message)

    @property
    def used(self) -> int:
        """Bytes of the file that is written."""
        return self._end

    @property
    def used_max(self) -> int:
        """The most that they may be."""
        return FULL_AT * self._file_bytes

    @property
    def wants_room(self) -> bool:
        """A part of this file is written, and what lies in the other one is not yet durable in
        tables; or a commit found no room.
        """
        return self._refused or self._lacks_room(self._file_bytes // 8)

    @property
    def needs_room(self) -> bool:
        """The same, and little of this file is left."""
        return self._lacks_room(self._file_bytes // 8 * 7)

    def _lacks_room(self, past: int) -> bool:
        return self._end > past and self._newest[1 - self._at] > self._in_tables

    @property
    def overruns(self) -> bool:
        """This file outgrew its size, as the tables lack what lies in the other one."""
        return self._end > self._file_bytes

    def in_tables(self, number: int) -> None:
        """The tables hold everything durably up to a frame."""
        self._in_tables = number
        self._refused = False

    def close(self) -> None:
        """Nothing is appended any more."""
        for file in self._files:
            file.close()


def payload_of(frame: bytearray) -> memoryview:
    """That of a frame which was appended."""
    (_, _, length, _, _, _) = _HEAD.unpack_from(frame)
    return memoryview(frame)[HEAD_BYTES : HEAD_BYTES + length]


def newest_in(path: Path, known: int = 0) -> int:
    """The number of the last frame in the log of the journal at `path`, whoever writes to it
    meanwhile; 0 if there is none.  Frames up to `known` are not looked at but for where they end.
    Raises OSError.
    """
    newest = 0
    for suffix in SUFFIXES:
        with suppress(FileNotFoundError):
            view = memoryview(path.with_name(path.name + suffix).read_bytes())
            newest = max(newest, *(frame.number for frame in _chain(view, known)), 0)
    return newest


def _chain(view: memoryview, known: int = 0) -> Iterator[Frame]:
    """The frames from a file's start on, as long as each follows the one before; those up to
    `known` are whole.
    """
    frame = _frame_at(view, 0, known)
    while frame is not None:
        yield frame
        following = _frame_at(view, frame.end, known)
        frame = following if following and following.number == frame.number + 1 else None


def _frame_at(view: memoryview, offset: int, known: int = 0) -> Frame | None:
    """The frame that begins there, if one does and is whole, as it is up to `known`."""
    if offset + HEAD_BYTES > len(view):
        return None
    magic, checksum, length, _, journal, number = _HEAD.unpack_from(view, offset)
    end = offset + HEAD_BYTES + length
    if magic not in _CHECKSUMS or end > len(view):
        return None
    checked = view[offset + _CHECKED_FROM : end]
    if number > known and _CHECKSUMS[magic](checked) != checksum:
        return None
    payload = view[offset + HEAD_BYTES : end]
    return Frame(number, journal, payload, end + -end % BLOCK_BYTES, magic == _OLD_MAGIC)
