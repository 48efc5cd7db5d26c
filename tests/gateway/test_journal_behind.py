"""The tables behind the redo log: nobody who asks sees that they are behind."""

from __future__ import annotations

import random
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from gateway.journal import _identity, applier
from gateway.journal.applier import Applier
from gateway.journal.ground import Ground
from gateway.journal.lock import LockedError
from gateway.journal.newest import Newest, terminal_of
from gateway.journal.port import FencedError, JournalError
from gateway.journal.reader import JournalReader
from gateway.journal.redo import SUFFIXES, FullError
from gateway.journal.sqlite import SqliteJournal
from gateway.journal.vault import Vault, load_key, read_key
from routing.charge import Event, State
from routing.conventions import Original
from routing.effects import Audited, Kept, Noted
from routing.keeper import AuditKind, KeptKind
from routing.records import moved_values, opened_values
from tests.gateway.journals import LOG_ONLY, as_killed, charge, moves, opened, sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.journal.tables import Tables

WALL = 1_790_000_000.0


@pytest.fixture
def lagging(tmp_path: Path) -> Iterator[SqliteJournal]:
    """A journal whose tables take nothing in until they are asked."""
    journal = sqlite(tmp_path, LOG_ONLY)
    journal.start(WALL, ended_max=100)
    yield journal
    journal.close()


def in_tables(folder: Path) -> list[int]:
    """The ids of charges that the tables hold."""
    with closing(apsw.Connection(str(folder / "isogate.db"))) as db:
        return [number for (number,) in db.execute("SELECT id FROM charge_record ORDER BY id")]


def read(folder: Path) -> list[tuple[int, str]]:
    """What a reader beside sees."""
    vault = Vault(read_key(folder / "isogate.db.key"))
    with closing(JournalReader(folder / "isogate.db", vault)) as reader:
        return [(each.id, each.state) for each in reader.charges()]


def test_a_charge_is_known_before_the_tables_have_it(
    lagging: SqliteJournal, tmp_path: Path
) -> None:
    first = charge(1)
    lagging.append([opened(first), *moves(first, Event.DECLINE, code="51")])
    assert in_tables(tmp_path) == []
    assert lagging.known([first.identity, "?"]) == {first.identity}
    again = charge(2, identity=first.identity)
    known = lagging.append([opened(again)])
    assert (known[2].id, known[2].code) == (1, "51")


@pytest.mark.parametrize(
    "wanted", [1, charge(1).identity, Original("MERCHANT0000001|T0000001|000001|", "", "")]
)
def test_whatever_is_asked_is_asked_of_all_that_is_durable(
    lagging: SqliteJournal, wanted: Any
) -> None:
    each = charge(1)
    lagging.append([opened(each), *moves(each, Event.APPROVAL, rrn="R1")])
    found = lagging.find(wanted)
    assert found is not None
    assert moved_values(found) == moved_values(each)


def test_all_steps_of_a_charge_become_one_row(lagging: SqliteJournal, tmp_path: Path) -> None:
    """As they would be had each come to the tables by itself."""
    each, other = charge(1), charge(2)
    begins = (Event.NO_ANSWER, Event.REVERSAL_SENT)
    lagging.append([opened(each), opened(other)])
    lagging.append(list(moves(each, *begins, reversal_stan="000900", attempts=1)))
    lagging.append(list(moves(other, Event.APPROVAL, answer={39: "00"}, echoed=(2, 3))))
    assert read_after_kill(tmp_path) == [(1, State.REVERSAL_DUE), (2, State.APPROVED)]
    found = lagging.find(1)
    lagging.append(list(moves(each, Event.REVERSAL_ACCEPTED, remark="later")))
    lagging.append(list(moves(other, Event.TERMINAL_LOST)))
    assert found is not None
    for one in (each, other):
        back = lagging.find(one.id)
        assert back is not None
        assert opened_values(back) == opened_values(one)
        assert moved_values(back) == moved_values(one)


def read_after_kill(folder: Path) -> list[tuple[int, str]]:
    """What a reader sees of the files as a kill would leave them now, with nobody to ask."""
    return read(as_killed(folder, folder / "killed"))


