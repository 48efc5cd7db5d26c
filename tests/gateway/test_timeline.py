"""One charge or request out of three places where things are written down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from routing.charge import Event
from routing.effects import Audited
from routing.keeper import AuditKind
from tests.gateway.journals import PAN, charge, moves, opened, sqlite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Run = Callable[..., Result]

OPENED_AT = 1_700_000_000.0


@pytest.fixture
def explain(tmp_path: Path) -> Run:
    """`isogate explain` over a journal that holds a charge and an account request, and a log."""
    journal = sqlite(tmp_path)
    journal.start(OPENED_AT, ended_max=1)
    each = charge(opened_at=OPENED_AT)
    by_hand = Audited(
        1,
        OPENED_AT + 2,
        next(iter(AuditKind)),
        "R-7",
        "li",
        {"what": "approved", "charge": each.id},
    )
    journal.append([opened(each), *moves(each, Event.APPROVAL), by_hand])
    journal.close()
    lines: list[Any] = [
        {"at": OPENED_AT + 3, "level": "info", "event": "charge: no answer", "charge": each.id},
        {"at": OPENED_AT + 3, "level": "info", "event": "charge: no answer", "charge": 99},
        {"at": OPENED_AT + 4, "level": "info", "event": "request waits", "request": "R-7"},
    ]
    text = "\n".join(["no JSON at all", "[1]", *map(json.dumps, lines)])
    (tmp_path / "isogate.log").write_text(text + "\n")
    (tmp_path / "gateway.toml").write_text("[[listener]]\n[[host]]\n")

    def explain(*arguments: str) -> Result:
        sets = (f"journal.path={tmp_path / 'isogate.db'}", f"log.file={tmp_path / 'isogate.log'}")
        options = [option for each in sets for option in ("--set", each)]
        config = str(tmp_path / "gateway.toml")
        return CliRunner().invoke(app, ["explain", config, *arguments, *options])

    return explain


def test_a_charge_is_told_from_journal_audit_log_and_log(explain: Run) -> None:
    done = explain("1", "--json")
    lines = json.loads(done.stdout)
    assert {line["source"] for line in lines} == {"journal", "audit", "log"}
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert [line["what"] for line in lines if line["source"] == "log"] == ["charge: no answer"]
    assert next(line for line in lines if line["source"] == "audit")["who"] == "li"
    assert PAN not in done.stdout


def test_a_request_is_told_from_audit_log_and_log(explain: Run) -> None:
    done = explain("R-7")
    assert done.exit_code == 0
    assert "li: " in done.stdout
    assert "request waits" in done.stdout
    assert "no answer" not in done.stdout


@pytest.mark.parametrize("about", ["77", "R-8"])
def test_of_what_nobody_wrote_there_is_nothing_to_tell(explain: Run, about: str) -> None:
    done = explain(about)
    assert (done.exit_code, "nothing is written" in done.stderr) == (2, True)


def test_a_log_that_can_not_be_read_is_said(explain: Run, tmp_path: Path) -> None:
    done = explain("1", "--log", str(tmp_path / "nowhere.log"))
    assert (done.exit_code, "nowhere.log" in done.stderr) == (2, True)
