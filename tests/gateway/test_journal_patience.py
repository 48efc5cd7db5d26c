"""Who brings the tables up to date lets everybody else go before, as long as the log has room."""

from __future__ import annotations

import os
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Final

import pytest

from gateway.journal.applier import NICE, Applier
from gateway.journal.ground import Ground
from gateway.journal.sqlite import SqliteJournal
from gateway.journal.vault import Vault, load_key
from tests.gateway.journals import charge, opened

if TYPE_CHECKING:
    from pathlib import Path

WALL: Final = 1_790_000_000.0
WAIT_S: Final = 60.0
FILE_BYTES: Final = 8 * 4_096


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_the_tables_are_brought_up_to_date_by_a_thread_that_is_nicer_than_the_others() -> None:
    found: list[int] = []
    applied = threading.Event()

    def apply() -> None:
        found.append(niceness())
        applied.set()

    beside = Applier(apply)
    beside.tell(hurries=True)
    assert applied.wait(WAIT_S)
    beside.close()
    assert found[0] == max(NICE, niceness())


def test_a_thread_that_may_not_be_nicer_works_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(which: int, who: int, priority: int) -> None:
        del which, who, priority
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", forbidden)
    applied = threading.Event()
    beside = Applier(applied.set)
    beside.tell(hurries=True)
    assert applied.wait(WAIT_S)
    beside.close()


def test_commits_wait_for_the_tables_before_the_log_is_full(tmp_path: Path) -> None:
    """However slow these are: no commit fails of that."""
    vault = Vault(load_key(tmp_path / "isogate.db.key"))
    ground = Ground(file_bytes=FILE_BYTES)
    with closing(
        SqliteJournal(tmp_path / "isogate.db", vault, beside=True, ground=ground)
    ) as journal:
        journal.start(WALL, ended_max=10)
        failed: list[Exception] = []

        def commits() -> None:
            try:
                for number in range(1, 200):
                    journal.append([opened(charge(number))])
            except Exception as error:
                failed.append(error)

        committing = threading.Thread(target=commits, daemon=True)
        with journal._tables_lock:
            committing.start()
            while not journal._redo.overruns:
                assert committing.is_alive()
        committing.join(WAIT_S)
        assert not committing.is_alive()
        assert failed == []
        assert journal.find(199) is not None