def test_a_new_life_takes_in_what_was_left_of_every_kind(
    lagging: SqliteJournal, tmp_path: Path
) -> None:
    each = charge(1)
    kept = Kept(1, WALL, KeptKind.MERCHANT, "SHOP", 1, {"name": "Corner", "limits": [1, None, 2.5]})
    noted = Noted(1, 1, WALL, "complaint", "key", "Ana", {"what": "no service", "count": 2})
    line = Audited(1, WALL, AuditKind.MERCHANT_CHANGED, "SHOP", "Ana", {"on": None})
    lagging.append([opened(each), noted, kept, line])
    lagging.append([*moves(each, Event.APPROVAL), noted])
    folder = as_killed(tmp_path, tmp_path / "killed")
    with closing(sqlite(folder)) as journal:
        recovery = journal.start(WALL, ended_max=10)
        assert [(one.id, one.state) for one in recovery.charges] == [(1, State.APPROVED)]
        assert recovery.kept == [kept]
        assert [one.said for one in recovery.entries] == [noted.said]
        assert journal.append([Kept(2, WALL, KeptKind.MERCHANT, "SHOP", 2, {})]) == {}
        (audited,) = journal._tables.db.execute("SELECT count(*) FROM audit")
        assert audited == (1,)
        again = charge(2, identity=each.identity)
        assert journal.append([opened(again)])[2].id == 1


def test_what_was_taken_in_once_is_not_taken_in_again(
    lagging: SqliteJournal, tmp_path: Path
) -> None:
    line = Audited(1, WALL, AuditKind.MERCHANT_CHANGED, "SHOP", "Ana", {})
    lagging.append([line])
    folder = as_killed(tmp_path, tmp_path / "killed")
    for _ in range(3):
        with closing(sqlite(folder)) as journal:
            (audited,) = journal._tables.db.execute("SELECT count(*) FROM audit")
            assert audited == (1,)


def test_a_reader_beside_a_gateway_sees_all_that_was_durable(tmp_path: Path) -> None:
    vault = Vault(load_key(tmp_path / "isogate.db.key"))
    with closing(SqliteJournal(tmp_path / "isogate.db", vault, beside=True)) as journal:
        journal.start(WALL, ended_max=10)
        for number in range(1, 20):
            journal.append([opened(charge(number))])
            assert read(tmp_path)[-1] == (number, State.SENT)


def test_a_reader_is_told_of_a_log_that_lost_its_beginning(tmp_path: Path) -> None:
    with closing(sqlite(tmp_path, LOG_ONLY)) as journal:
        journal.start(WALL, ended_max=10)
        journal.append([opened(charge(1))])
        journal.append([opened(charge(2))])
        folder = as_killed(tmp_path, tmp_path / "killed")
    log = folder / f"isogate.db{SUFFIXES[0]}"
    log.write_bytes(log.read_bytes()[:100].ljust(4096, b"\0") + log.read_bytes()[4096:])
    files = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(JournalError, match="damaged"):
        sqlite(folder)
    assert len(list(Path("/proc/self/fd").iterdir())) == files


class _Refusing:
    """Tables that refuse what they are given, once."""

    def __init__(self, tables: Tables, *, after: bool) -> None:
        self._carry_out = tables._statements.carry_out
        self._after, self._over = after, False
        tables._statements = self  # type: ignore[assignment]

    def carry_out(self, first: int, batches: Any) -> int:
        if self._over:
            return self._carry_out(first, batches)
        self._over = True
        if self._after:
            self._carry_out(first, batches)
        message = "simulated"
        raise apsw.FullError(message)

    def close(self) -> None:
        """Nothing is kept here."""


@pytest.mark.parametrize("after", [False, True], ids=["rolled back", "committed all the same"])
def test_what_the_tables_refuse_stays_durable_and_is_taken_in_later(
    tmp_path: Path, after: bool
) -> None:
    journal = sqlite(tmp_path)
    journal.start(WALL, ended_max=10)
    statements = journal._tables._statements
    _Refusing(journal._tables, after=after)
    each = charge(1)
    journal.append([opened(each)])
    assert in_tables(tmp_path) == ([1] if after else [])
    journal.append([*moves(each, Event.APPROVAL), opened(charge(2))])
    assert in_tables(tmp_path) == [1, 2]
    assert journal._tables.one(1)[7] == State.APPROVED  # type: ignore[index]
    journal._tables._statements = statements
    journal.close()


