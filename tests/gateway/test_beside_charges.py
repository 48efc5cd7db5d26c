"""What the journal keeps beside charges, and its audit log that shows every change made to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import apsw
import pytest

from gateway.audit import Audit
from gateway.journal import audit_log, kept
from gateway.journal.port import FencedError, JournalError
from routing.charge import Event
from routing.effects import Audited, Kept
from routing.keeper import AuditKind, KeptKind
from tests.gateway.journals import LOG_ONLY, as_killed, charge, moves, opened, sqlite
from tests.gateway.test_audit import config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.journal.sqlite import SqliteJournal

WALL = 1_790_000_000.0
SHOP = "123456789012345"


@pytest.fixture
def held(tmp_path: Path) -> Iterator[SqliteJournal]:
    """A journal in its first life."""
    journal = sqlite(tmp_path)
    journal.start(WALL, ended_max=100)
    yield journal
    journal.close()


def merchant(version: int, data: dict[str, Any] | None, key: str = SHOP) -> Kept:
    return Kept(1, WALL, KeptKind.MERCHANT, key, version, data)


def line(number: int) -> Audited:
    said = {"name": f"Shop {number}", "limit": 10_000, "accounts": ["a", "b"], "on": None}
    return Audited(1, WALL + number, AuditKind.MERCHANT_CHANGED, SHOP, "Ana", said)


# Kept


def test_the_newest_version_comes_back_by_kind_and_key(held: SqliteJournal) -> None:
    data = {"name": "街角", "terminals": [1, 2], "limits": {"each": 5.5}, "closed": None}
    other = Kept(1, WALL, KeptKind.TERMINAL, SHOP, 1, {})
    held.append([other, merchant(1, {"old": True}), merchant(2, data)])
    held.append([merchant(3, data | {"name": "Corner"})])
    assert list(kept.everything(held._tables.db)) == [merchant(3, data | {"name": "Corner"}), other]
    assert list(kept.of_kind(held._tables.db, KeptKind.TERMINAL)) == [other]


def test_what_is_removed_is_gone_and_may_come_again(held: SqliteJournal) -> None:
    held.append([merchant(1, {}), merchant(2, None), merchant(1, {"again": True})])
    held.append([merchant(2, None)])
    assert list(kept.everything(held._tables.db)) == []


@pytest.mark.parametrize("version", [0, 1, 2, 4])
@pytest.mark.parametrize("data", [{}, None], ids=["written", "removed"])
def test_a_version_out_of_step_refuses_the_whole_batch(
    held: SqliteJournal, version: int, data: dict[str, Any] | None
) -> None:
    held.append([merchant(1, {"name": "Corner"}), merchant(2, {"name": "Corner"})])
    each = charge()
    with pytest.raises(JournalError, match="merchant: version") as raised:
        held.append([opened(each), merchant(1, {}, "other"), line(1), merchant(version, data)])
    assert isinstance(raised.value, FencedError), "trying again would never help"
    assert list(kept.everything(held._tables.db)) == [merchant(2, {"name": "Corner"})]
    assert audit_log.verify(held._tables.db).lines == 0
    assert held.find(1) is None


def test_a_life_that_was_killed_leaves_what_was_committed(tmp_path: Path) -> None:
    """The files as they lay at the kill; then once more with the last commit torn."""
    held = sqlite(tmp_path, LOG_ONLY)
    held.start(WALL, ended_max=100)
    held.append([merchant(1, {"n": 1}), line(1)])
    held.append([merchant(2, {"n": 2}), line(2), opened(charge())])
    for torn, version in ((False, 2), (True, 1)):
        folder = as_killed(tmp_path, tmp_path / f"torn{torn}", torn=torn)
        journal = sqlite(folder)
        recovery = journal.start(WALL, ended_max=10)
        assert recovery.kept == [merchant(version, {"n": version})]
        verified = audit_log.verify(journal._tables.db)
        assert (verified.lines, verified.broken) == (version, "")
        journal.append([merchant(version + 1, {}), line(3)])
        assert audit_log.verify(journal._tables.db).lines == version + 1
        journal.close()
    held.close()


def test_charges_and_what_is_beside_them_are_one_transaction(held: SqliteJournal) -> None:
    stranger = charge(99)
    with pytest.raises(JournalError):
        held.append([merchant(1, {}), line(1), *moves(stranger, Event.DECLINE)])
    assert list(kept.everything(held._tables.db)) == []
    assert audit_log.verify(held._tables.db) == audit_log.Verified(0, audit_log.BEGINNING.hex())


# The audit log


def test_the_log_goes_on_over_batches_and_lives(tmp_path: Path) -> None:
    held = sqlite(tmp_path)
    held.start(WALL, ended_max=1)
    held.append([line(1), line(2)])
    held.append([line(3)])
    held.close()
    again = sqlite(tmp_path)
    again.start(WALL, ended_max=1)
    again.append([line(4)])
    verified = audit_log.verify(again._tables.db)
    assert (verified.lines, verified.broken) == (4, "")
    told = list(audit_log.lines(again._tables.db, after=2))
    assert [each.seq for each in told] == [3, 4]
    assert told[0].said == line(3).said
    again.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET who = 'Bob' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 3",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit VALUES (2, 0, 1, '', '', '', '', x'00')",
        "INSERT INTO audit VALUES (9, 0, 1, '', '', '', '', x'00')",
    ],
)
def test_the_log_can_only_grow(held: SqliteJournal, statement: str) -> None:
    held.append([line(1), line(2), line(3)])
    with pytest.raises(apsw.ConstraintError, match="audit log"):
        held._tables.db.execute(statement)
    assert audit_log.verify(held._tables.db).lines == 3


_EXCHANGED = """
UPDATE audit SET seq = 99 WHERE seq = 2;
UPDATE audit SET seq = 2 WHERE seq = 3;
UPDATE audit SET seq = 3 WHERE seq = 99;
"""
DAMAGES = {
    "a name": ("UPDATE audit SET who = 'Bob' WHERE seq = 2", "line 2 is not what was written"),
    "a time": ("UPDATE audit SET at = at + 1 WHERE seq = 1", "line 1 is not what was written"),
    "what was said": (
        "UPDATE audit SET said = replace(said, '10000', '90000') WHERE seq = 3",
        "line 3 is not what was written",
    ),
    "a hash": ("UPDATE audit SET hash = zeroblob(32) WHERE seq = 4", "line 4"),
    "a line taken out": ("DELETE FROM audit WHERE seq = 2", "line 2 is missing"),
    "the first line taken out": ("DELETE FROM audit WHERE seq = 1", "line 1 is missing"),
    "two lines exchanged": (_EXCHANGED, "line 2 is not what was written"),
}


@pytest.mark.parametrize(("statement", "finding"), DAMAGES.values(), ids=DAMAGES)
def test_whoever_takes_the_triggers_off_is_found_out(
    held: SqliteJournal, tmp_path: Path, statement: str, finding: str
) -> None:
    held.append([line(number) for number in range(1, 6)])
    db = apsw.Connection(str(tmp_path / "isogate.db"))
    for trigger in ("audit_is_not_changed", "audit_is_not_cut", "audit_grows_at_its_end"):
        db.execute(f"DROP TRIGGER {trigger}")
    db.execute(statement)
    db.close()
    with Audit(config(tmp_path)) as books:
        verified = books.log()
    assert finding in verified.broken
    assert verified.lines < 5


def test_lines_cut_off_the_end_show_in_the_head(held: SqliteJournal) -> None:
    held.append([line(1), line(2)])
    head = audit_log.verify(held._tables.db).head
    held._tables.db.execute("DROP TRIGGER audit_is_not_cut; DELETE FROM audit WHERE seq = 2")
    verified = audit_log.verify(held._tables.db)
    assert (verified.lines, verified.broken) == (1, "")
    assert verified.head != head
