"""What every journal must do; each point is held against all journals that there are."""

from __future__ import annotations

import random
import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import apsw
import msgspec
import pytest

from gateway.journal import docket
from gateway.journal.identity_table import BEGIN_SO, GREATEST, IN_TABLE
from gateway.journal.lock import LockedError
from gateway.journal.none import NoJournal
from gateway.journal.port import FencedError, JournalError
from gateway.journal.reader import JournalReader
from gateway.journal.rows import SELECT, UPDATES, WHERE_NAMED
from gateway.journal.schema import SCHEMA_VERSION
from gateway.journal.sqlite import SqliteJournal
from gateway.journal.statements import ThroughApsw, prepared
from gateway.journal.vault import Vault, read_key
from routing.charge import Event, State
from routing.conventions import Original
from routing.docket import Entry
from routing.effects import (
    Audited,
    Kept,
    Noted,
)
from routing.keeper import AuditKind, KeptKind
from routing.reason import Reason
from routing.records import MOVED, OPENED, moved, moved_values, opened_values
from routing.transaction import Transaction
from tests.gateway.journals import LOG_ONLY, PAN, as_killed, charge, moves, opened, sqlite
from tests.gateway.old_journals import back_to

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.journal import Journal
    from routing.effects import Record

WALL = 1_790_000_000.0
_REOPENED: list[SqliteJournal] = []
"""Those that are closed already."""
PREFIX = "MERCHANT0000001|T0000001|000001|2|"


