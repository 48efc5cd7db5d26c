"""What persons do from the command line, on a journal that no gateway uses."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import apsw
import pytest
from typer.testing import CliRunner

from gateway.cli import app
from routing.charge import Event
from routing.transaction import Transaction
from tests.gateway.journals import PAN, charge, moves, opened, sqlite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Run = Callable[..., Result]

NOW = time.time()
_OPENED = ("amount", "pan", "merchant", "terminal", "operator", "kind")
SERVED = (Event.APPROVAL, Event.DELIVERY_IS_SERVICE)
CONFIRMED = (Event.APPROVAL, Event.CONFIRMED)
REFUSED = (Event.NO_ANSWER, Event.REVERSAL_SENT, Event.REVERSAL_REFUSED)
REVERSED = (Event.NO_ANSWER, Event.REVERSAL_SENT, Event.REVERSAL_ACCEPTED)
IDENTITY: dict[str, Any] = {"reversal_stan": "000900", "reversal_de7": "1123171600", "attempts": 1}
HELD: dict[str, Any] = {"approval_held": True, "approved_amount": 1000, "rrn": "RRN000000042"}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command on a configuration whose journal lies in this test's folder."""
    (tmp_path / "gateway.toml").write_text(
        "[[listener]]\n[[host]]\nname = 'host-1'\n[cases]\ntwo_persons_above = {840 = 5000}\n"
    )

    def run(command: str, *arguments: str) -> Result:
        place = [str(tmp_path / "gateway.toml")]
        sets = ["--set", f"journal.path={tmp_path / 'isogate.db'}"]
        return CliRunner().invoke(app, [command, *place, *arguments, *sets])

    return run


def journal_of(
    folder: Path, *lives: tuple[tuple[Event, ...], dict[str, Any]], at: float = NOW, **all_: Any
) -> None:
    """A journal with one charge for each life."""
    journal = sqlite(folder)
    journal.start(at, ended_max=1)
    for number, (events, values) in enumerate(lives, 1):
        first = {k: v for k, v in values.items() if k in _OPENED}
        each = charge(number, opened_at=at, **{"updated_at": at} | all_ | first)
        then = {k: v for k, v in values.items() if k not in first}
        journal.append([opened(each), *moves(each, *events, **then)])
    journal.close()


def told(result: Result) -> Any:
    return json.loads(result.stdout)


def state_of(run: Run, number: int = 1) -> str:
    (line,) = (x for x in told(run("audit", "--json", "--each"))["each"] if x["id"] == number)
    return str(line["state"])


# Two persons


def test_a_large_case_is_closed_by_two_persons_and_the_story_says_who(
    run: Run, tmp_path: Path
) -> None:
    journal_of(tmp_path, (REFUSED, IDENTITY | {"amount": 5001}))
    first = run("cases", "close", "1", "--as", "refunded", "--who", "Ana")
    assert (first.exit_code, "second person" in first.stdout) == (0, True)
    (case,) = told(run("cases", "--json"))
    assert (case["proposed"], case["proposed_by"]) == ("refunded", "Ana")
    assert "by Ana" in run("cases").stdout
    own = run("cases", "confirm", "1", "--who", "Ana")
    assert (own.exit_code, "another person" in own.output) == (1, True)
    assert run("cases", "confirm", "1", "--who", "Ben").exit_code == 0
    assert state_of(run) == "REFUNDED"
    story = told(run("audit", "--charge", "1", "--json"))
    assert [(x["who"], x["event"]) for x in story[-3:]] == [
        ("Ana", "PROPOSED"),
        ("Ben", "DECIDED"),
        ("a person", "CLOSED_REFUNDED"),
    ]
    assert told(run("audit", "--json"))["violations"] == []


def test_a_proposal_can_be_withdrawn_and_a_small_case_needs_one(run: Run, tmp_path: Path) -> None:
    journal_of(tmp_path, (REFUSED, IDENTITY | {"amount": 5001}))
    run("cases", "close", "1", "--as", "served", "--who", "Ana")
    assert run("cases", "withdraw", "1", "--who", "Ben").exit_code == 0
    assert run("cases", "confirm", "1", "--who", "Ben").exit_code == 1
    assert run("cases", "retry", "1", "--who", "Ben").exit_code == 0
    assert run("cases", "confirm", "1", "--who", "Ana").exit_code == 0
    assert state_of(run) == "REVERSAL_DUE"