def test_a_repeat_that_cannot_be_looked_up_leaves_nothing_of_its_batch(tmp_path: Path) -> None:
    """So the batch can be appended again."""
    journal = sqlite(tmp_path, LOG_ONLY)
    journal.start(WALL, ended_max=10)
    statements = journal._tables._statements
    first = charge(1)
    journal.append([opened(first)])
    batch = [opened(charge(2, identity=first.identity)), opened(charge(3))]
    _Refusing(journal._tables, after=False)
    with pytest.raises(JournalError, match="FullError"):
        journal.append(batch)
    assert journal.append(batch)[2].id == 1
    assert journal.find(charge(3).identity) is not None
    journal._tables._statements = statements
    journal.close()


def test_a_repeat_in_the_batch_of_its_charge_is_told_how_that_one_stands(
    lagging: SqliteJournal, tmp_path: Path
) -> None:
    first = charge(1)
    again = charge(2, identity=first.identity)
    records = [opened(first), opened(again), *moves(first, Event.DECLINE, code="51")]
    told = lagging.append(records)[2]
    assert (told.id, told.state, told.code, told.pan) == (1, State.DECLINED, "51", first.pan)
    assert in_tables(tmp_path) == []


def test_who_asks_while_the_tables_refuse_is_told(tmp_path: Path) -> None:
    journal = sqlite(tmp_path, LOG_ONLY)
    journal.start(WALL, ended_max=10)
    statements = journal._tables._statements
    journal.append([opened(charge(1))])
    _Refusing(journal._tables, after=False)
    with pytest.raises(JournalError, match="FullError"):
        journal.find(1)
    assert journal.find(1) is not None
    journal._tables._statements = statements
    journal.close()


def test_tables_that_fail_with_anything_else_end_the_journal(tmp_path: Path) -> None:
    """Nothing stays durable in the log alone without anybody being told."""
    journal = sqlite(tmp_path)
    journal.start(WALL, ended_max=10)
    tables = journal._tables

    def fails(*_: object) -> bool:
        raise MemoryError

    patched = pytest.MonkeyPatch()
    patched.setattr(tables, "apply", fails)
    for _ in range(2):
        with pytest.raises(FencedError, match="MemoryError"):
            journal.append([opened(charge(1))])
    patched.undo()
    journal.close()
    with closing(sqlite(tmp_path)) as again:
        assert [each.id for each in again.start(WALL, ended_max=10).charges] == [1]


def test_a_commit_that_could_not_be_looked_for_is_not_applied_twice(tmp_path: Path) -> None:
    journal = sqlite(tmp_path)
    journal.start(WALL, ended_max=10)
    each = charge(1)
    journal.append([opened(each)])
    statements, applied = journal._tables._statements, journal._tables._applied
    patched = pytest.MonkeyPatch()

    def cannot() -> tuple[int, int]:
        patched.undo()
        message = "simulated"
        raise apsw.IOError(message)

    _Refusing(journal._tables, after=True)
    patched.setattr(journal._tables, "_applied", cannot)
    line = Audited(1, WALL, AuditKind.MERCHANT_CHANGED, "SHOP", "Ana", {})
    journal.append([*moves(each, Event.APPROVAL)])
    journal.append([line])
    journal._tables._statements = statements
    assert applied()[0] == 3
    (steps,) = journal._tables.db.execute("SELECT count(*) FROM step")
    assert steps == (1,)
    journal.close()


def test_a_log_of_a_life_that_the_tables_lack_is_told_and_nothing_is_taken_in(
    tmp_path: Path,
) -> None:
    """A copy was put back, and the log of a later life beside it."""
    with closing(sqlite(tmp_path)) as journal:
        journal.start(WALL, ended_max=10)
        journal.append([opened(charge(1))])
    copy = (tmp_path / "isogate.db").read_bytes()
    with closing(sqlite(tmp_path)) as journal:
        journal.start(WALL, ended_max=10)
        journal.append([opened(charge(2, epoch=2))])
    (tmp_path / "isogate.db").write_bytes(copy)
    for _ in range(2):
        with pytest.raises(JournalError, match="of a life that the tables lack"):
            sqlite(tmp_path)
    for suffix in SUFFIXES:
        (tmp_path / f"isogate.db{suffix}").unlink()
    with closing(sqlite(tmp_path)) as journal:
        assert [each.id for each in journal.start(WALL, ended_max=10).charges] == [1]


@pytest.mark.parametrize("number", [-1, 1 << 63, 10**25])
def test_a_charge_that_there_cannot_be_is_neither_found_nor_written_of(
    tmp_path: Path, number: int
) -> None:
    with closing(sqlite(tmp_path)) as journal:
        journal.start(WALL, ended_max=10)
        assert journal.find(number) is None
        with pytest.raises(FencedError):
            journal.append([Noted(number, 1, WALL, "complaint", "", "Ana", {})])
        assert journal.append([Noted(0, 1, WALL, "complaint", "", "Ana", {"big": 10**25})]) == {}
    sqlite(tmp_path).close()


