"""Identities that memory gathers: found as in a model, and given to the table in few pages."""

from __future__ import annotations

import random
import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Final

import apsw
import pytest

from gateway.journal import memory
from gateway.journal.ground import Ground
from gateway.journal.identities import FILL, FILLED_AT_ONCE, RUN, Identities, group_of
from tests.gateway.journals import charge, opened, sqlite

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.journal.sqlite import SqliteJournal

PAGE_BYTES: Final = 4_096
FRAME_BYTES: Final = PAGE_BYTES + 24
LOG_HEADER_BYTES: Final = 32
LAGS_MAX: Final = 30
"""Charges that the tables may lack in the model."""


def identity_of(terminal: str, stan: str, sent_at: int = 0) -> str:
    return f"SHOP|{terminal}|{stan}|2|1123|{sent_at:06}"


def held_in(folder: Path, run: int = RUN) -> SqliteJournal:
    """A journal in its next life."""
    folder.mkdir(exist_ok=True)
    journal = sqlite(folder, Ground(run=run))
    journal.start(1_790_000_000.0, ended_max=10)
    return journal


class Table:
    """The table of identities and what memory adds.  Batches become durable one by one; the table
    takes in what came since the last time, whole or not at all.
    """

    def __init__(self, run: int) -> None:
        self.run = run
        self.rows: dict[str, int] = {}
        self.up_to = 0
        self.all: dict[str, int] = {}
        self.waiting: list[tuple[str, int]] = []
        """Durable, and not yet among the charges of the tables."""
        self.late: list[tuple[str, int]] = []
        self.memory = Identities(0, run)

    def append(self, batch: Sequence[tuple[str, int]]) -> None:
        """It becomes durable."""
        self.late += self.memory.gather([opened(charge(n, identity=each)) for each, n in batch])
        self.waiting += batch
        self.all |= dict(batch)

    def apply(
        self, meanwhile: Sequence[tuple[str, int]] = (), *, fails: bool = False
    ) -> list[tuple[str, int]]:
        """What of the gathered ones went into the table, while others became durable."""
        work, late, self.waiting, self.late = self.waiting, self.late, [], []
        last = max((number for _, number in work), default=0)
        due, up_to = self.memory.due(len(work), last), self.memory.up_to()
        assert len(due) <= FILLED_AT_ONCE * len(work)
        assert len({identity for identity, _ in due}) == len(due)
        assert not {identity for identity, _ in due} & {*self.rows}
        younger = {identity for identity, number in self.all.items() if number > last}
        assert not {identity for identity, _ in due} & younger
        self.append(meanwhile)
        if fails:
            self.waiting, self.late = [*work, *self.waiting], [*late, *self.late]
            return []
        self.rows |= dict(late + due)
        for (number,) in up_to:
            assert number > self.up_to
            self.up_to = number
        self.memory.wrote(late, due, up_to)
        return due

    def new_life(self) -> None:
        """What is past `up_to` is put into the table, and what the tables lacked; memory begins
        anew.
        """
        self.rows |= dict(self.waiting)
        self.rows |= {each: number for each, number in self.all.items() if number > self.up_to}
        assert self.rows == self.all
        self.up_to = max(self.all.values(), default=0)
        self.waiting, self.late = [], []
        self.memory = Identities(self.up_to, self.run)

    def check(self, asked: Sequence[str], prefixes: Sequence[str]) -> None:
        """The rule, and that every question is answered as if there were one table."""
        lacking = {each: number for each, number in self.all.items() if each not in self.rows}
        late = dict(self.late)
        assert all(number > self.up_to for each, number in lacking.items() if each not in late)
        for each in (*asked, *lacking):
            assert self.memory.of(each) or self.rows.get(each) == self.all.get(each)
            assert self.memory.of(each) in (None, self.all.get(each))
        for prefix in prefixes:
            found = self.memory.beginning(prefix)
            begin_so = {number for each, number in self.all.items() if each.startswith(prefix)}
            assert {n for each, n in lacking.items() if each.startswith(prefix)} <= {*found}
            assert {*found} <= begin_so
            assert len({*found}) == len(found)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_comes_is_found_as_if_there_were_one_table(seed: int) -> None:
    """Busy and rare terminals, STANs of any length, late ids, tables that lag behind or fail, new
    lives.
    """
    rng = random.Random(seed)  # noqa: S311 - a test's dice
    table, run = Table(rng.choice((1, 5, 40))), 0
    stans, ids = ["", "7", "42", "000100", "000199", "000200", "123456789012"], [*range(1, 2_000)]
    for at in range(0, len(ids), 5):
        if rng.random() < 0.1:
            ids[at : at + 5] = rng.sample(ids[at : at + 5], len(ids[at : at + 5]))
    for _ in range(120):
        batch = [
            (identity_of(f"T{rng.choice((1, 1, 1, rng.randint(2, 30)))}", stan, at), ids.pop(0))
            for at, stan in enumerate(rng.choices(stans, k=rng.choice((0, 1, 2, 3, 12))), run)
        ]
        run += len(batch)
        meanwhile = batch[: rng.choice((0, 0, len(batch)))]
        table.append(batch[len(meanwhile) :])
        lags = rng.random()
        if lags < 0.8 or len(table.waiting) > LAGS_MAX:
            table.apply(meanwhile, fails=lags < 0.2)
        else:
            table.append(meanwhile)
        if rng.random() < 0.05:
            table.new_life()
        some = rng.choices([*table.all, identity_of("T1", "unknown")], k=3)
        prefixes = [each[: rng.randint(1, len(each))] for each in some]
        table.check(some, [*prefixes, "SHOP|T1|000100|", "SHOP|T1|7|2|", "SHOP|T1|", "NONE|", ""])
        assert len(table.all) - len(table.rows) <= 2 * (table.run + LAGS_MAX + 3 * 12)


