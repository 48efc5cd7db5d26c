"""The journal knows every identity, be it in memory or in the table that is filled behind."""

from __future__ import annotations

import random
from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import pytest

from gateway.journal.ground import Ground
from gateway.journal.port import JournalError
from gateway.journal.statements import ThroughApsw, prepared
from routing.charge import Event
from routing.conventions import Original
from tests.gateway.journals import as_killed, charge, moves, opened, sqlite
from tests.gateway.old_journals import back_to

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.journal.sqlite import SqliteJournal
    from routing.charge import Charge

WALL = 1_790_000_000.0
RUN = 5


def journal_in(folder: Path) -> SqliteJournal:
    """One that gathers five identities, in its next life."""
    journal = sqlite(folder, Ground(run=RUN))
    journal.start(WALL, ended_max=10)
    return journal


def of_terminal(number: int, terminal: int) -> Charge:
    return charge(number, identity=f"SHOP|T{terminal}|{number:06d}|2|1123|171500")


def behind(folder: Path) -> tuple[int, set[int], set[int]]:
    """Up to which id the table is said to be full; what it holds; all charges."""
    with closing(apsw.Connection(str(folder / "isogate.db"))) as db:
        ((up_to,),) = db.execute("SELECT up_to FROM identified")
        wrong = "SELECT 1 FROM charge_identity JOIN charge_record AS charge USING (id)"
        assert not list(db.execute(f"{wrong} WHERE charge_identity.identity <> charge.identity"))
        held = {number for (number,) in db.execute("SELECT id FROM charge_identity")}
        return up_to, held, {number for (number,) in db.execute("SELECT id FROM charge_record")}


@pytest.mark.parametrize("way", [prepared, ThroughApsw])
@pytest.mark.parametrize("seed", range(8))
def test_each_identity_is_found_and_taken_once_whatever_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: object, seed: int
) -> None:
    """Batches of any size, some that fail, repeats of old and new charges, new lives."""
    monkeypatch.setattr("gateway.journal.tables.prepared", way)
    rng = random.Random(seed)  # noqa: S311 - a test's dice
    unknown = "SHOP|T1|999999|2|1123|171500"
    journal, taken, number = journal_in(tmp_path), dict[str, int](), 0
    for _ in range(60):
        batch, refused, new = [], dict[int, int](), dict[str, int]()
        for _ in range(rng.choice((0, 1, 2, 3, 12))):
            number += 1
            each = of_terminal(number, rng.randint(1, 3))
            if taken and rng.random() < 0.2:
                each.identity = rng.choice([*taken, *new])
            older = taken.get(each.identity, new.get(each.identity))
            if older is None:
                new[each.identity] = number
            else:
                refused[number] = older
            batch += [opened(each), *moves(each, Event.DECLINE)]
        if rng.random() < 0.2:
            with pytest.raises(JournalError):
                journal.append([*batch, *moves(charge(9_999), Event.DECLINE)])
        known = journal.append(batch)
        assert {one: older.id for one, older in known.items()} == refused
        taken |= new
        up_to, held, there = behind(tmp_path)
        assert there == set(taken.values())
        assert held >= {one for one in there if one <= up_to}
        assert len(there - held) <= 2 * (RUN + 12)
        if rng.random() < 0.2:
            journal.close()
            journal = journal_in(tmp_path)
            assert behind(tmp_path)[:2] == (max(there, default=0), there)
        assert journal.known([*taken, unknown]) == set(taken)
        for identity, one in rng.sample([*taken.items()], min(5, len(taken))):
            for found in (journal.find(identity), journal.find(Original(identity[:15], "", ""))):
                assert found is not None
                assert found.id == one
    assert journal.find(unknown) is None
    journal.close()


@pytest.mark.parametrize("seed", range(8))
def test_a_process_that_died_while_the_table_was_filled_forgets_no_identity(
    tmp_path: Path, seed: int
) -> None:
    """SQLite's log torn anywhere, and the redo log takes it from there: every identity is known."""
    rng = random.Random(seed)  # noqa: S311 - a test's dice
    with closing(journal_in(tmp_path)) as journal:
        synced = (tmp_path / "isogate.db-wal").stat().st_size
        for first in range(1, 60, 3):
            journal.append([opened(of_terminal(first + more, more)) for more in range(3)])
        torn = as_killed(tmp_path, tmp_path / "torn")
    (torn / "isogate.db-shm").unlink()
    wal = torn / "isogate.db-wal"
    wal.write_bytes(wal.read_bytes()[: rng.randint(synced, wal.stat().st_size)])
    with closing(journal_in(torn)) as journal:
        up_to, held, there = behind(torn)
        assert (up_to, held, there) == (60, there, {*range(1, 61)})
        again = [of_terminal(number, (number - 1) % 3) for number in range(1, 61)]
        for each in again:
            each.id += 100
        known = journal.append([opened(each) for each in again])
        assert {one - 100: older.id for one, older in known.items()} == {n: n for n in there}


def test_a_charge_that_comes_after_younger_ones_is_known(tmp_path: Path) -> None:
    with closing(journal_in(tmp_path)) as journal:
        for number in (*range(10, 40), 3, 4):
            journal.append([opened(of_terminal(number, 1))])
        assert behind(tmp_path)[0] >= 10
    with closing(journal_in(tmp_path)) as journal:
        for number in (3, 4, 10, 39):
            found = journal.find(of_terminal(number, 1).identity)
            assert found is not None
            assert found.id == number


def test_identities_of_a_journal_with_an_index_of_them_are_known(tmp_path: Path) -> None:
    charges = [of_terminal(number, 1) for number in range(1, 20)]
    with closing(journal_in(tmp_path)) as journal:
        journal.append([opened(each) for each in charges])
    back_to(8, tmp_path / "isogate.db")
    with closing(journal_in(tmp_path)) as journal:
        assert behind(tmp_path) == (19, {*range(1, 20)}, {*range(1, 20)})
        again = charge(20, identity=charges[0].identity)
        assert journal.append([opened(again)])[20].id == 1


def test_a_number_that_another_charge_has_is_told(tmp_path: Path) -> None:
    with closing(journal_in(tmp_path)) as journal:
        journal.append([opened(of_terminal(1, 1))])
        with pytest.raises(JournalError, match="number is taken"):
            journal.append([opened(of_terminal(1, 2)), opened(of_terminal(2, 1))])
        assert journal.find(of_terminal(2, 1).identity) is None
        assert journal.append([opened(of_terminal(2, 1))]) == {}


def test_an_identity_whose_charge_was_taken_out_by_hand_is_told(tmp_path: Path) -> None:
    with closing(journal_in(tmp_path)) as journal:
        journal.append([opened(of_terminal(1, 1))])
    journal_in(tmp_path).close()
    with closing(apsw.Connection(str(tmp_path / "isogate.db"))) as db:
        db.execute("DELETE FROM charge_record")
    with closing(journal_in(tmp_path)) as journal:
        again = charge(2, identity=of_terminal(1, 1).identity)
        with pytest.raises(JournalError, match="charge 1 is gone"):
            journal.append([opened(again)])
        assert journal.append([opened(of_terminal(3, 1))]) == {}