@pytest.fixture(params=[prepared, ThroughApsw], ids=["in_c", "through_apsw"])
def held(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[SqliteJournal]:
    """A journal that keeps what it is given, in its first life; written either way there is."""
    monkeypatch.setattr("gateway.journal.tables.prepared", request.param)
    journal = sqlite(tmp_path)
    journal.start(WALL, ended_max=100)
    yield journal
    if journal not in _REOPENED:
        journal.close()


@pytest.fixture(params=["sqlite", "none"])
def any_journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    """Every kind of journal."""
    journal: Journal = sqlite(tmp_path) if request.param == "sqlite" else NoJournal()
    yield journal
    journal.close()


def reopened(journal: SqliteJournal, folder: Path) -> SqliteJournal:
    journal.close()
    _REOPENED.append(journal)
    return sqlite(folder)


# All journals


def test_none_knows_an_identity_that_no_charge_had(any_journal: Journal) -> None:
    any_journal.start(WALL, ended_max=100)
    assert any_journal.known(["MERCHANT0000001|T0000001|000001|2|"]) == set()


def test_known_identities_are_told_while_another_connection_writes(
    held: SqliteJournal, tmp_path: Path
) -> None:
    mine = charge(1)
    held.append([opened(mine)])
    with closing(apsw.Connection(str(tmp_path / "isogate.db"))) as other:
        other.execute("BEGIN IMMEDIATE")
        assert held.known([mine.identity, mine.identity + "?", 'it\'s "quoted"']) == {mine.identity}
        other.execute("ROLLBACK")


def test_a_first_life_finds_nothing(any_journal: Journal) -> None:
    recovery = any_journal.start(WALL, ended_max=10)
    assert (recovery.epoch, recovery.last_id, recovery.charges) == (1, 0, [])
    assert recovery.last_stans == {}


def test_new_charges_are_taken_and_unknown_ones_not_found(any_journal: Journal) -> None:
    any_journal.start(WALL, ended_max=10)
    each = charge()
    assert any_journal.append([opened(each), *moves(each, Event.APPROVAL)]) == {}
    assert any_journal.append([]) == {}
    assert any_journal.find(Original("NOBODY|", "", "")) is None


# Journals that keep


def test_every_value_of_a_charge_comes_back(held: SqliteJournal, tmp_path: Path) -> None:
    each = charge(sent_header="6000030000602200000000", batch="000007")
    changes = {"code": "00", "rrn": "RRN1", "approval_code": "A1", "answer": {39: "00"}}
    more = {"echoed": (2, 3, 4), "approved_amount": 600, "approval_held": True, "reason": "r"}
    records = [opened(each), *moves(each, Event.APPROVAL, **changes, **more)]
    held.append(records)
    journal = reopened(held, tmp_path)
    (back,) = journal.start(WALL + 1, ended_max=100).charges
    each.epoch = 2
    assert opened_values(back) == opened_values(each)
    assert moved_values(back) == moved_values(each)
    journal.close()


def test_a_journal_of_an_older_version_is_brought_up_to_date(
    held: SqliteJournal, tmp_path: Path
) -> None:
    each = charge()
    held.append([opened(each), *moves(each, Event.APPROVAL)])
    held.close()
    _REOPENED.append(held)
    path = tmp_path / "isogate.db"
    back_to(1, path)
    with pytest.raises(JournalError, match="schema 1"):
        JournalReader(path, Vault(read_key(tmp_path / "isogate.db.key")))
    journal = sqlite(tmp_path)
    (back,) = journal.start(WALL + 1, ended_max=10).charges
    assert (back.id, back.state, back.kind) == (1, State.APPROVED, Transaction.SALE)
    said = Noted(1, 2, WALL, Entry.COMPLAINT, "", "Ana", {"verdict": "being looked at"})
    kept = Kept(2, WALL, KeptKind.MERCHANT, "123456789012345", 1, {"state": "active"})
    audited = Audited(2, WALL, AuditKind.MERCHANT_CHANGED, kept.key, "Ana", {"state": "active"})
    journal.append([*moves(back, Event.TERMINAL_LOST, given_back=5), said, kept, audited])
    journal.close()
    assert sqlite_version(path) == SCHEMA_VERSION
    again = sqlite(tmp_path)
    recovery = again.start(WALL + 2, ended_max=10)
    assert (recovery.entries, recovery.kept) == ([said], [kept])
    again.close()


def test_every_value_of_a_charge_of_a_journal_with_a_column_for_each_stays(
    held: SqliteJournal, tmp_path: Path
) -> None:
    charges = [charge(1, sent_on="1123", kind=Transaction.REFUND, original_id=7), charge(2)]
    changes = {
        "code": "00",
        "answer": {38: "A1", 39: "00"},
        "echoed": (2, 3),
        "remark": 'it\'s "x"',
    }
    more = {"approval_held": True, "reason": Reason.NO_ANSWER, "updated_at": 1.1 + 2.2}
    held.append([*map(opened, charges), *moves(charges[0], Event.APPROVAL, **changes, **more)])
    held.close()
    _REOPENED.append(held)
    path = tmp_path / "isogate.db"
    with closing(reader_of(tmp_path)) as reader:
        named = list(reader.snapshot().execute("SELECT * FROM charge ORDER BY id"))
    back_to(7, path)
    with closing(sqlite(tmp_path)), closing(reader_of(tmp_path)) as reader:
        back = list(reader.charges())
        assert list(reader.snapshot().execute("SELECT * FROM charge ORDER BY id")) == named
    for each, found in zip(charges, back, strict=True):
        assert opened_values(found) == opened_values(each)
        assert moved_values(found) == moved_values(each)


def test_the_view_names_every_value(held: SqliteJournal, tmp_path: Path) -> None:
    each = charge(window_s=30.0, operator="07")
    held.append([opened(each), *moves(each, Event.APPROVAL, rrn="RRN1", attempts=2, keeps=5)])
    held.append([opened(charge(2))])
    with closing(reader_of(tmp_path)) as reader:
        both = [
            dict(zip(row_names, row, strict=True))
            for found in [reader.snapshot().execute("SELECT * FROM charge ORDER BY id")]
            for row_names in [[name for name, _ in found.get_description()]]
            for row in found
        ]
    for one, shown in zip((each, charge(2)), both, strict=True):
        values = dict(
            zip((*OPENED, *MOVED), (*opened_values(one), *moved_values(one)), strict=True)
        )
        del values["pan"]
        for name in ("sent", "answer", "echoed"):
            values[name] = None if values[name] is None else msgspec.json.encode(values[name])
            shown[name] = None if shown[name] is None else shown[name].encode()
        assert {name: shown[name] for name in values} == values


_OF_A_BATCH = "terminal = ? AND batch = ? AND batch <> '' AND merchant = ?"


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (f"{SELECT} WHERE open", "USING INDEX charge_open"),
        (IN_TABLE, "USING PRIMARY KEY (identity=?)"),
        (BEGIN_SO, "USING PRIMARY KEY (identity>? AND identity<?)"),
        (GREATEST, "USING PRIMARY KEY (identity>? AND identity<?)"),
        (WHERE_NAMED % _OF_A_BATCH, "USING INDEX charge_batch"),
    ],
)
def test_what_is_asked_often_is_asked_by_an_index(
    held: SqliteJournal, query: str, index: str
) -> None:
    plan = explained(held, "QUERY PLAN " + query, 3)
    assert any(index in line for line in plan), plan


