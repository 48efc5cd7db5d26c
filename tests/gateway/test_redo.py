"""The redo log: what was durable is there again, whatever happened, and nothing else."""

from __future__ import annotations

import platform
import random
import resource
from contextlib import closing
from pathlib import Path

import pytest

from gateway.journal._crc import BY_PROCESSOR, crc32c
from gateway.journal.port import JournalError
from gateway.journal.redo import (
    AHEAD_BYTES,
    BLOCK_BYTES,
    FULL_AT,
    HEAD_BYTES,
    SUFFIXES,
    DamagedError,
    FullError,
    RedoLog,
    SystemFile,
    newest_in,
)

JOURNAL = 7
FILE_BYTES = 4 * BLOCK_BYTES


def log_in(folder: Path, after: int = 0, journal: int = JOURNAL) -> tuple[RedoLog, list[bytes]]:
    """The log, and what it holds past a commit."""
    log = RedoLog(folder / "j", journal, file_bytes=FILE_BYTES)
    try:
        return log, [bytes(each) for each in log.frames_after(after)]
    except JournalError:
        log.close()
        raise


def held(folder: Path, after: int = 0) -> list[bytes]:
    """What a next life finds."""
    log, payloads = log_in(folder, after)
    log.close()
    return payloads


def append(log: RedoLog, payload: bytes) -> int:
    return log.append(bytearray(HEAD_BYTES) + payload)


def file_of(folder: Path, at: int = 0) -> Path:
    return folder / f"j{SUFFIXES[at]}"


def test_an_empty_log_holds_nothing(tmp_path: Path) -> None:
    assert newest_in(tmp_path / "j") == 0
    assert held(tmp_path) == []
    assert newest_in(tmp_path / "j") == 0


def test_commits_come_back_in_their_order(tmp_path: Path) -> None:
    payloads = [b"one", b"", b"three" * 2_000]
    log, _ = log_in(tmp_path)
    assert [append(log, each) for each in payloads] == [1, 2, 3]
    log.close()
    assert held(tmp_path) == payloads
    assert held(tmp_path, after=2) == payloads[2:]
    assert held(tmp_path, after=3) == []
    assert newest_in(tmp_path / "j") == 3


def test_numbers_go_on_past_what_the_tables_have(tmp_path: Path) -> None:
    log, payloads = log_in(tmp_path, after=40)
    assert (payloads, append(log, b"next")) == ([], 41)
    log.close()


def test_no_commit_touches_a_block_of_another(tmp_path: Path) -> None:
    log, _ = log_in(tmp_path)
    append(log, b"a")
    before = file_of(tmp_path).read_bytes()
    assert not any(before[BLOCK_BYTES:])
    append(log, b"b" * BLOCK_BYTES)
    after = file_of(tmp_path).read_bytes()
    assert after[:BLOCK_BYTES] == before[:BLOCK_BYTES]
    assert any(after[2 * BLOCK_BYTES : 3 * BLOCK_BYTES])
    assert not any(after[3 * BLOCK_BYTES :])
    log.close()


