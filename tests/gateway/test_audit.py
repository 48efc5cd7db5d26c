"""The audit finds what is wrong in a journal, and nothing where nothing is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from gateway.audit import Audit, Report
from gateway.config import Config, Host, JournalConfig, Listener
from gateway.journal.port import JournalError
from routing.charge import Event
from routing.reversal import ReversalSettings
from routing.transaction import Transaction
from tests.gateway.journals import PAN, by_hand, charge, moves, opened, sqlite

if TYPE_CHECKING:
    from pathlib import Path

REVERSED = (Event.NO_ANSWER, Event.REVERSAL_SENT, Event.REVERSAL_ACCEPTED)
IDENTITY = {"reversal_stan": "000900", "reversal_de7": "1123171600", "attempts": 1}


def config(folder: Path) -> Config:
    return Config(
        listener=(Listener(),),
        host=(Host(),),
        journal=JournalConfig(path=str(folder / "isogate.db")),
        reversal=ReversalSettings(overdue_s=60.0),
    )


def every_end(folder: Path) -> None:
    """A journal with one charge of each end, and one of everything else."""
    now = time.time()
    journal = sqlite(folder)
    journal.start(now, ended_max=1)
    lives: list[tuple[tuple[Event, ...], dict[str, object]]] = [
        ((Event.DECLINE,), {}),
        ((Event.APPROVAL, Event.DELIVERY_IS_SERVICE), {"approved_amount": 600}),
        (REVERSED, IDENTITY),
        ((*REVERSED[:2], Event.REVERSAL_REFUSED), IDENTITY | {"reversal_stan": "000901"}),
        (
            (*REVERSED[:2], Event.REVERSAL_REFUSED, Event.CLOSED_REFUNDED),
            IDENTITY | {"reversal_stan": "000902"},
        ),
        ((Event.UNSENDABLE,), {}),
        ((), {}),
        ((Event.APPROVAL, Event.TERMINAL_LOST), {}),
    ]
    for number, (events, values) in enumerate(lives, 1):
        each = charge(number, opened_at=now)
        journal.append([opened(each), *moves(each, *events, **values)])
    journal.close()


def audited(folder: Path) -> Report:
    with Audit(config(folder)) as books:
        return books.report(each=True)


def damaged(folder: Path, statement: str) -> Report:
    """The report on the journal after somebody changed it by hand."""
    every_end(folder)
    by_hand(folder / "isogate.db", statement)
    return audited(folder)


def test_a_charge_is_not_given_back_twice_nor_without_a_void(tmp_path: Path) -> None:
    now = time.time()
    journal = sqlite(tmp_path)
    journal.start(now, ended_max=1)
    served = (Event.APPROVAL, Event.DELIVERY_IS_SERVICE)
    voided = (*served, Event.VOID_BEGUN, Event.VOID_STANDS)
    made = [
        (charge(1), voided),
        (charge(2, kind=Transaction.VOID, original_id=1), served),
        (charge(3), voided),
        (charge(4), (*served, Event.REFUND_BEGUN)),
        (charge(5, kind=Transaction.REFUND, original_id=4, amount=700), served),
        (charge(6, kind=Transaction.REFUND, original_id=4, amount=301), served),
    ]
    for each, events in made:
        given_back = 1_000 if each.id == 4 else 0
        journal.append([opened(each), *moves(each, *events, given_back=given_back)])
    journal.close()
    report = audited(tmp_path)
    assert (report.charges, len(report.each), len(report.each_undoing)) == (3, 3, 3)
    assert (report.voids, report.refunds) == ({"served": 1}, {"served": 2})
    assert report.violations == [
        "charge 3: VOIDED, and 0 voids of it stand",
        "charge 4: more was refunded than was charged",
    ]


def test_a_good_journal_is_summed_up_and_nothing_is_found(tmp_path: Path) -> None:
    every_end(tmp_path)
    report = audited(tmp_path)
    assert report.violations == []
    ends = (report.declined, report.served, report.reversed, report.refunded, report.cases)
    assert ends == (1, 1, 1, 1, 1)
    assert (report.open, report.delivery_unknown, report.never_left, report.late) == (2, 1, 1, 0)
    assert report.charges == sum(ends) + report.open == len(report.each) == 7
    assert report.money == {
        "declined": 1000,
        "served": 600,
        "reversed": 1000,
        "refunded": 1000,
        "cases": 1000,
        "open": 2000,
        "charges": 6600,
    }


def test_the_report_has_the_keys_that_others_rely_on(tmp_path: Path) -> None:
    every_end(tmp_path)
    keys = msgspec.to_builtins(audited(tmp_path)).keys()
    assert keys >= {"charges", "declined", "served", "reversed", "refunded", "cases", "open"}
    assert keys >= {"delivery_unknown", "violations", "money", "each"}


def _in_steps(charge: int, word: str, other: str) -> str:
    change = f"steps = replace(steps, '{word}', '{other}')"
    return f"UPDATE charge SET {change} WHERE id = {charge}"  # noqa: S608 - words of ours


def _without_step(charge: int, event: str) -> str:
    others = f"charge = {charge} AND event <> '{event}'"
    return (
        "UPDATE charge SET steps = (SELECT group_concat(json_array(epoch, at, event, before,"  # noqa: S608 - the same
        f" after, reason, code) || ',', '' ORDER BY number) FROM step WHERE {others})"
        f" WHERE id = {charge}"
    )


DAMAGES = [
    (_in_steps(1, "DECLINED", "SERVED"), "charge 1: DECLINE", "an end of its own"),
    (_in_steps(1, '"DECLINE"', '"CONFIRMED"'), "against the table", "another event"),
    (_without_step(3, "NO_ANSWER"), "charge 3", "a step lost"),
    ("UPDATE charge SET attempts = 1 WHERE id = 1", "charge 1: declined, and yet", "declined"),
    ("UPDATE charge SET attempts = 1 WHERE id = 2", "charge 2: served, and yet", "served"),
    ("UPDATE charge SET attempts = 0 WHERE id = 3", "charge 3: reversed, but", "not reversed"),
    ("UPDATE charge SET reason = 'internal_error' WHERE id = 4", "charge 4", "internal error"),
    ("UPDATE charge SET host_stan = '000001' WHERE id = 2", "left under one key", "one key twice"),
    ("UPDATE charge SET reversal_stan = '000900'", "left under one key", "one reversal for all"),
    ("UPDATE charge SET state = 'SERVED' WHERE id = 1", "charge 1", "a state without its step"),
]


@pytest.mark.parametrize(
    ("statement", "finding"), [d[:2] for d in DAMAGES], ids=[d[2] for d in DAMAGES]
)
def test_a_damaged_journal_is_found_out(tmp_path: Path, statement: str, finding: str) -> None:
    violations = damaged(tmp_path, statement).violations
    assert any(finding in each for each in violations), violations
    assert PAN not in str(violations)


def test_charges_open_past_their_stated_time_are_late(tmp_path: Path) -> None:
    assert damaged(tmp_path, "UPDATE charge SET updated_at = 1, opened_at = 1").late == 2


def test_a_reversal_that_is_tried_again_and_again_is_late_all_the_same(tmp_path: Path) -> None:
    journal = sqlite(tmp_path)
    now = time.time()
    journal.start(now, ended_max=1)
    each = charge(opened_at=now - 600)
    tried = IDENTITY | {"reversal_since": now - 500, "updated_at": now}
    events = (Event.NO_ANSWER, Event.REVERSAL_SENT, Event.REVERSAL_UNANSWERED)
    journal.append([opened(each), *moves(each, *events, **tried)])
    journal.close()
    report = audited(tmp_path)
    assert (report.open, report.late) == (1, 1)


def test_the_story_of_a_charge_is_told_without_its_card(tmp_path: Path) -> None:
    every_end(tmp_path)
    with Audit(config(tmp_path)) as books:
        story = books.story(3)
        assert books.story(77) == []
        assert [c.id for c in books.cases()] == [4]
    assert [line["event"] for line in story] == ["OPENED", *REVERSED]
    assert "476173******0119" in story[0]["remark"]
    assert PAN not in str(story)


def test_an_audit_reads_beside_the_writer_and_writes_nothing(tmp_path: Path) -> None:
    every_end(tmp_path)
    journal = sqlite(tmp_path)
    journal.start(time.time(), ended_max=1)
    before = (tmp_path / "isogate.db").read_bytes()
    assert audited(tmp_path).charges == 7
    assert (tmp_path / "isogate.db").read_bytes() == before
    each = charge(20, epoch=2, opened_at=time.time())
    journal.append([opened(each)])
    assert audited(tmp_path).charges == 8
    journal.close()


def test_what_cannot_be_audited_is_said(tmp_path: Path) -> None:
    nothing = msgspec.structs.replace(config(tmp_path), journal=JournalConfig(kind="none"))
    with pytest.raises(JournalError, match=r"journal\.kind = none"):
        Audit(nothing)
    every_end(tmp_path)
    (tmp_path / "isogate.db").write_bytes(b"no database" * 1_000)
    with pytest.raises(JournalError):
        audited(tmp_path)
