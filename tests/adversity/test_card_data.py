"""Card data after `kill -9`: the reversal knows the card, the disk does not tell it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.adversity.peers import PAN, PIN_BLOCK, SILENT, TRACK, Host, Terminal, sale
from tests.adversity.stage import START_S, Stage, wait_until

pytestmark = pytest.mark.slow

SALES = 5
REFUSED = 1


def killed_with_open_charges(stage: Stage) -> None:
    """A gateway that dies while the host has not answered."""
    with Host(stage.host_port) as host:
        gateway = stage.gateway()
        with Terminal(stage.port) as terminal:
            for number in range(1, SALES + 1):
                terminal.send(sale(number, SILENT))
            wait_until(lambda: len(host.of_type("0200")) == SALES, 10, "the sales at the host")
            gateway.kill()
            gateway.wait()


def test_after_a_kill_the_reversal_carries_the_card_number(tmp_path: Path) -> None:
    with Stage(tmp_path, host__0__answer_timeout_s=30) as stage:
        killed_with_open_charges(stage)
        with Host(stage.host_port) as host:
            stage.gateway()
            wait_until(lambda: len(host.of_type("0420")) == SALES, 20, "the reversals at the host")
            assert {each[2] for each in host.of_type("0420")} == {PAN}
            assert {each[4] for each in host.of_type("0420")} == {SILENT}
            assert stage.until_all_ended(20)["reversed"] == SALES


def test_neither_journal_nor_log_holds_card_data_in_clear(tmp_path: Path) -> None:
    with Stage(tmp_path, host__0__answer_timeout_s=30) as stage:
        killed_with_open_charges(stage)
    names = {each.name for each in tmp_path.iterdir()}
    assert {"journal.db", "journal.db-wal", "journal.db-redo0", "gateway.log"} <= names
    secrets = (PAN, TRACK, TRACK[len(PAN) :], PIN_BLOCK)
    forms = [form for each in secrets for form in (each.encode(), each.replace("=", "D").encode())]
    forms += [bytes.fromhex(PAN), bytes.fromhex(PIN_BLOCK)]
    for file in tmp_path.iterdir():
        if file.suffix != ".key":
            content = file.read_bytes()
            assert not [form for form in forms if form in content], file.name


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    with Stage(tmp_path, host__0__answer_timeout_s=30) as stage:
        killed_with_open_charges(stage)
        key = tmp_path / "journal.db.key"
        assert key.stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "journal.db").stat().st_mode & 0o077 == 0
        assert (tmp_path / "journal.db-wal").stat().st_mode & 0o077 == 0
        assert (tmp_path / "journal.db-redo0").stat().st_mode & 0o077 == 0
        key.chmod(0o640)
        assert "others can read it" in refusal(stage)
        key.chmod(0o600)
        key.write_text("00" * 32)
        assert "key" in refusal(stage)


def test_one_journal_has_one_gateway(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage, Host(stage.host_port):
        stage.gateway()
        assert "another process writes" in refusal(stage)
        with Terminal(stage.port) as terminal:
            assert terminal.ask(sale(1)) == "00"


def refusal(stage: Stage) -> str:
    """What a gateway that must not start says when it ends."""
    done = subprocess.run(
        stage.command("serve"), capture_output=True, text=True, timeout=START_S, check=False
    )
    assert done.returncode == REFUSED, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr
