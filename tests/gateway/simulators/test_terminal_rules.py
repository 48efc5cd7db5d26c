"""The rules of a terminal for one sale, without a socket."""

from __future__ import annotations

import pytest

from gateway.simulators.terminal_plan import Plan, Service
from gateway.simulators.terminal_rules import REPEATS_MAX, Due, Kind, Sale


def sale(*, confirms: bool = False, **plan: object) -> Sale:
    return Sale(Plan(**plan), confirms)  # type: ignore[arg-type]


def ask(sale: Sale, kind: Kind, *, repeat: bool = False) -> None:
    """The sale wants exactly this sent, and it is."""
    assert sale.due == Due(kind, repeat)
    sale.sent()


class TestServedAtApproval:
    def test_an_approval_is_the_right_to_serve(self) -> None:
        it = sale()
        ask(it, Kind.SALE)
        it.answered("00", "000000000001")
        assert (it.ended, it.served, it.told, it.rrn) == (True, True, "00", "000000000001")

    def test_a_decline_ends_it_unserved(self) -> None:
        it = sale()
        ask(it, Kind.SALE)
        it.answered("51")
        assert (it.ended, it.served, it.how) == (True, False, "declined")

    @pytest.mark.parametrize("code", ["68", "98"])
    def test_the_gateway_says_that_no_answer_came_and_reverses_itself(self, code: str) -> None:
        it = sale()
        ask(it, Kind.SALE)
        it.answered(code)
        assert (it.ended, it.reversed_by_me, it.how) == (True, False, "no answer from the host")

    @pytest.mark.parametrize("code", ["91", "96", "94", "A0"])
    def test_a_refusal_of_the_gateway_ends_it(self, code: str) -> None:
        it = sale()
        ask(it, Kind.SALE)
        it.answered(code)
        assert (it.ended, it.served, it.how) == (True, False, "refused by the gateway")

    def test_a_failed_service_is_reversed_until_any_answer(self) -> None:
        it = sale(service=Service.FAILS)
        ask(it, Kind.SALE)
        it.answered("00")
        ask(it, Kind.REVERSAL)
        it.unanswered()
        ask(it, Kind.REVERSAL, repeat=True)
        it.answered("00")
        assert (it.ended, it.served, it.reversed_by_me) == (True, False, True)


class TestUnanswered:
    def test_it_is_repeated(self) -> None:
        it = sale()
        ask(it, Kind.SALE)
        it.unanswered()
        ask(it, Kind.SALE, repeat=True)
        it.answered("00")
        assert (it.served, it.repeats) == (True, 1)

    def test_after_the_last_repeat_it_is_reversed(self) -> None:
        it = sale()
        ask(it, Kind.SALE)
        for _ in range(REPEATS_MAX):
            it.unanswered()
            ask(it, Kind.SALE, repeat=True)
        it.unanswered()
        ask(it, Kind.REVERSAL)
        assert it.repeats == REPEATS_MAX

    def test_some_terminals_reverse_at_once(self) -> None:
        it = sale(reverses=True)
        ask(it, Kind.SALE)
        it.unanswered()
        ask(it, Kind.REVERSAL)
        it.answered("25")
        assert (it.ended, it.served, it.reversed_by_me) == (True, False, True)
        assert it.how == "reversed: no answer"

    def test_not_now_does_not_settle_a_reversal(self) -> None:
        it = sale(reverses=True)
        ask(it, Kind.SALE)
        it.unanswered()
        ask(it, Kind.REVERSAL)
        it.answered("96")
        ask(it, Kind.REVERSAL, repeat=True)

    def test_a_sale_that_could_not_be_sent_is_sent_for_the_first_time(self) -> None:
        it = sale()
        it.unanswered()
        ask(it, Kind.SALE)

    def test_who_vanishes_for_good_leaves_it_unresolved(self) -> None:
        it = sale(confirms=True, vanishes=True, vanishes_for_good=True)
        ask(it, Kind.SALE)
        it.unanswered()
        assert (it.ended, it.served, it.told) == (True, False, None)


