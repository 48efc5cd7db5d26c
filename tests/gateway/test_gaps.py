"""Work in gaps: who need not hurry lets the others go before, a piece at a time."""

from __future__ import annotations

import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

import apsw
import pytest

from gateway._gaps import AT_ONCE, IN_GAPS, bytes_sent_on, gaps_found, pauses
from gateway.clock import SystemClock
from gateway.journal import gently
from gateway.journal.applier import Applier
from gateway.journal.statements import prepared
from gateway.wire import Engine, WireLimits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROW: Final = ("x" * 1_000,)
ROWS: Final = 20_000
"""Far more than a piece of work on any machine."""
WAIT_S: Final = 60.0
STATEMENTS: Final = ("BEGIN", "INSERT INTO some VALUES (?)", "COMMIT")


@pytest.fixture(autouse=True)
def _written_gently() -> None:
    gently.prepare()


@contextmanager
def table(path: str) -> Iterator[apsw.Connection]:
    with closing(apsw.Connection(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE some (value TEXT)")
        yield db


def write(db: apsw.Connection, rows: int = ROWS) -> None:
    with closing(prepared(db, STATEMENTS)) as statements:
        batches: list[list[tuple[Any, ...]]] = [[()], [ROW] * rows, [()]]
        assert statements.carry_out(0, batches) == -1


def test_there_is_a_function_that_sqlite_writes_with() -> None:
    assert gently.prepare()


def pauses_of_work_in_gaps() -> int:
    with table(":memory:") as db:
        before = pauses()
        with IN_GAPS:
            write(db)
        return pauses() - before


def test_who_works_in_gaps_pauses_between_rows() -> None:
    assert pauses_of_work_in_gaps() > 0


def test_who_works_in_gaps_pauses_between_writes(tmp_path: Path) -> None:
    with table(str(tmp_path / "j")) as db:
        with closing(prepared(db, STATEMENTS)) as statements:
            statements.carry_out(0, [[()], [ROW] * ROWS])
            before = pauses()
            with IN_GAPS:
                statements.carry_out(2, [[()]])
            assert pauses() > before
        assert next(db.execute("SELECT count(*) FROM some")) == (ROWS,)
        assert next(db.execute("PRAGMA integrity_check")) == ("ok",)


def test_what_is_written_in_gaps_is_on_its_way_before_it_is_synced(tmp_path: Path) -> None:
    with table(str(tmp_path / "j")) as db:
        before = bytes_sent_on()
        with IN_GAPS:
            write(db)
        assert bytes_sent_on() - before >= ROWS * len(ROW[0])


def test_who_does_not_work_in_gaps_never_pauses(tmp_path: Path) -> None:
    with table(str(tmp_path / "j")) as db:
        before = pauses(), bytes_sent_on()
        with IN_GAPS:
            pass
        write(db)
        assert (pauses(), bytes_sent_on()) == before


def test_nobody_pauses_while_somebody_hurries() -> None:
    with table(":memory:") as db:
        before = pauses()
        with AT_ONCE:
            with AT_ONCE, IN_GAPS:
                write(db)
            with IN_GAPS:
                write(db)
        assert pauses() == before
    assert pauses_of_work_in_gaps() > 0


def test_who_hurries_ends_a_pause() -> None:
    """No turn here could do it."""
    over = threading.Event()
    thread = threading.Thread(target=work, args=(over,))
    before, till = gaps_found(), time.monotonic() + WAIT_S
    thread.start()
    while gaps_found() == before and time.monotonic() < till:
        with AT_ONCE:
            pass
    over.set()
    thread.join(WAIT_S)
    assert gaps_found() > before


def work(over: threading.Event) -> None:
    """In gaps, again and again, until it is `over`."""
    with table(":memory:") as db:
        while not over.is_set():
            with IN_GAPS:
                write(db, 1_000)


def test_a_turn_that_waits_leaves_a_gap() -> None:
    over = threading.Event()
    thread = threading.Thread(target=work, args=(over,))
    engine = Engine(WireLimits(), SystemClock())
    before, till = gaps_found(), time.monotonic() + WAIT_S
    thread.start()
    while gaps_found() == before and time.monotonic() < till:
        engine.poll(1)
    over.set()
    thread.join(WAIT_S)
    engine.close_all()
    assert gaps_found() > before


@pytest.mark.parametrize("how", [{}, {"soon": True}, {"hurries": True}])
def test_tables_are_written_in_gaps_unless_the_log_needs_room(how: dict[str, bool]) -> None:
    paused: list[int] = []
    applied = threading.Event()

    def apply() -> None:
        before = pauses()
        with table(":memory:") as db:
            write(db)
        paused.append(pauses() - before)
        applied.set()

    beside = Applier(apply)
    try:
        for each in (how, {}, how, {}):  # a hurry ends with what it was for
            applied.clear()
            beside.tell(**each)
            assert applied.wait(WAIT_S)
    finally:
        beside.close()
    assert [bool(each) for each in paused] == ["hurries" not in how, True] * 2


def test_a_hurry_that_nobody_sees_to_any_more_is_over() -> None:
    applies, goes_on = threading.Event(), threading.Event()

    def apply() -> None:
        applies.set()
        assert goes_on.wait(WAIT_S)

    beside = Applier(apply)
    beside.tell()
    assert applies.wait(WAIT_S)
    beside.tell(hurries=True)
    closes = threading.Thread(target=beside.close)
    closes.start()
    while not beside._over:
        assert closes.is_alive()
    beside.tell(hurries=True)
    goes_on.set()
    closes.join(WAIT_S)
    assert pauses_of_work_in_gaps() > 0