def test_with_a_token_for_each_person_nobody_can_be_two(run: Run, tmp_path: Path) -> None:
    journal_of(tmp_path, (REFUSED, IDENTITY | {"amount": 5001}))
    (tmp_path / "tokens").write_text("Ana: anas\nBen: bens\n")
    ana, ben = tmp_path / "ana", tmp_path / "ben"
    ana.write_text("anas")
    ben.write_text("bens")
    people = ("--set", f"admin.token_file={tmp_path / 'tokens'}")
    assert run("cases", "close", "1", "--as", "served", *people).exit_code == 1
    close = ("close", "1", "--as", "served", "--token-file", str(ana))
    assert run("cases", *close, *people).exit_code == 0
    forged = run("cases", "confirm", "1", "--who", "Ben", "--token-file", str(ana), *people)
    assert (forged.exit_code, "Ana's, not Ben's" in forged.output) == (1, True)
    assert run("cases", "confirm", "1", "--token-file", str(ben), *people).exit_code == 0


# Disputes


def test_disputed_money_is_frozen_and_not_served(run: Run, tmp_path: Path) -> None:
    journal_of(tmp_path, (CONFIRMED, HELD), (SERVED, HELD), at=NOW)
    result = run("cases", "dispute", "1", "--why", "never got it", "--who", "Ana")
    assert (result.exit_code, "frozen" in result.stdout) == (0, True)
    report = told(run("audit", "--json"))
    assert (report["served"], report["money"]["served"]) == (1, 1000)
    assert (report["cases"], report["frozen"]) == (1, {"charges": 1, "money": 1000})
    assert report["violations"] == []
    (case,) = told(run("cases", "--json"))
    assert case["reason"] == "disputed"
    assert run("cases", "close", "1", "--as", "served", "--who", "Ana").exit_code == 0
    assert run("cases", "confirm", "1", "--who", "Ben").exit_code == 0
    assert told(run("audit", "--json"))["money"]["served"] == 2000


def test_the_audit_finds_disputed_money_that_one_person_decided_on(
    run: Run, tmp_path: Path
) -> None:
    journal_of(tmp_path, (CONFIRMED, HELD))
    run("cases", "dispute", "1", "--who", "Ana")
    run("cases", "close", "1", "--as", "served", "--who", "Ana")
    run("cases", "confirm", "1", "--who", "Ben")
    assert told(run("audit", "--json"))["violations"] == []
    db = apsw.Connection(str(tmp_path / "isogate.db"))
    db.execute("UPDATE entry SET who = 'Ana'")
    db.close()
    audited = run("audit", "--json")
    assert audited.exit_code == 1
    assert told(audited)["violations"] == ["charge 1: one person decided what needs two"]


def test_what_cannot_be_disputed_says_why(run: Run, tmp_path: Path) -> None:
    journal_of(tmp_path, (REFUSED, IDENTITY), ((), {}))
    assert "it is CASE" in run("cases", "dispute", "1").output
    assert "it is SENT" in run("cases", "dispute", "2").output
    assert "no such charge" in run("cases", "dispute", "9").output
    digits = run("cases", "dispute", "1", "--why", PAN)
    assert (digits.exit_code, PAN in digits.output) == (2, False)


# Complaints


VERDICTS = [
    ((Event.DECLINE,), {}, "not charged", "DECLINED"),
    ((), {}, "in progress", "SENT"),
    (CONFIRMED, HELD, "served", "SERVED"),
    (SERVED, HELD, "case opened", "CASE"),
    (REVERSED, IDENTITY, "reversed", "REVERSED"),
    (REVERSED[:1], IDENTITY, "being reversed", "REVERSAL_DUE"),
    (REFUSED, IDENTITY, "a case already", "CASE"),
    ((*REFUSED, Event.CLOSED_REFUNDED), IDENTITY, "refunded", "REFUNDED"),
]


