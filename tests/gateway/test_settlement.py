"""A host's settlement file against the journal: what each difference is called and becomes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from routing.charge import Event
from routing.docket import Entry
from routing.effects import Noted
from routing.transaction import Transaction
from tests.gateway.journals import charge, moves, opened, sqlite

if TYPE_CHECKING:
    from pathlib import Path

DAY = (datetime.now(UTC) - timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
SERVED = (Event.APPROVAL, Event.DELIVERY_IS_SERVICE)
REVERSED = (Event.NO_ANSWER, Event.REVERSAL_SENT, Event.REVERSAL_ACCEPTED)
HELD: dict[str, Any] = {"approval_held": True, "approved_amount": 1000}
IDENTITY: dict[str, Any] = {"reversal_stan": "000900", "reversal_de7": "1123171600", "attempts": 1}


def journal_of(folder: Path, *lives: tuple[tuple[Event, ...], dict[str, Any]]) -> None:
    (folder / "gateway.toml").write_text("[[listener]]\n[[host]]\nname = 'host-1'\n")
    journal = sqlite(folder)
    journal.start(DAY.timestamp(), ended_max=1)
    for number, (events, values) in enumerate(lives, 1):
        at = DAY.timestamp() + number
        first = {k: v for k, v in values.items() if k in ("kind", "original_id")}
        each = charge(number, opened_at=at, updated_at=at, **first)
        rrn = {"rrn": f"RRN{number:09d}"}
        journal.append([opened(each), *moves(each, *events, **rrn | values)])
    journal.close()


def row(number: int, amount: int = 1000, kind: str = "charge") -> str:
    return f"{number:06d},1123171500,,{amount},{kind}"


def compared(folder: Path, *rows: str, host: str = "host-1", **options: str) -> tuple[int, Any]:
    """Exit status and what was printed."""
    file = folder / "settled.csv"
    file.write_text("\n".join(("stan,de7,rrn,amount,type", *rows)) + "\n")
    place = [str(folder / "gateway.toml"), "--set", f"journal.path={folder / 'isogate.db'}"]
    wanted = ["--host", host, "--file", str(file), "--json", "--who", "Ana"]
    wanted += [f"--{name}={value}" for name, value in options.items()]
    result = CliRunner().invoke(app, ["reconcile", *place, *wanted])
    return result.exit_code, json.loads(result.stdout) if result.stdout else result.output


def cases(folder: Path) -> list[dict[str, Any]]:
    place = [str(folder / "gateway.toml"), "--set", f"journal.path={folder / 'isogate.db'}"]
    found: list[dict[str, Any]] = json.loads(
        CliRunner().invoke(app, ["cases", *place, "--json"]).stdout
    )
    return found


def test_a_file_that_agrees_has_no_difference(tmp_path: Path) -> None:
    journal_of(tmp_path, (SERVED, HELD), (REVERSED, IDENTITY), ((Event.DECLINE,), {}))
    status, found = compared(tmp_path, row(1), row(2), row(2, kind="reversal"))
    assert (status, found["differences"]) == (0, [])
    assert found["counts"] == {"ours": 1, "theirs": 2}
    assert found["sums"] == {"ours": 1000, "theirs": 1000}


DIFFERENCES: list[tuple[tuple[Event, ...], dict[str, Any], list[str], str, str]] = [
    (SERVED, HELD, [], "we_approved_they_not", "settlement_missing"),
    (SERVED, HELD, [row(1), row(1, kind="reversal")], "we_approved_they_not", "settlement_missing"),
    (REVERSED, IDENTITY, [row(1)], "they_approved_we_not", "settlement_charged"),
    ((Event.DECLINE,), {}, [row(1)], "they_approved_we_not", "settlement_charged"),
    ((Event.UNSENDABLE,), {}, [row(1)], "they_approved_we_not", "settlement_charged"),
    (SERVED, HELD, [row(1, 999)], "amount_differs", "settlement_amount"),
    (SERVED, HELD, [row(1), row(1)], "they_charged_twice", "settlement_twice"),
]


@pytest.mark.parametrize(("events", "values", "rows", "kind", "reason"), DIFFERENCES)
def test_a_difference_becomes_a_case_once(
    tmp_path: Path,
    events: tuple[Event, ...],
    values: dict[str, Any],
    rows: list[str],
    kind: str,
    reason: str,
) -> None:
    journal_of(tmp_path, (events, values))
    status, found = compared(tmp_path, *rows)
    assert status == 1
    ((difference),) = found["differences"]
    assert (difference["kind"], difference["action"]) == (kind, "case opened")
    assert found["counts"][kind] == 1
    (case,) = cases(tmp_path)
    assert case["reason"] == reason
    again, _ = compared(tmp_path, *rows)
    assert (again, len(cases(tmp_path))) == (0, 1)


def test_once_decided_the_same_file_opens_no_second_case(tmp_path: Path) -> None:
    journal_of(tmp_path, (REVERSED, IDENTITY))
    compared(tmp_path, row(1))
    place = [str(tmp_path / "gateway.toml"), "--set", f"journal.path={tmp_path / 'isogate.db'}"]
    close = ["cases", *place[:1], "close", "1", "--as", "reversed", *place[1:]]
    assert CliRunner().invoke(app, close).exit_code == 0
    status, found = compared(tmp_path, row(1))
    assert (status, found["differences"][0]["action"]) == (1, "known")
    assert cases(tmp_path) == []


def test_a_charge_that_only_the_host_knows_is_told_until_a_person_settles_it(
    tmp_path: Path,
) -> None:
    journal_of(tmp_path, (SERVED, HELD))
    status, found = compared(tmp_path, row(1), row(77))
    assert (status, found["differences"][0]["kind"]) == (1, "they_approved_unknown_here")
    place = [str(tmp_path / "gateway.toml"), "--set", f"journal.path={tmp_path / 'isogate.db'}"]
    listed = CliRunner().invoke(app, ["cases", *place])
    assert "1 difference(s) for a person" in listed.stdout
    key = found["differences"][0]["key"]
    settle = ["cases", place[0], "settle", key, "--who", "Ana", *place[1:]]
    assert CliRunner().invoke(app, settle).exit_code == 0
    assert "difference(s) for a person" not in CliRunner().invoke(app, ["cases", *place]).stdout
    settle[3] = "nothing"
    assert CliRunner().invoke(app, settle).exit_code == 1


def test_what_a_terminals_batch_holds_and_nobody_knows_is_a_persons_and_no_hosts(
    tmp_path: Path,
) -> None:
    journal_of(tmp_path, (SERVED, HELD))
    journal = sqlite(tmp_path)
    journal.start(DAY.timestamp(), ended_max=1)
    said = {"kind": "unknown_here", "terminal": "T0000001", "stan": "000077", "theirs": 500}
    key = "MERCHANT0000001|T0000001|000007|000077"
    noted = Noted(0, 2, DAY.timestamp(), Entry.DIFFERENCE, key, "", said | {"open": 1})
    journal.append([noted])
    journal.close()
    place = [str(tmp_path / "gateway.toml"), "--set", f"journal.path={tmp_path / 'isogate.db'}"]
    assert key in CliRunner().invoke(app, ["cases", *place]).stdout
    hosts = json.loads(CliRunner().invoke(app, ["hosts", *place, "--json"]).stdout)
    assert [(card["host"], card["differences"]) for card in hosts] == [("host-1", 0)]
    settle = ["cases", place[0], "settle", key, "--who", "Ana", *place[1:]]
    assert CliRunner().invoke(app, settle).exit_code == 0
    assert key not in CliRunner().invoke(app, ["cases", *place]).stdout


def test_a_void_may_be_a_row_of_its_own_or_its_originals(tmp_path: Path) -> None:
    voided = (*SERVED, Event.VOID_BEGUN, Event.VOID_STANDS)
    void = HELD | {"kind": Transaction.VOID, "original_id": 1}
    journal_of(tmp_path, (voided, HELD), (SERVED, void))
    assert compared(tmp_path, row(1), row(2, kind="refund"))[0] == 0
    assert compared(tmp_path, row(1), row(1, kind="reversal"))[0] == 0
    assert compared(tmp_path)[0] == 0
    status, found = compared(tmp_path, row(1))
    assert (status, found["differences"][0]["kind"]) == (1, "they_approved_we_not")


def test_a_refund_that_the_host_does_not_have_is_for_a_person_to_ask_about(
    tmp_path: Path,
) -> None:
    refund = HELD | {"kind": Transaction.REFUND}
    journal_of(tmp_path, ((Event.APPROVAL_STANDS,), refund))
    assert compared(tmp_path, row(1, kind="refund"))[0] == 0
    status, found = compared(tmp_path)
    assert (status, cases(tmp_path)) == (1, [])
    assert found["differences"][0]["action"] == "for a person to ask the host"


def test_what_the_gateway_still_works_on_is_left_to_it(tmp_path: Path) -> None:
    journal_of(tmp_path, (REVERSED[:2], IDENTITY), ((), {}))
    assert compared(tmp_path, row(1), row(2))[0] == 0


def test_partial_reversals_and_partial_approvals_are_expected_as_they_are(tmp_path: Path) -> None:
    partly = (*SERVED, Event.PARTLY_SERVED, Event.REVERSAL_SENT, Event.PARTLY_REVERSED)
    journal_of(tmp_path, (partly, HELD | IDENTITY | {"keeps": 600}))
    assert compared(tmp_path, row(1), row(1, 400, "reversal"))[0] == 0
    assert compared(tmp_path, row(1))[0] == 1


def test_the_retrieval_reference_is_enough_and_json_is_read_too(tmp_path: Path) -> None:
    journal_of(tmp_path, (SERVED, HELD))
    assert compared(tmp_path, ",,RRN000000001,1000,charge")[0] == 0
    file = tmp_path / "settled.json"
    file.write_text('{"rrn": "RRN000000001", "amount": 1000}\n')
    place = [str(tmp_path / "gateway.toml"), "--set", f"journal.path={tmp_path / 'isogate.db'}"]
    wanted = ["--host", "host-1", "--file", str(file), "--format", "json"]
    result = CliRunner().invoke(app, ["reconcile", *place, *wanted])
    assert (result.exit_code, "no difference" in result.stdout) == (0, True)


def test_another_days_charges_are_not_missed_today(tmp_path: Path) -> None:
    journal_of(tmp_path, (SERVED, HELD), (SERVED, HELD | {"settled_on": "0101"}))
    assert compared(tmp_path, row(1))[0] == 0
    before = (DAY - timedelta(days=1)).strftime("%Y-%m-%d")
    assert compared(tmp_path, date=before)[0] == 0


@pytest.mark.parametrize(
    ("rows", "options"),
    [
        ([",,,1000,charge"], {}),
        ([row(1, kind="gift")], {}),
        (["000001,1123171500,,many,charge"], {}),
        ([], {"date": "yesterday"}),
        ([], {"host": "nobody"}),
        ([row(7), row(8)], {"at-most": "1"}),
        ([",,4761739001010119,1000,charge"], {}),
    ],
)
def test_what_cannot_be_read_exits_2(
    tmp_path: Path, rows: list[str], options: dict[str, str]
) -> None:
    journal_of(tmp_path, (SERVED, HELD))
    assert compared(tmp_path, *rows, **options)[0] == 2
    assert cases(tmp_path) == []