def test_a_step_that_leaves_a_charge_open_or_ended_touches_no_index(held: SqliteJournal) -> None:
    touched = ["IdxInsert" in explained(held, each, 1) for each in UPDATES]
    assert touched == [False, True, False, True]


def explained(journal: SqliteJournal, statement: str, column: int) -> list[str]:
    """One column of what SQLite says of a statement."""
    numbers = {*re.findall(r"\?\d", statement)}
    values = (None,) * (len(numbers) or statement.count("?"))
    return [str(row[column]) for row in journal._tables.db.execute(f"EXPLAIN {statement}", values)]


def test_what_was_said_of_charges_is_durable_and_said_once(
    held: SqliteJournal, tmp_path: Path
) -> None:
    each = charge()
    first = Noted(1, 1, WALL, Entry.PROPOSED, "", "Ana", {"how": "served"})
    found = Noted(0, 1, WALL, Entry.DIFFERENCE, "bank|000001", "", {"kind": "amount"})
    refused = (Event.NO_ANSWER, Event.REVERSAL_SENT, Event.REVERSAL_REFUSED)
    held.append([opened(each), *moves(each, *refused), first, found, found])
    held.append([found])
    assert len(list(docket.of_kind(held._tables.db, Entry.DIFFERENCE))) == 1
    again = reopened(held, tmp_path)
    assert again.start(WALL + 1, ended_max=10).entries == [first]
    again.close()


def test_a_journal_of_a_newer_version_is_left_alone(held: SqliteJournal, tmp_path: Path) -> None:
    held.close()
    _REOPENED.append(held)
    path = tmp_path / "isogate.db"
    newer = apsw.Connection(str(path))
    newer.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    newer.close()
    with pytest.raises(JournalError, match=f"schema {SCHEMA_VERSION + 1}"):
        sqlite(tmp_path)
    assert sqlite_version(path) == SCHEMA_VERSION + 1


def sqlite_version(path: Path) -> int:
    db = apsw.Connection(str(path))
    (version,) = next(db.execute("PRAGMA user_version"))
    db.close()
    return int(version)


def test_every_life_has_a_higher_epoch(held: SqliteJournal, tmp_path: Path) -> None:
    epochs = []
    journal = held
    for _ in range(3):
        journal = reopened(journal, tmp_path)
        epochs.append(journal.start(WALL, ended_max=1).epoch)
    journal.close()
    assert epochs == [2, 3, 4]


def test_open_charges_and_cases_always_come_back_and_of_the_ended_the_newest(
    held: SqliteJournal, tmp_path: Path
) -> None:
    records = []
    for number in range(1, 11):
        each = charge(number)
        events = [Event.DECLINE]
        if number == 2:
            events = []
        if number == 3:
            events = [Event.NO_ANSWER, Event.REVERSAL_REFUSED]
        records += [opened(each), *moves(each, *events)]
    held.append(records)
    journal = reopened(held, tmp_path)
    recovery = journal.start(WALL, ended_max=2)
    journal.close()
    assert [c.id for c in recovery.charges] == [2, 3, 9, 10]
    assert recovery.last_id == 10


def test_what_an_open_void_is_about_comes_back_with_it(held: SqliteJournal, tmp_path: Path) -> None:
    original, void = charge(1), charge(9, kind=Transaction.VOID, original_id=1)
    records = [opened(original), *moves(original, Event.APPROVAL, Event.CONFIRMED)]
    for number in range(2, 9):
        each = charge(number)
        records += [opened(each), *moves(each, Event.DECLINE)]
    held.append([*records, opened(void)])
    journal = reopened(held, tmp_path)
    assert [c.id for c in journal.start(WALL, ended_max=1).charges] == [1, 9]
    journal.close()


