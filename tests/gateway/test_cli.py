"""The commands: what they print, and the exit status that scripts rely on."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import apsw
import pytest
from typer.testing import CliRunner

from codec.framing import frame
from gateway.cli import app, operate
from routing.charge import Event
from routing.effects import Audited
from routing.keeper import AuditKind
from tests.gateway.journals import PAN, charge, moves, opened, sqlite
from tests.routing.world import DIALECTS, sale

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Run = Callable[..., Result]

NOW = time.time()
REFUSED = (Event.NO_ANSWER, Event.REVERSAL_SENT, Event.REVERSAL_REFUSED)
IDENTITY: dict[str, Any] = {"reversal_stan": "000900", "reversal_de7": "1123171600", "attempts": 1}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command on a configuration whose journal lies in this test's folder."""
    (tmp_path / "gateway.toml").write_text("[[listener]]\n[[host]]\n")

    def run(command: str, *arguments: str, with_config: bool = True) -> Result:
        place = [str(tmp_path / "gateway.toml")] if with_config else []
        sets = ["--set", f"journal.path={tmp_path / 'isogate.db'}"] if with_config else []
        return CliRunner().invoke(app, [command, *place, *arguments, *sets])

    return run


def journal_of(folder: Path, *events: Event, at: float = NOW, **values: Any) -> None:
    """A journal that holds one charge."""
    journal = sqlite(folder)
    journal.start(at, ended_max=1)
    each = charge(opened_at=at)
    journal.append([opened(each), *moves(each, *events, **values)])
    journal.close()


# check


def test_check_says_good_and_exits_0(run: Run) -> None:
    result = run("check")
    assert result.exit_code == 0
    assert "good (1 listener(s), 1 host(s))" in result.output


def test_check_says_every_problem_and_exits_2(run: Run) -> None:
    result = run("check", "--set", "listener.0.port=70000", "--set", "host.0.links=0")
    assert result.exit_code == 2
    assert "listener.0.port = 70000" in result.output
    assert "host.0.links = 0" in result.output


@pytest.mark.parametrize("command", ["check", "audit", "cases", "serve"])
def test_an_unknown_key_is_a_usage_error_of_every_command(run: Run, command: str) -> None:
    result = run(command, "--set", "journal.pth=x")
    assert result.exit_code == 2
    assert "pth" in result.output


# audit


def test_an_audit_log_that_holds_exits_0_and_one_whose_bytes_were_changed_1(
    run: Run, tmp_path: Path
) -> None:
    journal = sqlite(tmp_path)
    journal.start(NOW, ended_max=1)
    for who in ("Anastasia", "Bartholomew", "Clementine"):
        said = {"state": "closed"}
        line = Audited(1, NOW, AuditKind.MERCHANT_CHANGED, "123456789012345", who, said)
        journal.append([line])
    result = run("audit", "--log")
    assert result.exit_code == 0, "beside its writer"
    assert "3 lines hold" in result.output
    journal.close()
    path = tmp_path / "isogate.db"
    path.write_bytes(path.read_bytes().replace(b"Bartholomew", b"Bartholomeu"))
    result = run("audit", "--log", "--json")
    assert result.exit_code == 1
    assert "line 2 is not what was written" in result.stderr
    assert json.loads(result.stdout)["lines"] == 1


def test_a_clean_journal_exits_0_and_prints_one_json_object(run: Run, tmp_path: Path) -> None:
    journal_of(tmp_path, Event.DECLINE)
    result = run("audit", "--json", "--final")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert (report["charges"], report["declined"], report["violations"]) == (1, 1, [])
    assert "no invariant is broken" in run("audit").stdout