def test_a_group_is_known_by_whatever_names_a_charge_of_it() -> None:
    for stan in ("", "7", "42", "000142", "123456789012"):
        identity = identity_of("T1", stan, 171500)
        prefix = f"SHOP|T1|{stan}|"
        assert {group_of(prefix), group_of(prefix + "2|")} == {group_of(identity)}
    assert group_of(identity_of("T1", "000142")) == group_of(identity_of("T1", "000199", 3))
    assert group_of(identity_of("T1", "000142")) != group_of(identity_of("T1", "000200"))
    assert group_of(identity_of("T1", "000142")) != group_of(identity_of("T2", "000142"))


def test_up_to_is_exact() -> None:
    """Also while a group has left in part, and one of later ids stands before others."""
    table = Table(4)
    order = ["A", "B", "A", "C", "A", "B", "A", "A", "A", "A", "C", "B", "A", "D", "D", "A"]
    for number, terminal in enumerate(order, 1):
        table.append([(identity_of(f"T{terminal}", f"{number:06}"), number)])
        table.apply()
        lacking = [n for each, n in table.all.items() if each not in table.rows]
        # It is written with the batch after the one that made it true.
        before = table.memory.up_to()
        assert (before[0][0] if before else table.up_to) == min(lacking) - 1


def groups_of_batches(
    terminals: Sequence[int], stans: dict[int, int], size: int, run: int
) -> list[tuple[int, int]]:
    """Of each batch once memory is full: rows, and the groups that they are of."""
    table, found = Table(run), []
    for first in range(0, len(terminals), size):
        batch = []
        for number, terminal in enumerate(terminals[first : first + size], first + 1):
            stans[terminal] = stans.get(terminal, 100_000 + 37 * terminal) + 1
            batch.append((identity_of(f"T{terminal}", f"{stans[terminal]:06}"), number))
        table.append(batch)
        due = table.apply()
        if first > 3 * run:
            found.append((len(due), len({group_of(identity) for identity, _ in due})))
    return found


def test_many_of_a_terminals_identities_leave_together() -> None:
    """With 256 terminals and 4,096 gathered some twenty, all those of a page or two."""
    found = groups_of_batches([n % 256 for n in range(30_000)], {}, 32, 4_096)
    rows, groups = (sum(each) for each in zip(*found, strict=True))
    assert rows / groups > 20
    assert max(group for _, group in found) <= 8


def test_no_batch_is_all_of_rare_terminals() -> None:
    """Ten terminals have most of the trade, thousands a charge now and then."""
    rng = random.Random(1)  # noqa: S311 - a test's dice
    terminals = [
        rng.randrange(10) if rng.random() < 0.9 else rng.randrange(9_999) for _ in range(30_000)
    ]
    found = groups_of_batches(terminals, {}, 32, 4_096)
    assert max(rows for rows, _ in found) <= FILLED_AT_ONCE * 32
    # A run of batches has a tenth of its rows from rare terminals, as what came.
    some = [
        sum(groups for _, groups in found[at : at + 20]) for at in range(0, len(found) - 20, 20)
    ]
    assert max(some) <= 20 * 32 * 0.1 * 2