def test_numbering_goes_on_past_the_newest_charge_of_each_host(
    held: SqliteJournal, tmp_path: Path
) -> None:
    held.append([opened(charge(1, host_stan="000500")), opened(charge(2, host="other"))])
    journal = reopened(held, tmp_path)
    stans = journal.start(WALL, ended_max=1).last_stans
    journal.close()
    assert stans["host-1"] > 500
    assert stans["other"] > 2


@pytest.mark.parametrize("taken_in", [False, True])
def test_an_older_charge_is_named_as_it_stands_after_the_batch_that_moves_it(
    held: SqliteJournal, *, taken_in: bool
) -> None:
    """Also where a slow disk made its repeat wait for as long as its reversal."""
    first = charge(1)
    held.append([opened(first)])
    if taken_in:
        held._apply()
    steps = [*moves(first, Event.NO_ANSWER, Event.REVERSAL_SENT, Event.REVERSAL_ACCEPTED)]
    again = charge(2, identity=first.identity)
    known = held.append([*steps, opened(again)])
    assert {number: each.state for number, each in known.items()} == {2: State.REVERSED}
    assert held.find(2) is None


def test_a_known_identity_is_not_taken_and_the_older_charge_is_named(held: SqliteJournal) -> None:
    first = charge(1)
    held.append([opened(first), *moves(first, Event.DECLINE, code="51")])
    again, other = charge(2, identity=first.identity), charge(3)
    known = held.append([opened(again), *moves(again, Event.APPROVAL), opened(other)])
    assert {number: known[number].id for number in known} == {2: 1}
    assert (known[2].state, known[2].code) == (State.DECLINED, "51")
    assert held.find(Original(PREFIX, "", "")).id == 1  # type: ignore[union-attr]


def test_a_charge_is_found_by_its_identity(held: SqliteJournal) -> None:
    held.append([opened(charge(1)), opened(charge(2))])
    found = held.find(charge(2).identity)
    assert found is not None
    assert found.id == 2
    assert held.find("NOBODY|") is None


def test_two_of_one_identity_in_one_batch(held: SqliteJournal) -> None:
    first, second = charge(1), charge(2, identity=charge(1).identity)
    known = held.append([opened(first), opened(second)])
    assert {number: known[number].id for number in known} == {2: 1}


def test_a_batch_is_taken_whole_or_not_at_all(held: SqliteJournal, tmp_path: Path) -> None:
    stranger = charge(99)
    with pytest.raises(JournalError):
        held.append([opened(charge(1)), *moves(stranger, Event.DECLINE)])
    journal = reopened(held, tmp_path)
    assert journal.start(WALL, ended_max=10).charges == []
    journal.close()


def test_charges_taken_over_by_a_later_epoch_cannot_be_written(
    held: SqliteJournal, tmp_path: Path
) -> None:
    each = charge()
    held.append([opened(each)])
    other = apsw.Connection(str(tmp_path / "isogate.db"))
    other.execute("UPDATE charge_record SET epoch = 9")
    other.close()
    approval = list(moves(each, Event.APPROVAL))
    for _ in range(2):
        with pytest.raises(FencedError, match="took these charges over"):
            held.append(approval)
    with closing(apsw.Connection(str(tmp_path / "isogate.db"))) as db:
        assert list(db.execute("SELECT state FROM charge_record")) == [("SENT",)]


def test_a_second_writer_is_refused_and_a_reader_is_not(
    held: SqliteJournal, tmp_path: Path
) -> None:
    held.append([opened(charge())])
    with pytest.raises(LockedError, match="another process"):
        sqlite(tmp_path)
    reader = JournalReader(tmp_path / "isogate.db", Vault(read_key(tmp_path / "isogate.db.key")))
    assert [c.pan for c in reader.charges()] == [PAN]
    reader.close()


