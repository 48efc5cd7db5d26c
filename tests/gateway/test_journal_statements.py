"""Both ways to carry statements out do the same, and say the same where they can't."""

from __future__ import annotations

import ctypes
from contextlib import closing
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from gateway.journal import _statements
from gateway.journal.statements import Statements, ThroughApsw, prepared
from tests.simulation.disk import VFS_NAME, Disk, DiskFiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TEXTS = (
    "INSERT INTO charges VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
    "UPDATE charges SET value = ?2 WHERE id = ?1",
    "UPDATE charges SET value = ?2, id = id WHERE id >= ?1",
    "INSERT INTO charges SELECT 0, 'done'",
)
Way = type[_statements.Statements] | type[ThroughApsw]


class Walled(apsw.Connection):
    """Of a SQLite that was built without extensions."""

    def load_extension(self, filename: str, entrypoint: str | None = None) -> None:
        del filename, entrypoint
        raise apsw.ExtensionLoadingError("not authorized")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[apsw.Connection]:
    with closing(apsw.Connection(str(tmp_path / "some.db"))) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE charges (id INTEGER PRIMARY KEY, value ANY) STRICT")
        yield connection


@pytest.fixture(params=[_statements.Statements, ThroughApsw])
def statements(request: pytest.FixtureRequest, db: apsw.Connection) -> Iterator[Statements]:
    with closing(request.param(db, _TEXTS)) as made:
        yield made


def held(db: apsw.Connection) -> list[tuple[Any, ...]]:
    return list(db.execute("SELECT id, value FROM charges ORDER BY id = 0, id"))


def test_values_of_every_kind_are_held_as_they_are(
    db: apsw.Connection, statements: Statements
) -> None:
    values = ["", "a", "ä", "\0b", "漢🂡", 0, -1, 2**63 - 1, -(2**63), 0.5, 1e300, b"", b"\0\xff"]
    rows = [*enumerate((*values, True, None), 1)]
    assert statements.carry_out(0, [rows]) == -1
    assert held(db) == [*enumerate((*values, 1, None), 1)]


def test_statements_are_carried_out_in_their_order(
    db: apsw.Connection, statements: Statements
) -> None:
    assert statements.carry_out(0, [[(1, "a"), (2, "b")], [(1, "c")], [(2, "d")], [()]]) == -1
    assert held(db) == [(1, "c"), (2, "d"), (0, "done")]
    assert statements.carry_out(1, [[], []]) == -1
    assert statements.carry_out(2, [[(1, "e")]]) == -1
    assert held(db) == [(1, "e"), (2, "e"), (0, "done")]


def test_the_first_that_changes_fewer_rows_than_it_is_given_is_the_last(
    db: apsw.Connection, statements: Statements
) -> None:
    assert statements.carry_out(0, [[(1, "a"), (1, "b"), (2, "c")], [(1, "d")]]) == 0
    assert statements.carry_out(1, [[(1, "e"), (9, "f")], [(1, "g")], [()]]) == 1
    assert statements.carry_out(3, [[()]]) == -1
    assert held(db) == [(1, "e"), (2, "c"), (0, "done")]


def test_more_rows_than_a_page_holds(db: apsw.Connection, statements: Statements) -> None:
    rows = [(number, f"{number}" * 50) for number in range(1, 2_000)]
    assert statements.carry_out(0, [rows]) == -1
    assert held(db) == rows


def test_a_table_that_got_another_form_meanwhile(
    tmp_path: Path, db: apsw.Connection, statements: Statements
) -> None:
    statements.carry_out(0, [[(1, "a")]])
    with closing(apsw.Connection(str(tmp_path / "some.db"))) as other:
        other.execute("CREATE INDEX by_value ON charges (value)")
    assert statements.carry_out(0, [[(2, "b")]]) == -1
    with closing(apsw.Connection(str(tmp_path / "some.db"))) as other:
        other.execute("DROP TABLE charges")
    with pytest.raises(apsw.SQLError, match="no such table: charges"):
        statements.carry_out(0, [[(3, "c")]])


def test_what_goes_wrong_is_told_like_apsw_tells_it(tmp_path: Path, db: apsw.Connection) -> None:
    def both(rows: list[tuple[Any, ...]]) -> list[Exception]:
        return [failure(way, db, rows) for way in (_statements.Statements, ThroughApsw)]

    for rows in ([("x", "not a number")], [(1, "a"), ("y", "b")]):
        ours, theirs = both(rows)
        assert (type(ours), str(ours)) == (type(theirs), str(theirs))
        assert isinstance(ours, apsw.Error)
        assert isinstance(theirs, apsw.Error)
        assert (ours.result, ours.extendedresult) == (theirs.result, theirs.extendedresult)
    for rows in ([(2**63, "too large")], [(1, object())], [(1, "\ud800")], [(1, 2, 3)], [(1,)]):
        ours, theirs = both(rows)
        assert type(ours) is type(theirs)
    with closing(apsw.Connection(str(tmp_path / "some.db"))) as other:
        other.execute("BEGIN IMMEDIATE")
        ours, theirs = both([(5, "locked out")])
        assert (type(ours), str(ours)) == (type(theirs), str(theirs))
    assert held(db) == [(1, "a")]


