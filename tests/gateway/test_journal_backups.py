"""The journal is backed up on a schedule, and each backup is restored to see whether it is good."""

from __future__ import annotations

import os
from contextlib import closing
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any, Final

import apsw
import pytest
import trio
from typer.testing import CliRunner

from gateway import journal_backups
from gateway.audit import Audit
from gateway.cli import app
from gateway.config import load
from gateway.journal_backups import (
    BackupFailedError,
    JournalBackups,
    Where,
    back_up,
    newest_at,
    restore,
    restored_for_a_test,
    where_of,
)
from gateway.log import Log
from gateway.metrics import Metrics
from gateway.sealed_file import PIECE_BYTES, SealedFileError, open_sealed, seal
from gateway.tools import Tools
from routing.clock import Now
from routing.states import State
from tests.gateway.journals import by_hand
from tests.gateway.test_gateway import Bank, gateway
from tests.routing.world import WALL, sale

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.config import Config

PROCESS_S: Final = 120.0
"""More than a process of its own ever takes."""
MASTER: Final = bytes(range(32))


@pytest.fixture
def bank() -> Iterator[Bank]:
    with closing(Bank()) as made:
        yield made


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.wall = WALL

    def now(self) -> Now:
        return Now(self.wall, self.wall)


async def charged(folder: Path, bank: Bank, count: int = 3) -> Where:
    """A journal with some charges."""
    async with gateway(folder, bank) as running:
        terminal = await running.terminal()
        for stan in range(1, count + 1):
            assert (await terminal.asks(sale(stan=stan)))[39] == "00"
        await running.until(lambda: running.state(count) is State.PRESUMED_SERVED)
        await terminal.vanish()
    return where_of(config_of(folder))


def config_of(folder: Path, *more: str) -> Config:
    places = [f"journal.path={folder / 'isogate.db'}", f"backups.folder={folder / 'backups'}"]
    return load(folder / "gateway.toml", [*places, *more])


async def test_a_backup_is_made_beside_a_running_gateway_and_goes_on_from_where_it_was(
    tmp_path: Path, bank: Bank
) -> None:
    async with gateway(tmp_path, bank) as running:
        terminal = await running.terminal()
        for stan in (1, 2, 3):
            assert (await terminal.asks(sale(stan=stan)))[39] == "00"
        await running.until(lambda: running.state(3) is State.PRESUMED_SERVED)
        config = where_of(config_of(tmp_path))
        made = await trio.to_thread.run_sync(back_up, config, WALL)
        assert (await terminal.asks(sale(stan=4)))[39] == "00"
        await terminal.vanish()
    assert (made.contents.charges, made.contents.money) == (3, 3_000)
    held = made.file.read_bytes()
    assert made.file.stat().st_mode & 0o077 == 0
    for secret in (sale()[2].encode(), b"PRESUMED_SERVED", b"SQLite format"):
        assert secret not in held
    assert [each.name for each in (tmp_path / "backups").iterdir()] == [made.file.name]
    restore(made.file, tmp_path / "restored.db", config)
    (tmp_path / "isogate.db.key").rename(tmp_path / "restored.db.key")
    again = load(tmp_path / "gateway.toml", [f"journal.path={tmp_path / 'restored.db'}"])
    with Audit(again) as books:
        report = books.report()
    assert (report.charges, report.violations) == (3, [])


