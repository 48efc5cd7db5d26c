"""The verdict over hand-written books: agreement, and each way in which books can disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from gateway.demo import verdict as verdicts
from gateway.demo.judge import ENDS, Verdict, judge
from gateway.demo.verdict import AUDIT, HOST_BOOK, TERMINALS_BOOK

if TYPE_CHECKING:
    from pathlib import Path

Line = dict[str, Any]
NAME: Line = {"merchant": "BAKERY000000001", "terminal": "T0000001", "amount": 500}
RRN = "000000000007"


def journal(end: str, **changes: Any) -> Line:
    return NAME | {"id": 1, "end": end, "state": end.upper(), "rrn": RRN} | changes


def charge(code: str = "00", **changes: Any) -> Line:
    return NAME | {"kind": "charge", "code": code, "rrn": RRN, "repeat": False} | changes


def reversal(gave_back: int = 500, **changes: Any) -> Line:
    return NAME | {"kind": "reversal", "code": "00", "gave_back": gave_back} | changes


def sale(*, served: bool, told: str | None = "00", **changes: Any) -> Line:
    line = {"sent": True, "told": told, "rrn": RRN if told == "00" else "", "served": served}
    rest = {"reversed_by_me": False, "how": "as written", "repeats": 0, "answers_differ": False}
    return NAME | line | rest | changes


def audit(each: list[Line], **changes: Any) -> Line:
    totals: Line = dict.fromkeys(ENDS, 0)
    money = dict.fromkeys(ENDS, 0)
    for line in each:
        end = "cases" if line["end"] == "case" else line["end"]
        totals[end] += 1
        money[end] += line["amount"]
    rest = {"charges": len(each), "money": money, "violations": [], "repeats_answered": 3}
    return totals | rest | {"each": each} | changes


def judged(terminals: list[Line], host: list[Line], each: list[Line], **changes: Any) -> Verdict:
    return judge(terminals, host, audit(each, **changes))


def says(verdict: Verdict, text: str) -> bool:
    assert not verdict.books_agree
    return any(text in disagreement for disagreement in verdict.disagreements)


class TestAgreement:
    def test_a_charge_that_was_served(self) -> None:
        verdict = judged([sale(served=True)], [charge()], [journal("served")])
        assert verdict.books_agree
        assert (verdict.charges, verdict.approved, verdict.served) == (1, 1, 1)
        assert verdict.money["kept_by_host"] == 500

    def test_a_charge_that_was_declined(self) -> None:
        verdict = judged([sale(served=False, told="51")], [charge("51")], [journal("declined")])
        assert verdict.books_agree
        assert (verdict.approved, verdict.declined) == (0, 1)

    def test_a_charge_that_was_reversed(self) -> None:
        books = ([sale(served=False, told="68")], [charge(), reversal()], [journal("reversed")])
        verdict = judged(*books)
        assert verdict.books_agree
        assert verdict.money["given_back_by_host"] == 500

    def test_a_reversal_that_was_repeated_gives_nothing_more(self) -> None:
        host = [charge(), reversal(), reversal(gave_back=0)]
        verdict = judged([sale(served=False, told=None)], host, [journal("reversed")])
        assert verdict.books_agree
        assert verdict.double_reversals == 0

    @pytest.mark.parametrize("host", [[], [charge("51")]], ids=["never seen", "declined"])
    def test_a_reversed_charge_that_the_host_never_took(self, host: list[Line]) -> None:
        verdict = judged([sale(served=False, told=None)], host, [journal("reversed", rrn="")])
        assert verdict.books_agree
        assert verdict.money["reversed_never_charged"] == 500

    def test_a_sale_that_never_became_a_charge(self) -> None:
        assert judged([sale(served=False, told="91")], [], []).books_agree

    def test_a_repeated_charge_in_the_hosts_book_is_no_second_one(self) -> None:
        host = [charge(), charge(repeat=True)]
        assert judged([sale(served=True)], host, [journal("served")]).books_agree

    def test_what_is_neither_served_nor_reversed_may_be_a_case(self) -> None:
        others = [NAME | {"amount": 1_000 + n} for n in range(99)]
        verdict = judged(
            [sale(served=False), *(sale(served=True) | other for other in others)],
            [charge(), *(charge() | other for other in others)],
            [journal("case"), *(journal("served") | other for other in others)],
        )
        assert verdict.books_agree
        assert (verdict.cases, verdict.charged_without_service) == (1, 0)
        assert verdict.money["in_cases"] == 500

    def test_repeats_are_counted_by_the_journal(self) -> None:
        assert judged([], [], []).duplicates_answered == 3


class TestDisagreement:
    def test_charged_without_service(self) -> None:
        verdict = judged([sale(served=False)], [charge()], [journal("served")])
        assert verdict.charged_without_service == 1
        assert says(verdict, "CHARGED WITHOUT SERVICE")
        assert says(verdict, "money: served by the journal 500, by the terminals 0")

    def test_served_without_charge(self) -> None:
        verdict = judged([sale(served=True)], [charge(), reversal()], [journal("reversed")])
        assert verdict.served_without_charge == 1
        assert says(verdict, "SERVED WITHOUT CHARGE")

    def test_a_reversal_that_the_host_never_saw(self) -> None:
        verdict = judged([sale(served=False, told="68")], [charge()], [journal("reversed")])
        assert verdict.charged_without_service == 1
        assert says(verdict, "reversed by the journal, but the host's book says kept")
        assert says(verdict, "money: reversed by the journal 500, given back by the host 0")

    def test_given_back_twice(self) -> None:
        host = [charge(), reversal(), reversal()]
        verdict = judged([sale(served=False, told=None)], host, [journal("reversed")])
        assert verdict.double_reversals == 1
        assert says(verdict, "given back 2 times")

    def test_charged_twice(self) -> None:
        verdict = judged([sale(served=True)], [charge(), charge()], [journal("served")])
        assert says(verdict, "2 times charged by the host")

    def test_a_charge_that_the_journal_does_not_know(self) -> None:
        verdict = judged([sale(served=False, told=None)], [charge()], [])
        assert verdict.charged_without_service == 1
        assert says(verdict, "the host decided what the journal does not know")

    def test_a_charge_that_no_terminal_made(self) -> None:
        assert says(judged([], [charge()], [journal("served")]), "no terminal knows it")

    def test_a_charge_that_was_never_sent(self) -> None:
        terminals = [sale(served=False, told=None, sent=False)]
        verdict = judged(terminals, [charge(), reversal()], [journal("reversed")])
        assert says(verdict, "its terminal never sent it")

    def test_a_declined_charge_that_was_given_back(self) -> None:
        terminals, host = [sale(served=False, told="51")], [charge("51"), reversal()]
        assert says(judged(terminals, host, [journal("declined")]), "declined, and yet given back")

    def test_a_decline_that_was_an_approval(self) -> None:
        verdict = judged([sale(served=False, told="51")], [charge()], [journal("declined")])
        assert says(verdict, "declined by the journal, but the host's book says kept")

    def test_an_open_charge(self) -> None:
        verdict = judged([sale(served=False)], [charge()], [journal("open", state="SENT")])
        assert verdict.open == 1
        assert says(verdict, "still open in the journal (SENT)")

    def test_an_approval_that_the_host_never_gave(self) -> None:
        verdict = judged([sale(served=True)], [charge("51")], [journal("served")])
        assert says(verdict, "told approved, but the host approved nothing")

    def test_another_charges_answer(self) -> None:
        terminals = [sale(served=True, rrn="000000000008")]
        verdict = judged(terminals, [charge()], [journal("served")])
        assert says(verdict, "another charge's reference number")

    def test_a_repeat_with_another_answer(self) -> None:
        terminals = [sale(served=True, answers_differ=True)]
        verdict = judged(terminals, [charge()], [journal("served")])
        assert says(verdict, "a repeat got another answer")

    def test_a_terminal_that_served_what_it_reversed(self) -> None:
        terminals = [sale(served=True, reversed_by_me=True)]
        verdict = judged(terminals, [charge()], [journal("served")])
        assert says(verdict, "served what it reversed")

    def test_a_terminal_that_did_not_settle(self) -> None:
        terminals = [sale(served=False, told=None, how="unresolved")]
        verdict = judged(terminals, [charge(), reversal()], [journal("reversed")])
        assert says(verdict, "could not settle it in time")

    def test_a_violation_in_the_audit(self) -> None:
        verdict = judged([], [], [], violations=["charge 4: reversed twice"])
        assert says(verdict, "audit: charge 4: reversed twice")

    @pytest.mark.parametrize("changes", [{"charges": 2}, {"served": 2}])
    def test_totals_that_are_not_the_sum_of_the_charges(self, changes: Line) -> None:
        verdict = judged([sale(served=True)], [charge()], [journal("served")], **changes)
        assert says(verdict, "audit: ")

    def test_too_many_cases(self) -> None:
        verdict = judged([sale(served=False)], [charge()], [journal("case")])
        assert says(verdict, "1 cases are more than 2% of the charges")


class TestKeptBooks:
    def write(self, folder: Path, *, served: bool) -> None:
        encode = msgspec.json.encode
        (folder / TERMINALS_BOOK).write_bytes(encode(sale(served=served)) + b"\n")
        (folder / HOST_BOOK).write_bytes(encode(charge()) + b"\n")
        (folder / AUDIT).write_bytes(encode(audit([journal("served")])) + b"\n")

    def test_anyone_can_recompute_the_verdict(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.write(tmp_path, served=True)
        assert verdicts.main([str(tmp_path)]) == 0
        assert "charged without service: 0" in capsys.readouterr().out

    def test_disagreement_is_the_exit_status(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.write(tmp_path, served=False)
        assert verdicts.main([str(tmp_path)]) == 1
        assert "CHARGED WITHOUT SERVICE" in capsys.readouterr().out

    def test_without_a_folder_it_says_how_to_call_it(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert verdicts.main([]) == 2
        assert "usage" in capsys.readouterr().err
