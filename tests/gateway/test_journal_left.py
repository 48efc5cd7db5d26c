"""What a gateway left in the redo log, of this version or the one before, is taken in or told."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from gateway.journal.port import JournalError
from gateway.journal.reader import JournalReader
from gateway.journal.redo import HEAD_BYTES, SUFFIXES, RedoLog, newest_in
from gateway.journal.schema import SCHEMA_VERSION
from gateway.journal.vault import Vault, load_key, read_key
from routing.charge import Charge, Event, State
from routing.records import moved_values, opened_values
from tests.gateway.journals import LOG_ONLY, PAN, as_killed, charge, moves, opened, sqlite
from tests.gateway.old_journals import back_to, frame_of_10

WALL = 1_790_000_000.0


def json_of(values: tuple[Any, ...]) -> str:
    return msgspec.json.encode(values).decode()


def number_of(path: Path) -> tuple[int, int]:
    """Up to which commit the tables are complete, and by what number the log knows them."""
    with closing(apsw.Connection(str(path))) as db:
        ((number, journal),) = db.execute("SELECT number, journal FROM applied")
    return number, journal & 0xFFFF_FFFF_FFFF_FFFF


def left_by_10(folder: Path, each: Charge) -> None:
    """A journal of version 10 whose log has two commits that its tables lack: a charge is opened,
    and approved, and complained of.
    """
    with closing(sqlite(folder)) as journal:
        journal.start(WALL, ended_max=10)
    path = folder / "isogate.db"
    vault = Vault(load_key(folder / "isogate.db.key"))
    with closing(apsw.Connection(str(path))) as db:
        for epoch, salt in db.execute("SELECT epoch, salt FROM epoch"):
            vault.know_epoch(epoch, salt)
    sealed, whole = vault.seal(1, each.id, PAN), json_of(opened_values(each)[6:])
    row = (each.id, each.identity, each.host, each.terminal, each.batch, sealed, 1, whole)
    list(moves(each, Event.APPROVAL, rrn="R1", answer={39: "00"}, echoed=(2, 3)))
    step = json_of((1, each.updated_at, Event.APPROVAL, State.SENT, each.state, "", "")) + ","
    now = json_of(moved_values(each)[2:])
    moved = (each.id, 1, each.state, each.updated_at, step, now, None)
    noted = (each.id, 1, WALL, "complaint", "k", "Ana", b'{"what":"no service"}')
    back_to(10, path)
    done, journal_number = number_of(path)
    path.with_name(path.name + SUFFIXES[0]).write_bytes(
        frame_of_10(journal_number, done + 1, ([row], [], [], [], []))
        + frame_of_10(journal_number, done + 2, ([], [moved], [noted], [], []))
    )


def test_what_the_version_before_left_is_taken_in(tmp_path: Path) -> None:
    each = charge(1)
    left_by_10(tmp_path, each)
    assert newest_in(tmp_path / "isogate.db") == number_of(tmp_path / "isogate.db")[0] + 2
    with closing(sqlite(tmp_path)) as journal:
        recovery = journal.start(WALL, ended_max=10)
        (back,) = recovery.charges
        each.epoch = back.epoch
        assert opened_values(back) == opened_values(each)
        assert moved_values(back) == moved_values(each)
        assert [entry.said for entry in recovery.entries] == [{"what": "no service"}]
        journal.append([opened(charge(2, epoch=2))])
    with closing(sqlite(tmp_path, LOG_ONLY)) as journal:
        assert [one.id for one in journal.start(WALL, ended_max=10).charges] == [1, 2]


def test_a_version_before_does_not_start_on_a_log_that_it_cannot_read(tmp_path: Path) -> None:
    """It would see no frames, and take its tables for complete: their version keeps it out."""
    with closing(sqlite(tmp_path)) as journal:
        journal.start(WALL, ended_max=10)
    with closing(apsw.Connection(str(tmp_path / "isogate.db"))) as db:
        assert next(db.execute("PRAGMA user_version")) == (SCHEMA_VERSION,)
    assert SCHEMA_VERSION > 10


def test_an_old_commit_that_is_damaged_with_others_behind_it_is_told(tmp_path: Path) -> None:
    left_by_10(tmp_path, charge(1))
    log = tmp_path / f"isogate.db{SUFFIXES[0]}"
    data = bytearray(log.read_bytes())
    data[HEAD_BYTES + 3] ^= 1
    log.write_bytes(data)
    with pytest.raises(JournalError, match="damaged at byte 0"):
        sqlite(tmp_path)


def test_a_reader_is_told_who_takes_in_what_an_older_version_left(tmp_path: Path) -> None:
    left_by_10(tmp_path, charge(1))
    vault = Vault(read_key(tmp_path / "isogate.db.key"))
    with pytest.raises(JournalError, match="brings it up to date when it starts"):
        JournalReader(tmp_path / "isogate.db", vault)


@pytest.mark.parametrize(
    "payload",
    [
        7,
        [],
        ([], [], [], []),
        ([[1]], [], [], [], []),
        ([[1, 2, 3, 4, 5, 6, 7, 8]], [], [], [], []),
        ([[1, "i", "h", "t", "b", b"s", 1, None]], [], [], [], []),
        ([[1 << 63, "i", "h", "t", "b", b"s", 1, "[]"]], [], [], [], []),
        ([], [[1, 1, "S", "now", "[],", "[]", 1]], [], [], []),
        ([], [[1, 1, "S", 1.0, "[],", "[]", 7]], [], [], []),
        ([], [], [[1, 2]], [], []),
        ([], [], [], [[1, 1.0, "no such kind", "k", 1, b"{}"]], []),
    ],
)
def test_an_old_commit_that_no_gateway_wrote_is_told(tmp_path: Path, payload: Any) -> None:
    with closing(sqlite(tmp_path)) as journal:
        journal.start(WALL, ended_max=10)
    path = tmp_path / "isogate.db"
    back_to(10, path)
    done, journal_number = number_of(path)
    frame = frame_of_10(journal_number, done + 1, payload)
    path.with_name(path.name + SUFFIXES[0]).write_bytes(frame)
    for _ in range(2):
        with pytest.raises(JournalError):
            sqlite(tmp_path)
    assert number_of(path)[0] == done


@pytest.mark.parametrize("seed", range(8))
def test_a_whole_frame_that_holds_what_no_gateway_wrote_is_told(tmp_path: Path, seed: int) -> None:
    """Whose checksum is right; and nothing of it is taken in."""
    rng = random.Random(seed)  # noqa: S311 - a test's dice
    with closing(sqlite(tmp_path, LOG_ONLY)) as journal:
        journal.start(WALL, ended_max=10)
        journal.append([opened(charge(1))])
        folder = as_killed(tmp_path, tmp_path / "killed")
    path = folder / "isogate.db"
    done, journal_number = number_of(path)
    with closing(RedoLog(path, journal_number)) as log:
        (payload,) = log.frames_after(done)
        log.number = done  # it is written in place of the one that is there
        garbage = bytearray(payload)
        garbage[rng.randrange(4)] ^= 0x40
        log.append(bytearray(HEAD_BYTES) + (garbage, rng.randbytes(99))[seed % 2])
    for _ in range(2):
        with pytest.raises(JournalError, match="holds what no gateway wrote"):
            sqlite(folder)
    assert number_of(path)[0] == done