def test_a_file_grows_seldom(tmp_path: Path) -> None:
    """A disk needs longer to sync one that grew."""
    log = RedoLog(tmp_path / "j", JOURNAL)
    sizes = set()
    for _ in range(AHEAD_BYTES // BLOCK_BYTES):
        append(log, b"short")
        sizes.add(file_of(tmp_path).stat().st_size)
    log.close()
    assert sizes == {BLOCK_BYTES + AHEAD_BYTES}
    assert len(held(tmp_path)) == AHEAD_BYTES // BLOCK_BYTES


def test_a_commit_needs_no_more_room_than_its_own(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    log, _ = log_in(tmp_path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 * BLOCK_BYTES, before[1]))
    try:
        assert [append(log, each) for each in (b"one", b"two", b"three")] == [1, 2, 3]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        log.close()
    assert file_of(tmp_path).stat().st_size == 3 * BLOCK_BYTES
    assert held(tmp_path) == [b"one", b"two", b"three"]


@pytest.mark.parametrize("kept", [0, 1, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 5, 99, 100])
def test_a_torn_commit_is_gone_and_those_before_it_are_not(tmp_path: Path, kept: int) -> None:
    log, _ = log_in(tmp_path)
    append(log, b"whole")
    append(log, b"x" * (100 + 1 - HEAD_BYTES))
    log.close()
    data = file_of(tmp_path).read_bytes()
    file_of(tmp_path).write_bytes(data[: BLOCK_BYTES + kept])
    log, payloads = log_in(tmp_path)
    assert payloads == [b"whole"]
    assert append(log, b"again") == 2
    log.close()


@pytest.mark.parametrize("seed", range(20))
def test_files_take_turns_and_whatever_the_tables_lack_is_found(tmp_path: Path, seed: int) -> None:
    """Commits of any size, tables that lag behind, new lives; a model of what must be there."""
    rng = random.Random(seed)  # noqa: S311 - a test's dice
    log, _ = log_in(tmp_path)
    model: dict[int, bytes] = {}
    in_tables = turns = 0
    for _ in range(150):
        payload = rng.randbytes(rng.choice((0, 10, 4_000, 5_000, 9_000)))
        file = log._at
        try:
            model[append(log, payload)] = payload
        except JournalError:
            assert max(model) - in_tables >= FULL_AT - 1
        turns += file != log._at
        if rng.random() < 0.4 or log.wants_room:
            in_tables = rng.randint(in_tables, max(model, default=0))
            log.in_tables(in_tables)
        if rng.random() < 0.1:
            log.close()
            log, payloads = log_in(tmp_path, in_tables)
            assert payloads == [model[number] for number in sorted(model) if number > in_tables]
            in_tables = max(model, default=0)
            log.in_tables(in_tables)
        for known in (0, in_tables):
            assert newest_in(tmp_path / "j", known) == max(model, default=0)
    assert turns > 10
    log.close()


def test_room_is_wanted_long_before_it_is_needed(tmp_path: Path) -> None:
    blocks = 16
    log = RedoLog(tmp_path / "j", JOURNAL, file_bytes=blocks * BLOCK_BYTES)

    def append_and_look() -> tuple[bool, bool]:
        append(log, b"")
        return log.wants_room, log.needs_room

    with closing(log):
        assert {append_and_look() for _ in range(blocks)} == {(False, False)}
        seen = [append_and_look() for _ in range(blocks)]
        wanted, needed = (list(each) for each in zip(*seen, strict=True))
        assert wanted == [False] * 2 + [True] * 14
        assert needed == [False] * 14 + [True] * 2
        log.in_tables(blocks)
        assert (log.wants_room, log.needs_room) == (False, False)


def test_a_commit_larger_than_the_log_makes_it_want_room(tmp_path: Path) -> None:
    """However little of the file is written."""
    blocks = 16
    with closing(RedoLog(tmp_path / "j", JOURNAL, file_bytes=blocks * BLOCK_BYTES)) as log:
        for _ in range(blocks + 1):
            last = append(log, b"")
        assert not log.wants_room
        large = bytes(FULL_AT * blocks * BLOCK_BYTES)
        with pytest.raises(FullError):
            append(log, large)
        assert log.wants_room
        log.in_tables(last)
        assert append(log, large) == last + 1
        assert not log.wants_room


def test_a_first_commit_torn_over_older_ones_is_no_damage(tmp_path: Path) -> None:
    log, _ = log_in(tmp_path)
    for number in range(1, 9):
        append(log, bytes([number]))
        log.in_tables(number)
    assert log._at == 1
    append(log, b"over the first one's place")
    log.close()
    with file_of(tmp_path).open("r+b") as file:
        file.write(bytes(20))
    log, payloads = log_in(tmp_path, after=6)
    assert payloads == [b"\7", b"\x08"]
    assert append(log, b"") == 9
    log.close()


def test_a_log_whose_tables_take_nothing_is_full_and_works_again_once_they_do(
    tmp_path: Path,
) -> None:
    log, _ = log_in(tmp_path)
    room = (1 + FULL_AT) * FILE_BYTES // BLOCK_BYTES
    assert [append(log, b"") for _ in range(room)][-1] == room
    for _ in range(2):
        with pytest.raises(JournalError, match="full: its tables lack commit 1"):
            append(log, b"")
    newest = log.number
    log.in_tables(newest)
    assert append(log, b"") == newest + 1
    log.close()


class Fails(SystemFile):
    """A file whose next write or sync fails."""

    fails = ""

    def write(self, offset: int, data: bytearray) -> None:
        super().write(offset, data)
        self._fail("write")

    def sync(self) -> None:
        self._fail("sync")
        super().sync()

    def _fail(self, what: str) -> None:
        if Fails.fails == what:
            Fails.fails = ""
            raise OSError(what)


@pytest.mark.parametrize("what", ["write", "sync"])
@pytest.mark.parametrize("again", [b"again", b"again" * 2_000])
def test_a_commit_that_failed_gives_its_place_and_number_to_the_next(
    tmp_path: Path, what: str, again: bytes
) -> None:
    """Also where that one alone would have gone to the other file."""
    with closing(RedoLog(tmp_path / "j", JOURNAL, Fails, FILE_BYTES)) as log:
        log.frames_after(0)
        for _ in range(3):
            append(log, b"")
        Fails.fails = what
        with pytest.raises(OSError, match=what):
            append(log, b"failed")
        assert append(log, again) == 4
        assert append(log, b"next") == 5
    assert held(tmp_path, after=3) == [again, b"next"]


def test_a_commit_that_is_damaged_with_others_behind_it_is_told(tmp_path: Path) -> None:
    log, _ = log_in(tmp_path)
    for number in range(3):
        append(log, bytes([number]) * 10)
    log.close()
    with file_of(tmp_path).open("r+b") as file:
        file.seek(BLOCK_BYTES + HEAD_BYTES)
        file.write(b"?")
    with pytest.raises(DamagedError, match=f"damaged at byte {BLOCK_BYTES}: commit 3"):
        log_in(tmp_path)


def test_a_log_that_begins_past_the_tables_is_told(tmp_path: Path) -> None:
    log, _ = log_in(tmp_path, after=10)
    append(log, b"eleven")
    log.close()
    assert held(tmp_path, after=10) == [b"eleven"]
    with pytest.raises(DamagedError, match="lacks commit 10"):
        log_in(tmp_path, after=9)


def test_another_journals_log_is_told(tmp_path: Path) -> None:
    log, _ = log_in(tmp_path)
    append(log, b"")
    log.close()
    with pytest.raises(DamagedError, match="another journal"):
        log_in(tmp_path, journal=JOURNAL + 1)


@pytest.mark.parametrize("by_tables", [True, False])
@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        (b"", 0),
        (b"a", 0xC1D04330),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
    ],
)
def test_checksums_are_those_that_are_published(
    data: bytes, checksum: int, *, by_tables: bool
) -> None:
    """The check value of CRC-32C, and the vectors of RFC 3720."""
    assert crc32c(data, by_tables=by_tables) == checksum


def test_both_ways_to_a_checksum_lead_to_the_same() -> None:
    rng = random.Random(1)  # noqa: S311 - a test's dice
    for size in (*range(70), 4_096, 65_537):
        data = memoryview(rng.randbytes(size + 3))[rng.randrange(4) :]
        assert crc32c(data) == crc32c(data, by_tables=True)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="asks Linux on x86-64")
def test_the_instruction_is_used_where_there_is_one() -> None:
    flags = Path("/proc/cpuinfo").read_text("ascii", "replace")
    assert BY_PROCESSOR is ("sse4_2" in flags)


def test_its_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    log, _ = log_in(tmp_path)
    log.close()
    assert [file_of(tmp_path, at).stat().st_mode & 0o777 for at in (0, 1)] == [0o600, 0o600]