@pytest.mark.parametrize(("events", "values", "verdict", "state"), VERDICTS)
def test_a_complaint_has_a_verdict(
    run: Run,
    tmp_path: Path,
    events: tuple[Event, ...],
    values: dict[str, Any],
    verdict: str,
    state: str,
) -> None:
    journal_of(tmp_path, (events, values))
    result = run("complaint", "--charge", "1", "--who", "Ana", "--json")
    assert result.exit_code == 0
    reply = told(result)
    assert (reply["said"], reply["facts"]["state"], state_of(run)) == (verdict, state, state)
    story = told(run("audit", "--charge", "1", "--json"))
    assert ("Ana", f"took a complaint: {verdict}") in [(x["who"], x["what"]) for x in story]
    assert told(run("audit", "--json"))["violations"] == []


def test_the_verdict_served_comes_with_its_evidence(run: Run, tmp_path: Path) -> None:
    journal_of(tmp_path, (CONFIRMED, HELD))
    result = run("complaint", "--rrn", "RRN000000042")
    assert "verdict: served" in result.stdout
    assert "terminal T0000001 confirmed that it served" in result.stdout


def test_a_small_complaint_about_an_unconfirmed_sale_begins_the_reversal(
    run: Run, tmp_path: Path
) -> None:
    journal_of(tmp_path, (SERVED, HELD), (SERVED, HELD | {"amount": 1001, "approved_amount": 1001}))
    small = ("--set", "cases.complaint_reverses_up_to={840 = 1000}")
    assert told(run("complaint", "--charge", "1", "--json", *small))["said"] == "reversal begun"
    assert told(run("complaint", "--charge", "2", "--json", *small))["said"] == "case opened"
    assert (state_of(run, 1), state_of(run, 2)) == ("REVERSAL_DUE", "CASE")


def test_a_charge_is_found_by_its_card_amount_and_time(run: Run, tmp_path: Path) -> None:
    other = {"pan": "6200000000000005"}
    journal_of(tmp_path, (CONFIRMED, HELD), (CONFIRMED, HELD | other), (CONFIRMED, {"amount": 7}))
    when = datetime.fromtimestamp(NOW + 600, UTC).isoformat()
    wanted = ("--masked-pan", "476173******0119", "--amount", "1000", "--when", when)
    assert told(run("complaint", *wanted, "--json"))["facts"]["id"] == 1
    last = ("--masked-pan", "*0119", "--amount", "1000", "--when", when)
    assert told(run("complaint", *last, "--json"))["facts"]["id"] == 1
    early = (*wanted[:-1], datetime.fromtimestamp(NOW - 86_400, UTC).isoformat())
    nothing = run("complaint", *early, "--json")
    assert (nothing.exit_code, told(nothing)["said"]) == (1, "not found")


def test_several_that_fit_are_shown_and_nothing_is_done(run: Run, tmp_path: Path) -> None:
    journal_of(tmp_path, (SERVED, HELD), (SERVED, HELD))
    result = run("complaint", "--rrn", "RRN000000042", "--json")
    assert (result.exit_code, told(result)["said"]) == (1, "several fit")
    assert [each["id"] for each in told(result)["facts"]["charges"]] == [1, 2]
    assert PAN not in result.output
    assert state_of(run) == "PRESUMED_SERVED"