async def test_a_backup_that_is_not_what_was_written_fails_its_test(
    tmp_path: Path, bank: Bank
) -> None:
    config = await charged(tmp_path, bank)
    path = back_up(config, WALL).file
    held = path.read_bytes()
    for bad in (held[:-1], held[:-1] + bytes([held[-1] ^ 1]), held[: len(held) // 2], b"", b"x\n"):
        path.write_bytes(bad)
        with pytest.raises(BackupFailedError):
            restored_for_a_test(path, config)
    path.write_bytes(held)
    assert restored_for_a_test(path, config).charges == 3
    (tmp_path / "isogate.db.key").write_text("00" * 32)
    with pytest.raises(BackupFailedError, match="another key"):
        restored_for_a_test(path, config)


async def test_what_restores_to_something_else_is_put_aside(
    tmp_path: Path, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = await charged(tmp_path, bank)
    whole = journal_backups.seal

    def loses_a_charge(source: Any, target: Any, master: bytes, said: dict[str, str]) -> None:
        by_hand(source.name, "DELETE FROM charge WHERE id = 2")
        source.seek(0)
        whole(source, target, master, said)

    monkeypatch.setattr(journal_backups, "seal", loses_a_charge)
    with pytest.raises(BackupFailedError, match="its charges, money differ"):
        back_up(config, WALL)
    (name,) = [each.name for each in (tmp_path / "backups").iterdir()]
    assert name.endswith(".backup.bad")


async def test_a_journal_whose_audit_log_was_changed_is_not_backed_up(
    tmp_path: Path, bank: Bank
) -> None:
    config = await charged(tmp_path, bank)
    db = apsw.Connection(str(tmp_path / "isogate.db"))
    db.execute("DROP TRIGGER audit_is_not_changed")
    db.execute("INSERT INTO audit VALUES (1, 0, 1, 'x', 'y', '', '{}', x'00')")
    db.close()
    with pytest.raises(BackupFailedError, match="the audit log is broken"):
        back_up(config, WALL)


async def test_they_are_made_on_time_and_the_oldest_are_removed(tmp_path: Path, bank: Bank) -> None:
    await charged(tmp_path, bank)
    config, clock = config_of(tmp_path, "backups.every_h=6", "backups.keep=2"), Clock()
    tools = Tools(clock, Metrics(), Log(StringIO()))
    made = JournalBackups(config, tools)
    assert made.due_at() == WALL + 3_600
    for number in range(3):
        clock.wall = WALL + 3_600 + number * 21_600
        assert await made.make(clock.wall)
        assert made.due_at() == made.last_at + 21_600
    names = sorted(each.name for each in (tmp_path / "backups").iterdir())
    assert len(names) == 2
    assert newest_at(tmp_path / "backups") == made.last_at == clock.wall
    (tmp_path / "isogate.db").rename(tmp_path / "elsewhere.db")
    assert not await made.make(clock.wall + 5)
    assert not made.restore_ok
    assert made.due_at() == clock.wall + 21_600
    (tmp_path / "elsewhere.db").rename(tmp_path / "isogate.db")
    assert await made.make(clock.wall + 700)
    assert made.restore_ok


async def test_what_a_killed_process_left_is_removed_and_others_work_is_not(
    tmp_path: Path, bank: Bank
) -> None:
    where = await charged(tmp_path, bank)
    old, young = (tmp_path / "backups" / f".making-{each}" for each in ("old", "young"))
    for each in (old, young):
        each.mkdir(parents=True)
        (each / "copy.db").touch()
    os.utime(old, (0.0, 0.0))
    back_up(where, WALL)
    assert (old.exists(), young.exists()) == (False, True)


async def test_a_running_gateway_makes_them_by_itself_and_says_so(
    tmp_path: Path, bank: Bank
) -> None:
    settings = ("backups.every_h=0.000001", f"backups.folder={tmp_path / 'backups'}")
    async with gateway(tmp_path, bank, *settings) as running:
        folder = tmp_path / "backups"
        with trio.fail_after(PROCESS_S):
            while not running.backups.whole.last_at:  # noqa: ASYNC110 - seen from outside
                await trio.sleep(0.05)
        assert list(folder.glob("journal-*.backup"))
        text = (await running.http.get("/metrics")).text
    assert "gateway_restore_test_ok 1.0" in text
    assert "gateway_journal_backup_age_seconds 0.0" not in text


async def test_commands_make_test_and_restore(tmp_path: Path, bank: Bank) -> None:
    await charged(tmp_path, bank)
    where = [str(tmp_path / "gateway.toml")]
    settings = ["--set", f"journal.path={tmp_path / 'isogate.db'}"]
    settings += ["--set", f"backups.folder={tmp_path / 'backups'}"]
    done = CliRunner().invoke(app, ["backup", *where, "make", *settings])
    assert (done.exit_code, "good, restored for a test: 3 charges, 3000" in done.stdout) == (
        0,
        True,
    )
    (file,) = (tmp_path / "backups").iterdir()
    done = CliRunner().invoke(app, ["backup", *where, "test", str(file), *settings, "--json"])
    assert (done.exit_code, '"charges":3' in done.stdout) == (0, True)
    to = ["--to", str(tmp_path / "new.db")]
    done = CliRunner().invoke(app, ["backup", *where, "restore", str(file), *to, *settings])
    assert (done.exit_code, (tmp_path / "new.db").exists()) == (0, True)
    done = CliRunner().invoke(app, ["backup", *where, "restore", str(file), *to, *settings])
    assert done.exit_code == 1
    assert CliRunner().invoke(app, ["backup", *where, "restore", str(file)]).exit_code == 2
    file.write_bytes(file.read_bytes()[:-1])
    assert CliRunner().invoke(app, ["backup", *where, "test", str(file), *settings]).exit_code == 1


@pytest.mark.parametrize("length", [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
def test_a_sealed_file_is_opened_whole_and_no_piece_of_it_can_be_missing(length: int) -> None:
    clear = bytes(length)
    sealed, again = BytesIO(), BytesIO()
    seal(BytesIO(clear), sealed, MASTER, {"made_at": "1"})
    sealed.seek(0)
    assert open_sealed(sealed, again, MASTER) == {"made_at": "1"}
    assert again.getvalue() == clear
    held = sealed.getvalue()
    last = 4 + (length % PIECE_BYTES or (PIECE_BYTES if length else 0)) + 16
    for bad in (held[:-last], held[:-1], held.replace(b'"1"', b'"2"'), held + held[-last:]):
        with pytest.raises(SealedFileError):
            open_sealed(BytesIO(bad), BytesIO(), MASTER)