class TestConfirmation:
    def test_served_is_what_the_gateway_acknowledged(self) -> None:
        it = sale(confirms=True)
        ask(it, Kind.SALE)
        it.answered("00")
        assert not it.served
        ask(it, Kind.CONFIRMATION)
        it.answered("00")
        assert (it.ended, it.served) == (True, True)

    def test_it_is_repeated_until_an_answer(self) -> None:
        it = sale(confirms=True)
        ask(it, Kind.SALE)
        it.answered("00")
        ask(it, Kind.CONFIRMATION)
        it.unanswered()
        ask(it, Kind.CONFIRMATION, repeat=True)
        it.answered("00")
        assert it.served

    @pytest.mark.parametrize("code", ["22", "25"])
    def test_a_refused_confirmation_means_that_nothing_is_served(self, code: str) -> None:
        it = sale(confirms=True)
        ask(it, Kind.SALE)
        it.answered("00")
        ask(it, Kind.CONFIRMATION)
        it.answered(code)
        assert (it.ended, it.served) == (True, False)

    def test_a_failed_service_is_said_and_not_served(self) -> None:
        it = sale(confirms=True, service=Service.FAILS, reason="GOODS_NOT_SOLD")
        ask(it, Kind.SALE)
        it.answered("00")
        ask(it, Kind.CONFIRMATION)
        assert it.failure == "GOODS_NOT_SOLD"
        it.answered("00")
        assert (it.ended, it.served, it.how) == (True, False, "not served: GOODS_NOT_SOLD")

    def test_some_never_confirm(self) -> None:
        it = sale(confirms=True, service=Service.NEVER_CONFIRMS)
        ask(it, Kind.SALE)
        it.answered("00")
        assert (it.ended, it.served, it.how) == (True, False, "never confirmed")


class TestAskingAgain:
    def test_the_same_answer_is_the_end_of_it(self) -> None:
        it = sale(asks_again=True)
        ask(it, Kind.SALE)
        it.answered("00", "R1")
        ask(it, Kind.SALE, repeat=True)
        it.answered("00", "R1")
        assert (it.served, it.answers_differ) == (True, False)

    @pytest.mark.parametrize(("code", "rrn"), [("51", "R1"), ("00", "R2")])
    def test_another_answer_is_noted(self, code: str, rrn: str) -> None:
        it = sale(asks_again=True)
        ask(it, Kind.SALE)
        it.answered("00", "R1")
        ask(it, Kind.SALE, repeat=True)
        it.answered(code, rrn)
        assert it.answers_differ
        assert it.told == "00"

    def test_without_a_second_answer_the_first_one_counts(self) -> None:
        it = sale(asks_again=True)
        ask(it, Kind.SALE)
        it.answered("00", "R1")
        ask(it, Kind.SALE, repeat=True)
        it.unanswered()
        assert (it.served, it.answers_differ) == (True, False)

    def test_a_refusal_is_not_asked_for_again(self) -> None:
        it = sale(asks_again=True)
        ask(it, Kind.SALE)
        it.answered("91")
        assert it.ended


class TestVoided:
    def voiding(self, **plan: object) -> Sale:
        it = sale(voids=True, **plan)
        ask(it, Kind.SALE)
        it.answered("00")
        ask(it, Kind.VOID)
        return it

    def test_a_void_that_was_approved_takes_the_sale_back(self) -> None:
        it = self.voiding()
        it.answered("00")
        assert (it.ended, it.served, it.voided, it.stands) == (True, True, True, False)

    @pytest.mark.parametrize("code", ["57", "22", "91", "98"])
    def test_any_other_answer_leaves_it_as_it_was(self, code: str) -> None:
        it = self.voiding()
        it.answered(code)
        assert (it.ended, it.stands) == (True, True)

    def test_without_an_answer_it_is_repeated_and_at_last_reversed(self) -> None:
        it = self.voiding()
        it.unanswered()
        for _ in range(REPEATS_MAX):
            ask(it, Kind.VOID, repeat=True)
            it.unanswered()
        ask(it, Kind.VOID_REVERSAL)
        it.unanswered()
        ask(it, Kind.VOID_REVERSAL, repeat=True)
        it.answered("00")
        assert (it.ended, it.stands) == (True, True)

    def test_some_reverse_it_at_once(self) -> None:
        it = self.voiding(reverses=True)
        it.unanswered()
        ask(it, Kind.VOID_REVERSAL)

    def test_what_is_confirmed_first_may_be_voided(self) -> None:
        it = sale(confirms=True, voids=True)
        ask(it, Kind.SALE)
        it.answered("00")
        ask(it, Kind.CONFIRMATION)
        it.answered("00")
        ask(it, Kind.VOID)
        it.answered("00")
        assert it.voided