def pages_of_batches(folder: Path, terminals: int, batches: int) -> list[int]:
    """Frames of the log of each commit of 16 charges."""
    pages, size = [], LOG_HEADER_BYTES
    with closing(held_in(folder, run=512)) as journal:
        journal._tables.db.execute("PRAGMA wal_autocheckpoint = 0")
        log = folder / "isogate.db-wal"
        size = log.stat().st_size
        for first in range(1, 16 * batches, 16):
            batch = []
            for number in range(first, first + 16):
                terminal = f"T{number % terminals}"
                identity = identity_of(terminal, f"{number // terminals:06}")
                batch.append(opened(charge(number, terminal=terminal, identity=identity)))
            journal.append(batch)
            pages.append((log.stat().st_size - size) // FRAME_BYTES)
            size = log.stat().st_size
    return pages


def test_what_a_commit_writes_does_not_grow_with_the_file(tmp_path: Path) -> None:
    pages = pages_of_batches(tmp_path, terminals=32, batches=400)
    # Before anything is filled; when memory has just been full; when the file is twice as long.
    empty, full, later = (sum(pages[at : at + 32]) for at in (0, 150, 350))
    assert full - empty <= 4 * 32
    assert later <= full + 8
    assert max(pages) <= max(pages[:32]) + 16


def test_what_a_commit_writes_does_not_grow_with_the_terminals_whose_identities_leave_together(
    tmp_path: Path,
) -> None:
    few, many = (
        sum(pages_of_batches(tmp_path / name, terminals, 250)[150:])
        for name, terminals in (("few", 4), ("many", 32))
    )
    assert many <= few * 1.25


def test_the_pages_in_which_identities_are_looked_for_stay_in_memory_of_a_large_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand terminals: their last pages are more than SQLite keeps unless it is told."""
    with closing(held_in(tmp_path)) as journal:
        assert list(journal._tables.db.execute("PRAGMA cache_size")) == [(-memory.CACHE_KIB,)]
    monkeypatch.setattr(memory, "LARGE_PAGES", 10)
    with closing(held_in(tmp_path)) as journal:
        assert list(journal._tables.db.execute("PRAGMA cache_size")) == [
            (-memory.CACHE_OF_LARGE_KIB,)
        ]
        rows = [
            (identity_of(f"T{terminal:04}", f"{stan:06}"), -1)
            for terminal in range(1_000)
            for stan in range(70)
        ]
        with journal._tables.db:
            journal._tables.db.executemany(FILL, rows)
        for first in (1, 1_001):
            missed = journal._tables.db.status(apsw.SQLITE_DBSTATUS_CACHE_MISS, reset=True)[0]
            numbers = range(first, first + 1_000)
            names = (
                identity_of(f"T{number % 1_000:04}", f"{900_000 + first}") for number in numbers
            )
            journal.append(
                [opened(charge(n, identity=each)) for n, each in zip(numbers, names, strict=True)]
            )
        missed = journal._tables.db.status(apsw.SQLITE_DBSTATUS_CACHE_MISS, reset=True)[0]
    assert missed < 10


@pytest.mark.parametrize("seed", range(3))
def test_a_process_that_dies_between_two_parts_of_a_group_forgets_no_identity(
    tmp_path: Path, seed: int
) -> None:
    """After each commit its files, as they then lie on the disk, are another life's."""
    rng = random.Random(seed)  # noqa: S311 - a test's dice
    names = [identity_of(each, f"{n:06}") for n in range(1, 50) for each in ("T1", "T2")]
    died, parts, taken = tmp_path / "died", 0, list[str]()
    with closing(held_in(tmp_path / "lives", run=6)) as journal:
        for number in range(1, 50):
            taken.append(identity_of("T1" if rng.random() < 0.8 else "T2", f"{number:06}"))
            journal.append([opened(charge(number, identity=taken[-1]))])
            shutil.copytree(tmp_path / "lives", died, ignore=shutil.ignore_patterns("*-shm"))
            with closing(apsw.Connection(str(died / "isogate.db"))) as db:
                there = {each for (each,) in db.execute("SELECT identity FROM charge_identity")}
            lacking = {*taken} - there
            # The table has some of a group that began before others that are not there.
            parts += len(lacking) < 6
            with closing(held_in(died, run=6)) as next_life:
                assert next_life.known(names) == {*taken}
                again = next_life.append([opened(charge(99, identity=rng.choice(taken)))])
                assert again[99].identity in taken
            shutil.rmtree(died)
    assert parts > 10
