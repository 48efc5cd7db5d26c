"""Identities are looked up while the tables are written, and none is forgotten on its way there."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from gateway.journal import _identity
from gateway.journal.ground import Ground
from gateway.journal.sqlite import SqliteJournal
from gateway.journal.vault import Vault, load_key
from routing.conventions import Original
from tests.gateway.journals import as_killed, charge, opened, sqlite

if TYPE_CHECKING:
    from pathlib import Path

    from routing.effects import Record

WALL = 1_790_000_000.0
WAIT_S = 60.0


def appended(journal: SqliteJournal, records: list[Record]) -> dict[int, int]:
    """What the journal knew already, asked in a thread that must not wait for anybody."""
    told: list[dict[int, int]] = []

    def append() -> None:
        told.append({number: each.id for number, each in journal.append(records).items()})

    thread = threading.Thread(target=append, daemon=True)
    thread.start()
    thread.join(WAIT_S)
    assert told, "it waits"
    return told[0]


def test_a_new_charge_is_looked_up_while_the_tables_are_written(tmp_path: Path) -> None:
    """A terminal whose STANs begin anew: the others' commits go on, as none waits for tables."""
    vault = Vault(load_key(tmp_path / "isogate.db.key"))
    with closing(SqliteJournal(tmp_path / "isogate.db", vault, beside=True)) as journal:
        journal.start(WALL, ended_max=10)
        journal.append([opened(charge(999_999))])
        with journal._tables_lock:
            for number, stan in enumerate((1, 2, 150, 3), 1_000_000):
                new = charge(number, identity=charge(stan).identity)
                assert appended(journal, [opened(new)]) == {}
        again = charge(1_000_010, identity=charge(150).identity)
        assert appended(journal, [opened(again)]) == {1_000_010: 1_000_002}


def test_what_is_seen_only_later_to_be_in_the_tables_makes_no_other_identity_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More became durable between the commit and the look: that did not go in with it."""
    with closing(sqlite(tmp_path, Ground(run=2, apply_each=2))) as journal:
        journal.start(WALL, ended_max=10)
        tables, carry_out = journal._tables, journal._tables._statements.carry_out

        def lost(first: int, batches: Any) -> int:
            carry_out(first, batches)
            raise apsw.IOError

        def unseen() -> tuple[int, int]:
            raise apsw.IOError

        for number in range(1, 5):
            journal.append([opened(charge(number))])
        with monkeypatch.context() as patched:
            tables_carry_out = type("Lost", (), {"carry_out": staticmethod(lost)})()
            patched.setattr(tables, "_statements", tables_carry_out)
            patched.setattr(tables, "_applied", unseen)
            for number in range(5, 9):
                journal.append([opened(charge(number))])
        for number in range(9, 13):
            journal.append([opened(charge(number))])
        everything = {charge(number).identity for number in range(1, 13)}
        assert journal.known([*everything]) == everything
        for number in range(1, 13):
            wanted = Original(f"MERCHANT0000001|T0000001|{number:06d}|", "", "")
            assert (found := journal.find(wanted)) is not None
            assert found.id == number


def test_a_charge_that_comes_after_younger_ones_is_known_to_a_life_that_finds_it_in_the_log(
    tmp_path: Path,
) -> None:
    ground = Ground(run=5, apply_each=10)
    late = charge(3)
    with closing(sqlite(tmp_path, ground)) as journal:
        journal.start(WALL, ended_max=10)
        for number in range(10, 50):
            journal.append([opened(charge(number))])
        ((up_to,),) = journal._tables.db.execute("SELECT up_to FROM identified")
        assert up_to > late.id
        journal.append([opened(late)])
        assert journal._tables.one(late.id) is None
        killed = as_killed(tmp_path, tmp_path / "killed")
    with closing(sqlite(killed, ground)) as journal:
        journal.start(WALL, ended_max=10)
        again = charge(60, identity=late.identity)
        assert journal.append([opened(again)])[60].id == late.id


@pytest.mark.parametrize(
    "stans",
    [
        ("000150000001", "000200", "000142"),
        ("800000", "7"),
        ("00015", "000142"),
        ("000142", "00015", "000150000001"),
    ],
)
def test_stans_of_different_lengths_hide_none_of_each_other(
    tmp_path: Path, stans: tuple[str, ...]
) -> None:
    """As of a terminal that speaks a dialect with twelve digits, and one with six."""
    identities = [f"SHOP|T1|{stan}|2|1123|171500" for stan in stans]
    with closing(sqlite(tmp_path, Ground(apply_each=2))) as journal:
        journal.start(WALL, ended_max=10)
        for number, identity in enumerate(identities, 1):
            assert journal.append([opened(charge(number, identity=identity))]) == {}
        for number, identity in enumerate(identities, 1):
            again = charge(100 + number, identity=identity)
            assert journal.append([opened(again)])[100 + number].id == number


@pytest.mark.parametrize("text", ["", "|", "a", "a|b|cc|d", "ä|b|cc|d", "—|b|cc|d", "||||"])
def test_a_bar_is_found_by_its_number(text: str) -> None:
    bars = [at for at, each in enumerate(text) if each == "|"]
    for number in range(1, 6):
        place = bars[number - 1] if number <= len(bars) else -1
        assert _identity.bar(text, number) == place
        assert _identity.cut(text, number, 1) == (text[: max(place - 1, 0)] if place >= 0 else text)