def failure(way: Way, db: apsw.Connection, rows: list[tuple[Any, ...]]) -> Exception:
    with closing(way(db, _TEXTS)) as statements, pytest.raises(Exception) as caught:  # noqa: PT011, PT012
        statements.carry_out(0, [[(1, "a")]])
        statements.carry_out(0, [rows])
    return caught.value


def test_a_statement_that_failed_can_be_carried_out_again(
    db: apsw.Connection, statements: Statements
) -> None:
    with pytest.raises(apsw.MismatchError), db:
        statements.carry_out(0, [[(1, "a"), ("x", "b")]])
    assert held(db) == []
    assert statements.carry_out(0, [[(1, "c")]]) == -1
    assert held(db) == [(1, "c")]


@pytest.mark.parametrize("way", [_statements.Statements, ThroughApsw])
def test_an_error_of_a_file_layer_in_python_comes_through_as_it_was_raised(way: Way) -> None:
    disk = Disk()
    files = DiskFiles(disk)
    with closing(apsw.Connection("/some.db", vfs=VFS_NAME)) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE charges (id INTEGER PRIMARY KEY, value ANY) STRICT")
        db.execute("PRAGMA cache_size = 10")
        rows = [(number, "a" * 500) for number in range(1, 1_000)]  # more than the cache holds
        with closing(way(db, _TEXTS)) as statements:
            disk.failing = True
            db.execute("BEGIN")
            with pytest.raises(apsw.IOError, match="simulated"):
                statements.carry_out(0, [rows])
            assert not db.in_transaction
            disk.failing = False
            assert held(db) == []
            assert statements.carry_out(0, [rows]) == -1
        assert held(db) == rows
    files.unregister()


def test_a_text_that_is_no_statement_is_told_as_such(db: apsw.Connection) -> None:
    with pytest.raises(apsw.SQLError, match="syntax error"):
        _statements.Statements(db, ("INSERT OUT OF charges",))


def test_a_connection_is_closed_after_its_statements(db: apsw.Connection) -> None:
    statements = _statements.Statements(db, _TEXTS)
    statements.carry_out(0, [[(1, "a")]])
    statements.close()
    db.close()
    with pytest.raises(ValueError, match="no such statement"):
        statements.carry_out(0, [[(2, "b")]])


def test_sqlite_lets_us_in_where_it_can_and_nobody_else(db: apsw.Connection) -> None:
    with closing(prepared(db, _TEXTS)) as statements:
        assert isinstance(statements, _statements.Statements)
        with pytest.raises(apsw.Error, match="not authorized"):
            db.load_extension(_statements.__file__, "isogate_statements_init")


def test_where_sqlite_takes_no_extension_apsw_carries_out(tmp_path: Path) -> None:
    with closing(Walled(str(tmp_path / "walled.db"))) as walled:
        walled.execute("CREATE TABLE charges (id INTEGER PRIMARY KEY, value ANY) STRICT")
        with closing(prepared(walled, _TEXTS)) as statements:
            assert isinstance(statements, ThroughApsw)
            assert statements.carry_out(0, [[(1, "a")]]) == -1
        assert held(walled) == [(1, "a")]


def test_a_connection_that_has_changed_billions_of_rows_goes_on(db: apsw.Connection) -> None:
    """SQLite's own count of them has 32 bits, and here it is about to pass them."""
    db.execute("CREATE TABLE many (x)")
    db.execute("INSERT INTO charges VALUES (1, NULL)")
    db.execute(
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 123457)"
        " INSERT INTO many SELECT x FROM n"
    )
    where = _count_of_changes(db)
    with closing(_statements.Statements(db, _TEXTS)) as made:
        for passed in (2**31, 2**32):
            where.value = passed - 2
            rows = [(passed + number, None) for number in range(5)]
            assert made.carry_out(0, [rows]) == -1
            assert made.carry_out(0, [rows]) == 0


def _count_of_changes(db: apsw.Connection) -> ctypes.c_int64:
    """In SQLite's memory."""
    begin, total = db.sqlite3_pointer(), db.total_changes()
    each = (ctypes.c_int64.from_address(begin + at) for at in range(0, 400, 8))
    (found,) = (place for place in each if place.value == total)
    return found
