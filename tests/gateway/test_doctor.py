"""What the doctor finds on a machine that is well, and on one that is not."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
import trustme
from typer.testing import CliRunner

from gateway.cli import app
from gateway.journal.vault import load_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Examined = Callable[..., tuple[int, dict[str, dict[str, Any]]]]

GONE: Final = 1


@pytest.fixture
def bank() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


@pytest.fixture
def examined(tmp_path: Path, bank: int) -> Examined:
    """Exit status and findings by what was looked at."""
    (tmp_path / "gateway.toml").write_text("[[listener]]\n[[host]]\nname = 'bank'\n")

    def examined(*sets: str) -> tuple[int, dict[str, dict[str, Any]]]:
        wanted = (f"host.0.port={bank}", f"journal.path={tmp_path / 'isogate.db'}", *sets)
        options = [option for each in wanted for option in ("--set", each)]
        config = str(tmp_path / "gateway.toml")
        done = CliRunner().invoke(app, ["doctor", config, "--json", *options])
        findings = json.loads(done.stdout)
        return done.exit_code, {each["what"]: each for each in findings}

    return examined


def test_a_machine_that_is_well(examined: Examined) -> None:
    status, found = examined()
    assert status == 0
    assert {"clock", "disk sync", "disk space", "descriptors", "core dumps"} <= set(found)
    assert "accepts a connection" in found["host bank"]["found"]
    assert "will be made" in found["journal key"]["found"]


def test_a_host_that_nobody_answers_for(examined: Examined) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    status, found = examined(f"host.0.port={port}")
    assert (status, found["host bank"]["verdict"]) == (GONE, "wrong")
    assert found["host bank"]["advice"]


def test_a_folder_that_is_not_there(examined: Examined, tmp_path: Path) -> None:
    status, found = examined(f"journal.path={tmp_path / 'nowhere' / 'isogate.db'}")
    assert status == GONE
    assert found["disk sync"]["verdict"] == found["disk space"]["verdict"] == "wrong"


def test_a_journal_without_its_key_and_a_key_that_others_read(
    examined: Examined, tmp_path: Path
) -> None:
    (tmp_path / "isogate.db").touch()
    status, found = examined()
    assert (status, found["journal key"]["verdict"]) == (GONE, "wrong")
    load_key(tmp_path / "isogate.db.key")
    assert examined()[0] == 0
    (tmp_path / "isogate.db.key").chmod(0o644)
    assert "others can read it" in examined()[1]["journal key"]["found"]


@pytest.mark.parametrize(("days", "verdict"), [(300, "well"), (3, "warning"), (-1, "wrong")])
def test_certificates_are_looked_at_before_they_end(
    examined: Examined, tmp_path: Path, days: int, verdict: str
) -> None:
    authority = trustme.CA()
    until = datetime.now(UTC) + timedelta(days=days)
    issued = authority.issue_cert("localhost", not_after=until)
    issued.cert_chain_pems[0].write_to_path(tmp_path / "own.pem")
    issued.private_key_pem.write_to_path(tmp_path / "own.key")
    status, found = examined(
        f"listener.0.tls.certificate_file={tmp_path / 'own.pem'}",
        f"listener.0.tls.key_file={tmp_path / 'own.key'}",
    )
    assert found["certificate of listener-1"]["verdict"] == verdict
    assert status == (verdict == "wrong")


def test_a_journal_that_keeps_nothing_is_no_journal(examined: Examined) -> None:
    status, found = examined("journal.kind=none")
    assert (status, found["journal"]["verdict"]) == (GONE, "wrong")