@pytest.mark.parametrize(
    ("original", "found"),
    [
        (Original(PREFIX, "", ""), 1),
        (Original(PREFIX, "", "1123171500"), 1),
        (Original(PREFIX, "", "1124171500"), None),
        (Original(PREFIX, "000007", ""), None),
        (Original(PREFIX.replace("|2|", "|1|"), "", ""), None),
        (Original(PREFIX.replace("T0000001", "T000000"), "", ""), None),
    ],
)
def test_a_charge_is_found_by_what_a_later_message_says(
    held: SqliteJournal, original: Original, found: int | None
) -> None:
    held.append([opened(charge(1)), opened(charge(2))])
    charge_found = held.find(original)
    assert (charge_found.id if charge_found else None) == found


def test_what_is_bound_needs_no_memory_of_its_own(held: SqliteJournal) -> None:
    """SQLite has room set aside for it."""
    full, hit = apsw.SQLITE_DBSTATUS_LOOKASIDE_MISS_FULL, apsw.SQLITE_DBSTATUS_LOOKASIDE_HIT
    held._tables.db.status(full, True)
    for number in range(1, 20):
        each = charge(number)
        held.append([opened(each)])
        held.append([*moves(each, Event.APPROVAL, rrn=f"RRN{number}", answer={39: "00"})])
    assert held._tables.db.status(full)[1] == 0
    assert held._tables.db.status(hit)[1] > 0


def test_of_two_that_fit_the_newest_is_found(held: SqliteJournal) -> None:
    held.append([opened(charge(1)), opened(charge(2, identity=PREFIX + "1124|171500"))])
    assert held.find(Original(PREFIX, "", "")).id == 2  # type: ignore[union-attr]


def test_steps_are_told_in_their_order(held: SqliteJournal, tmp_path: Path) -> None:
    each = charge()
    begins = (Event.NO_ANSWER, Event.REVERSAL_SENT, Event.REVERSAL_UNANSWERED)
    held.append([opened(each), *moves(each, *begins)])
    held.append(list(moves(each, Event.REVERSAL_SENT)))
    held.append(list(moves(each, Event.REVERSAL_ACCEPTED, remark='what "they" said, [all] of it')))
    assert steps_of(tmp_path) == [*begins, Event.REVERSAL_SENT, Event.REVERSAL_ACCEPTED]
    with closing(reader_of(tmp_path)) as reader:
        last = list(reader.steps_of(1))[-1]
    assert last == (each.updated_at, "REVERSAL_ACCEPTED", "REVERSED", each.remark, "")


def test_steps_of_an_older_version_stay_as_they_were(held: SqliteJournal, tmp_path: Path) -> None:
    each, other = charge(1), charge(2)
    events = (Event.NO_ANSWER, Event.REVERSAL_SENT, Event.REVERSAL_ACCEPTED)
    held.append([opened(each), opened(other), *moves(each, *events, updated_at=1.1 + 2.2)])
    with closing(reader_of(tmp_path)) as reader:
        before = [list(reader.steps_of(number)) for number in (1, 2)]
    held.close()
    _REOPENED.append(held)
    back_to(5, tmp_path / "isogate.db")
    with closing(sqlite(tmp_path)), closing(reader_of(tmp_path)) as reader:
        assert [list(reader.steps_of(number)) for number in (1, 2)] == before
    assert len(before[0]) == len(events)
    assert before[1] == []


@pytest.mark.parametrize("failed", [False, True])
def test_what_only_its_state_is_new_of_is_held_whole(
    held: SqliteJournal, tmp_path: Path, failed: bool
) -> None:
    """Also if the journal refused the row before it."""
    each = charge()
    held.append([opened(each)])
    approval = list(moves(each, Event.APPROVAL, code="00", answer={39: "00"}, rrn="RRN1"))
    if failed:
        with pytest.raises(JournalError):
            held.append([*approval, *moves(charge(99), Event.DECLINE)])
        held.append([*approval, *moves(each, Event.TERMINAL_LOST)])
    else:
        held.append(approval)
    held.append(list(moves(each, Event.DELIVERY_PROVEN)))
    held.append(list(moves(each, Event.RESTART, remark="later")))
    held.append(list(moves(each, Event.CONFIRMED)))
    journal = reopened(held, tmp_path)
    (back,) = journal.start(WALL + 1, ended_max=100).charges
    assert moved_values(back) == moved_values(each)
    journal.close()
    assert steps_of(tmp_path)[-3:] == [Event.DELIVERY_PROVEN, Event.RESTART, Event.CONFIRMED]


_CHANGES: dict[str, tuple[Any, ...]] = {
    "code": ("", "00", "05"),
    "rrn": ("", "R1"),
    "answer": (None, {39: "00"}, {38: "A1", 39: "00"}),
    "echoed": ((), (2, 3)),
    "approved_amount": (0, 600),
    "approval_held": (False, True),
    "settled_on": ("", "1123"),
    "reason": ("", Reason.NO_ANSWER),
    "remark": ("", "later"),
    "reversal_stan": ("", "000900"),
    "reversal_since": (0.0, WALL),
    "attempts": (0, 1, 2),
    "repeats_answered": (0, 1),
    "stood": ("", "DELIVERED"),
    "given_back": (0, 100),
    "keeps": (0, 50),
    "proof_restarts": (0, 1),
    "state": tuple(State),
    "updated_at": (0.0, WALL, WALL + 1.5),
}


@pytest.mark.parametrize("seed", range(12))
def test_whatever_changed_is_written(held: SqliteJournal, seed: int) -> None:
    """In any order, several at once, with batches that fail in between."""
    rng = random.Random(seed)  # noqa: S311 - a test's dice
    charges = [charge(number) for number in (1, 2, 3)]
    records: list[Record] = [opened(each) for each in charges]
    for _ in range(40):
        for each in rng.sample(charges, rng.randint(0, 3)):
            for name in rng.sample(list(_CHANGES), rng.choice((0, 1, 1, 2, 5))):
                setattr(each, name, rng.choice(_CHANGES[name]))
            records.append(moved(each, Event.REPEAT, each.state))
        if rng.random() < 0.3:
            with pytest.raises(JournalError):
                held.append([*records, *moves(charge(99), Event.DECLINE)])
        if rng.random() < 0.7:
            held.append(records)
            records = []
            found = [held.find(each.id) for each in charges]
            assert [moved_values(each) for each in found if each] == list(
                map(moved_values, charges)
            )


def reader_of(folder: Path) -> JournalReader:
    return JournalReader(folder / "isogate.db", Vault(read_key(folder / "isogate.db.key")))


def steps_of(folder: Path, number: int = 1) -> list[str]:
    with closing(reader_of(folder)) as reader:
        return [step[1] for step in reader.steps_of(number)]


def test_a_process_that_died_in_mid_write_loses_only_what_was_not_committed(
    tmp_path: Path,
) -> None:
    """The files as they lay at the kill, and a log whose last commit was torn."""
    held = sqlite(tmp_path, LOG_ONLY)
    held.start(WALL, ended_max=10)
    held.append([opened(charge(1))])
    held.append([opened(charge(2))])
    journal = sqlite(as_killed(tmp_path, tmp_path / "torn", torn=True))
    assert [c.id for c in journal.start(WALL, ended_max=10).charges] == [1]
    assert journal.append([opened(charge(2, epoch=2))]) == {}
    journal.close()
    held.close()


def test_no_card_data_lies_in_clear_in_any_file(held: SqliteJournal, tmp_path: Path) -> None:
    each = charge()
    held.append([opened(each), *moves(each, Event.APPROVAL, answer={39: "00"})])
    for file in tmp_path.glob("isogate.db*"):
        assert PAN.encode() not in file.read_bytes(), file.name


def test_another_key_is_told_as_such(held: SqliteJournal, tmp_path: Path) -> None:
    held.append([opened(charge())])
    reopened(held, tmp_path).close()
    (tmp_path / "isogate.db.key").write_text("11" * 32)
    journal = sqlite(tmp_path)
    with pytest.raises(JournalError, match="not the key"):
        journal.start(WALL, ended_max=10)
    journal.close()


def test_a_file_that_is_no_journal_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "isogate.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(JournalError, match=r"journal\.path"):
        sqlite(tmp_path)


def test_records_name_what_a_charge_is_made_of() -> None:
    each = charge()
    assert not set(OPENED) & set(MOVED)
    assert all(hasattr(each, name) for name in (*OPENED, *MOVED))