def test_a_journal_behind_a_link_is_one_journal(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "isogate.db"
    link.symlink_to(tmp_path / "there" / "isogate.db")
    with closing(sqlite(tmp_path, LOG_ONLY)) as journal:
        journal.start(WALL, ended_max=10)
        journal.append([opened(charge(1))])
        with pytest.raises(LockedError):
            SqliteJournal(tmp_path / "there" / "isogate.db", Vault(bytes(32)))
    assert {each.name for each in (tmp_path / "there").iterdir()} >= {
        f"isogate.db{suffix}" for suffix in SUFFIXES
    }


def test_the_applier_tries_again_and_ends_when_told() -> None:
    """With a retry that nobody waits for: closing cuts it short."""
    tried: list[int] = []

    def apply() -> None:
        tried.append(1)
        message = "simulated"
        raise JournalError(message)

    applier = Applier(apply)
    applier.tell()
    while not tried:
        applier.tell()
    applier.close()
    assert not applier._thread.is_alive()


@pytest.mark.parametrize("how", ["soon", "hurries"])
def test_what_should_be_soon_waits_for_nothing(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(applier, "APPLY_AFTER_S", 3_600.0)
    applied = threading.Event()
    beside = Applier(applied.set)
    beside.tell()
    beside.tell(**{how: True})
    assert applied.wait(60)
    beside.close()


@pytest.mark.parametrize("opened", [applier.MANY - 1, applier.MANY])
def test_many_charges_gather_for_longer_than_few(
    monkeypatch: pytest.MonkeyPatch, opened: int
) -> None:
    waited: list[float] = []
    applied = threading.Event()
    beside = Applier(applied.set)
    with monkeypatch.context() as patched:
        patched.setattr(beside, "_gather", waited.append)
        beside.tell(opened=opened)
        assert applied.wait(60)
        beside.close()
    assert waited[0] == applier.APPLY_AFTER_S
    for_longer = applier.GATHER_S - applier.APPLY_AFTER_S
    assert (for_longer in waited) == (opened == applier.MANY)


# The greatest identity of each terminal


def test_a_terminal_that_counts_up_is_never_looked_up_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite(tmp_path)) as journal:
        journal.start(WALL, ended_max=10)
        asked: list[str] = []
        table = journal._in_table
        looked_up = table.greatest_of
        monkeypatch.setattr(
            table, "greatest_of", lambda each: [asked.append(each), looked_up(each)][1]
        )
        monkeypatch.setattr(table, "of", lambda _identity: pytest.fail("looked up"))
        for number in range(1, 50):
            journal.append([opened(charge(number))])
        assert asked == ["MERCHANT0000001|T0000001|"]


def test_a_stan_that_begins_anew_is_held_against_all_that_there_are(tmp_path: Path) -> None:
    """In this life and in the next; also of a terminal whose name another one's begins with."""
    old = charge(1, identity="M|T1|999999|2|1123|1")
    stranger = charge(2, identity="M|T|500000|2|1123|1")
    wrapped = charge(3, identity="M|T1|000001|2|1124|1")
    with closing(sqlite(tmp_path)) as journal:
        journal.start(WALL, ended_max=10)
        assert journal.append([opened(old), opened(stranger), opened(wrapped)]) == {}
        again = [charge(4, identity=old.identity), charge(5, identity=wrapped.identity)]
        assert {n: c.id for n, c in journal.append([opened(each) for each in again]).items()} == {
            4: 1, 5: 3,
        }  # fmt: skip
    with closing(sqlite(tmp_path)) as journal:
        journal.start(WALL, ended_max=10)
        for number, identity, older in (
            (6, wrapped.identity, 3), (7, old.identity, 1), (8, stranger.identity, 2),
        ):  # fmt: skip
            assert journal.append([opened(charge(number, identity=identity))])[number].id == older


def test_stans_that_begin_anew_are_looked_up_once_a_hundred(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to the first that was used before: there a new look finds the next gap."""
    with closing(sqlite(tmp_path)) as journal:
        journal.start(WALL, ended_max=10)
        journal.append([opened(charge(999_999))])
        journal.append([opened(charge(1_000_050, identity=charge(50).identity))])
        asked: list[str] = []
        looked_up = journal._in_table.of
        monkeypatch.setattr(
            journal._in_table, "of", lambda each: [asked.append(each), looked_up(each)][1]
        )
        for stan in (*range(1, 50), *range(51, 250)):
            number = 2_000_000 + stan
            assert journal.append([opened(charge(number, identity=charge(stan).identity))]) == {}
        assert [each.split("|")[2] for each in asked] == ["000001", "000051", "000100", "000200"]


@pytest.mark.parametrize("seed", range(12))
def test_no_identity_is_taken_twice_however_its_terminal_counts(tmp_path: Path, seed: int) -> None:
    """Up, down, at random, anew; with the tables near or far behind, in one life and the next."""
    rng = random.Random(seed)  # noqa: S311 - a test's dice
    ground = Ground(run=rng.choice((0, 5, 40)), apply_each=rng.choice((1, 3, 1_000)))
    model: dict[str, int] = {}
    number, stans, epoch = 0, dict.fromkeys(("T", "T1", "S"), 500), 0
    for _life in range(3):
        with closing(sqlite(tmp_path, ground)) as journal:
            epoch = journal.start(WALL, ended_max=0).epoch
            for _ in range(60):
                batch, expected = [], {}
                for _ in range(rng.randrange(1, 6)):
                    number, name = number + 1, rng.choice(list(stans))
                    step = rng.choice((1, 1, 1, 1, 2, 0, -1, -150, rng.randrange(-300, 300)))
                    stans[name] = (stans[name] + step) % 1_000
                    stan = str(stans[name]).zfill(rng.choice((6, 6, 6, 6, 3, 12)))
                    identity = f"M|{name}|{stan}|{rng.choice('22224')}|1"
                    batch.append(opened(charge(number, epoch=epoch, identity=identity)))
                    older = model.setdefault(identity, number)
                    if older != number:
                        expected[number] = older
                told = journal.append(batch)
                assert {mine: each.id for mine, each in told.items()} == expected


def test_no_more_terminals_are_remembered_than_the_bound_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    newest = Newest()
    for number in range(3):
        newest.remember(f"M|T{number}|000001|", "")
    monkeypatch.setattr("gateway.journal.newest.TERMINALS_MAX", 3)
    assert not newest.lacks("M|T9|000001|")
    assert not newest.is_past("M|T9|000001|")
    assert newest.is_past("M|T1|000001|")


@pytest.mark.parametrize(
    ("identity", "terminal"),
    [
        ("M|T|1|2", "M|T"),
        ("M|T|", "M|T"),
        ("||1", "|"),
        ("日|本|1", "日|本"),
        ("é|è|1", "é|è"),
        ("none", "none"),
    ],
)
def test_a_terminal_is_what_comes_before_the_stan(identity: str, terminal: str) -> None:
    assert terminal_of(identity) == terminal
    for till in (terminal, "M|T", "M", "M|T|1", "", "|", "none", "日|本"):
        assert _identity.terminal(identity, till) == terminal


def test_a_log_that_is_full_makes_room_as_soon_as_its_tables_can_be_synced(tmp_path: Path) -> None:
    """Also where they hold everything already: a commit that fails once goes through again."""
    ground = Ground(file_bytes=2 * 4_096, apply_each=7)
    with closing(sqlite(tmp_path, ground)) as journal:
        journal.start(WALL, ended_max=10)
        refused = 0
        for number in range(1, 60):
            batch = [opened(charge(number * 40 + more)) for more in range(40)]
            try:
                journal.append(batch)
            except FullError:
                refused += 1
                journal.append(batch)
        assert refused > 3
        assert len(in_tables(tmp_path)) > 59 * 40 - 7 * 40


def test_a_journal_that_broke_leaves_what_is_durable_to_the_next_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite(tmp_path, LOG_ONLY)) as journal:
        journal.start(WALL, ended_max=100)
        journal.append([opened(charge(1))])
        with monkeypatch.context() as patched:
            patched.setattr(journal._tables, "apply", _no_memory)
            with pytest.raises(FencedError, match="MemoryError"):
                journal._apply()
        with pytest.raises(FencedError):
            journal.append([opened(charge(2))])
    assert in_tables(tmp_path) == []
    with closing(sqlite(tmp_path, LOG_ONLY)) as journal:
        assert journal.start(WALL, ended_max=100).last_id == 1


def _no_memory(*_work: object) -> bool:
    raise MemoryError