def test_a_broken_invariant_exits_1(run: Run, tmp_path: Path) -> None:
    journal_of(tmp_path, Event.DECLINE, attempts=1)
    result = run("audit", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["violations"]
    assert "violation" in run("audit", "--final").stdout


def test_what_cannot_be_audited_exits_2(run: Run, tmp_path: Path) -> None:
    assert run("audit").exit_code == 2
    journal_of(tmp_path)
    (tmp_path / "isogate.db.key").chmod(0o644)
    result = run("audit")
    assert result.exit_code == 2
    assert "others can read it" in result.output
    assert run("audit", "--charge", "77").exit_code == 2


def test_a_charge_open_for_too_long_exits_3_but_only_at_the_end(run: Run, tmp_path: Path) -> None:
    journal_of(tmp_path, at=NOW - 3_600)
    assert run("audit").exit_code == 0
    result = run("audit", "--final", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["open"] == 1


def test_a_charge_that_is_open_in_time_exits_0_at_the_end(run: Run, tmp_path: Path) -> None:
    journal_of(tmp_path, at=time.time())
    assert run("audit", "--final").exit_code == 0


def test_each_and_one_charge_tell_no_card_number(run: Run, tmp_path: Path) -> None:
    journal_of(tmp_path, *REFUSED, **IDENTITY)
    each = run("audit", "--json", "--each")
    assert json.loads(each.stdout)["each"][0]["end"] == "case"
    story = run("audit", "--charge", "1", "--json")
    assert [line["event"] for line in json.loads(story.stdout)] == ["OPENED", *REFUSED]
    shown = run("audit", "--charge", "1")
    assert PAN not in each.output + story.output + shown.output


# cases


def test_cases_are_listed_explained_and_closed(run: Run, tmp_path: Path) -> None:
    journal_of(tmp_path, *REFUSED, reason="refused_by_host", **IDENTITY)
    (case,) = json.loads(run("cases", "--json").stdout)
    assert (case["id"], case["card"]) == (1, "476173******0119")
    assert "disagree" in case["why"]
    assert "1 open case(s)" in run("cases", "list").stdout
    assert run("cases", "explain", "1", "--json").exit_code == 0
    result = run("cases", "close", "1", "--as", "refunded")
    assert (result.exit_code, "REFUNDED" in result.stdout) == (0, True)
    assert json.loads(run("cases", "--json").stdout) == []
    assert run("cases", "close", "1", "--as", "refunded").exit_code == 1
    report = json.loads(run("audit", "--json", "--final").stdout)
    assert (report["refunded"], report["violations"]) == (1, [])


def test_a_case_that_is_tried_again_is_left_to_the_gateway(run: Run, tmp_path: Path) -> None:
    journal_of(tmp_path, *REFUSED, reason="refused_by_host", **IDENTITY)
    result = run("cases", "close", "1", "--as", "retry")
    assert "REVERSAL_DUE" in result.stdout
    db = apsw.Connection(str(tmp_path / "isogate.db"))
    ((stan, de7),) = db.execute("SELECT reversal_stan, reversal_de7 FROM charge")
    db.close()
    assert (stan, de7) == ("000900", "1123171600")


@pytest.mark.parametrize("arguments", [("close", "1", "--as", "magic"), ("close", "1"), ("burn",)])
def test_what_cannot_be_done_with_a_case_exits_2(
    run: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    journal_of(tmp_path, *REFUSED, **IDENTITY)
    assert run("cases", *arguments).exit_code == 2


def test_closing_beside_a_gateway_that_does_not_answer_says_where_it_was_asked(
    run: Run, tmp_path: Path
) -> None:
    journal_of(tmp_path, *REFUSED, **IDENTITY)
    busy = sqlite(tmp_path)
    result = run("cases", "close", "1", "--as", "served", "--set", "admin.port=1")
    busy.close()
    assert result.exit_code == 1
    assert "127.0.0.1:1/desk" in result.output


# serve


def test_serve_beside_another_gateway_says_why_and_exits_1(run: Run, tmp_path: Path) -> None:
    journal_of(tmp_path)
    busy = sqlite(tmp_path)
    result = run("serve")
    busy.close()
    assert result.exit_code == 1
    assert "another process writes to this journal" in result.output


def test_serve_with_an_address_that_it_cannot_have_says_why_and_exits_1(run: Run) -> None:
    result = run("serve", "--set", "listener.0.host=192.0.2.1", "--set", "admin.port=0")
    assert result.exit_code == 1
    assert "isogate: [Errno" in result.output
    assert "Trio nursery" not in result.output


def test_errors_are_told_out_of_however_many_nurseries_they_came() -> None:
    inner = ExceptionGroup("nursery", [OSError("no disk"), ValueError("no key")])
    outer = BaseExceptionGroup("nursery", [inner, KeyError("x")])
    assert [str(error) for error in operate._causes(outer)] == ["no disk", "no key", "'x'"]


# decode


@pytest.mark.parametrize("name", DIALECTS)
def test_decode_shows_a_message_masked_and_exits_0(run: Run, tmp_path: Path, name: str) -> None:
    raw = sale(name).raw
    file = tmp_path / "message.bin"
    file.write_bytes(frame(raw))
    for given in (raw.hex(), frame(raw).hex().upper(), str(file)):
        result = run("decode", given, "--dialect", name, with_config=False)
        assert result.exit_code == 0
        assert "0119" in result.stdout
        assert PAN not in result.stdout


def test_decode_says_where_bad_bytes_go_wrong_and_exits_1(run: Run) -> None:
    result = run("decode", sale().raw[:-4].hex(), with_config=False)
    assert result.exit_code == 1
    assert "error" in result.stdout
    assert "field 42" in result.stdout


def test_decode_of_neither_hex_nor_file_and_of_no_dialect_exits_2(run: Run) -> None:
    assert run("decode", "no such file", with_config=False).exit_code == 2
    result = run("decode", "00", "--dialect", "klingon", with_config=False)
    assert result.exit_code == 2
    assert "iso87-ascii" in result.output