@pytest.mark.parametrize(
    "arguments", [(), ("--masked-pan", PAN), ("--amount", "5"), ("--rrn", "x", "--when", "noon")]
)
def test_a_complaint_that_says_too_little_or_a_whole_card_is_refused(
    run: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    journal_of(tmp_path, (SERVED, HELD))
    result = run("complaint", *arguments)
    assert (result.exit_code, PAN in result.output) == (2, False)


# Limits


def test_limits_are_tried_on_the_last_week_and_nothing_changes(run: Run, tmp_path: Path) -> None:
    declined: tuple[tuple[Event, ...], dict[str, Any]] = ((Event.DECLINE,), {})
    journal_of(tmp_path, declined, *[(SERVED, HELD)] * 4, at=NOW - 60)
    tried = ("--dry-run", "--json", "--set")
    counted = told(run("limits", *tried, "limits.card_day_count_max=3"))
    assert (counted["charges"], counted["refused"], counted["by_code"]) == (5, 1, {"65": 1})
    assert counted["merchants"] == {"MERCHANT0000001": 1}
    assert told(run("limits", *tried, "limits.amount_max=999"))["refused_amount"] == 5000
    assert told(run("limits", *tried, "limits.repeated_amount_s=60"))["repeated"] == 3
    assert told(run("limits", "--json"))["amount_max"] == 0


def test_limits_are_changed_by_two_persons(run: Run, tmp_path: Path) -> None:
    journal_of(tmp_path)
    wanted = ("--set", "limits.amount_max=500")
    assert run("limits", "propose", *wanted, "--who", "Ana").exit_code == 0
    shown = told(run("limits", "--json"))
    assert (shown["amount_max"], shown["proposed"]["amount_max"]) == (0, 500)
    assert run("limits", "confirm", "--who", "Ana").exit_code == 1
    assert run("limits", "confirm", "--who", "Ben").exit_code == 0
    shown = told(run("limits", "--json"))
    assert (shown["amount_max"], shown["proposed"]) == (500, None)
    assert run("limits", "withdraw", "--who", "Ben").exit_code == 1
    assert run("limits", "burn").exit_code == 2


# Scorecards


def test_a_host_is_judged_by_its_answers(run: Run, tmp_path: Path) -> None:
    late = HELD | {"updated_at": NOW + 2}
    lives = [(SERVED, late), (SERVED, late), ((Event.DECLINE,), {}), (REVERSED, IDENTITY)]
    journal_of(tmp_path, *lives)
    (card,) = told(run("hosts", "--json"))
    assert (card["host"], card["charges"], card["approval_share"]) == ("host-1", 4, 0.5)
    assert (card["timeout_share"], card["reversal_share"]) == (0.25, 0.25)
    assert card["answer_p95_s"] == pytest.approx(2.0, abs=0.01)
    assert "host-1" in run("hosts").stdout


def test_a_merchant_is_judged_by_what_it_did_not_serve(run: Run, tmp_path: Path) -> None:
    bad = {"merchant": "SLOPPY000000001"}
    silent = (Event.APPROVAL, Event.DELIVERY_PROVEN, Event.WINDOW_OVER)
    not_served = (Event.APPROVAL, Event.NOT_SERVED)
    journal_of(
        tmp_path,
        (SERVED, HELD),
        (SERVED, HELD | bad),
        (silent, HELD | bad | {"reason": "not_confirmed"}),
        (not_served, HELD | bad | {"reason": "not_served"}),
    )
    worst, good = told(run("merchants", "--json"))
    assert (worst["merchant"], worst["not_served"], worst["silent"]) == ("SLOPPY000000001", 2, 1)
    assert worst["not_served_share"] == pytest.approx(0.6667)
    assert good["not_served_share"] == 0
    assert worst["taken_back"] == 1


def test_operators_and_suspects_are_those_who_take_back(run: Run, tmp_path: Path) -> None:
    back = (*SERVED, Event.TERMINAL_REVERSAL)
    held = (*SERVED, Event.HELD_FOR_REVIEW)
    journal_of(
        tmp_path,
        (SERVED, HELD | {"operator": "001"}),
        (back, HELD | {"operator": "002"}),
        (back, HELD | {"operator": "002", "terminal": "T0000002"}),
        (held, HELD | {"terminal": "T0000002", "reason": "held_for_review"}),
        (SERVED, HELD | {"operator": "002", "kind": Transaction.VOID}),
    )
    first, second = told(run("operators", "--json"))
    assert (first["operator"], first["charges"], first["voids"]) == ("002", 2, 1)
    assert (first["taken_back"], first["undone_share"]) == (2, 1.5)
    assert (second["operator"], second["undone_share"]) == ("001", 0)
    (suspect,) = told(run("suspects", "--at-least", "2", "--json"))
    assert (suspect["terminal"], suspect["taken_back"], suspect["held"]) == ("T0000002", 1, 1)
    assert suspect["amount"] == 2000
    assert len(told(run("suspects", "--at-least", "1", "--json"))) == 2


# The story


def test_each_step_of_a_story_says_when_who_what_and_why(run: Run, tmp_path: Path) -> None:
    journal_of(tmp_path, (REFUSED, IDENTITY | {"reason": "no_answer"}))
    lines = run("audit", "--charge", "1").stdout.splitlines()[1:]
    assert [line.split("  ")[1].split(" -> ")[0] for line in lines] == [
        "terminal T0000001 asked for it",
        "gateway waited for the host's answer in vain",
        "gateway sent the reversal",
        "host host-1 refused the reversal",
    ]
    assert "(no answer)" in lines[1]
    assert PAN not in "".join(lines)
