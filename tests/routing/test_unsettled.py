"""Terminals that never settle: their sales become cases, and are served once somebody vouches."""

from __future__ import annotations

import pytest

from routing.charge import State
from routing.reason import Reason
from routing.sign_in_settings import SignInSettings
from routing.unsettled import LOOK_EVERY_S
from tests.routing.street import Street, after_two_sales
from tests.routing.test_batches import end, totals, uploaded
from tests.routing.world import BATCH, POS, answer, sale

AGE_MAX_S = 86_400.0


def street_of(age_max_s: float = AGE_MAX_S) -> Street:
    """A street whose terminal signed in, sold twice, and has both answers."""
    return after_two_sales(SignInSettings(settles_within_s=age_max_s))


def later(street: Street, seconds: float) -> None:
    """Time passes, and somebody looks."""
    street.monotonic += seconds
    street.wall += seconds
    street.wait(1.0)


@pytest.fixture
def street() -> Street:
    return street_of()


@pytest.fixture
def unsettled(street: Street) -> Street:
    """Nobody settled for too long."""
    later(street, AGE_MAX_S + 1)
    return street


def test_what_nobody_settles_becomes_a_case(street: Street) -> None:
    later(street, AGE_MAX_S - LOOK_EVERY_S)
    street.approved(3)
    street.acknowledge(3)
    assert street.state(1) is State.PRESUMED_SERVED
    later(street, LOOK_EVERY_S + 1)
    assert [street.state(stan) for stan in (1, 2)] == [State.CASE, State.CASE]
    assert street.state(3) is State.PRESUMED_SERVED
    assert street.charge(1).reason == Reason.NEVER_SETTLED
    assert street.switch.life.entered[State.CASE] == 2


def test_it_does_so_over_a_restart(street: Street) -> None:
    street.restart()
    later(street, AGE_MAX_S + 1)
    assert street.state(1) is State.CASE


def test_a_terminal_that_settles_after_all_vouches_for_it(unsettled: Street) -> None:
    unsettled.says(1, totals(2000, 2))
    assert unsettled.told[-1].message[48][30] == "1"
    assert [unsettled.state(stan) for stan in (1, 2)] == [State.SERVED] * 2


def test_what_it_does_not_hold_either_stays_a_case(unsettled: Street) -> None:
    unsettled.says(1, totals(1000, 1))
    unsettled.says(1, uploaded([(2, 1000)]))
    unsettled.says(1, end(1))
    assert unsettled.codes(1)[-1] == "00"
    assert [unsettled.state(stan) for stan in (1, 2)] == [State.CASE, State.SERVED]


def test_another_amount_vouches_for_nothing(unsettled: Street) -> None:
    unsettled.says(1, totals(1900, 2))
    unsettled.says(1, uploaded([(1, 900), (2, 1000)]))
    unsettled.says(1, end(2))
    assert [unsettled.state(stan) for stan in (1, 2)] == [State.CASE, State.SERVED]


def test_what_was_settled_is_looked_at_no_more(street: Street) -> None:
    street.says(1, totals(2000, 2))
    later(street, AGE_MAX_S + 1)
    assert [street.state(stan) for stan in (1, 2)] == [State.SERVED] * 2


def test_a_hold_on_money_is_in_no_batch(street: Street) -> None:
    street.says(1, sale(POS, 5, mti="0100", de3="030000", de25="06", de60="10" + BATCH + "000"))
    street.answers(answer(street.charges_sent[-1]))
    street.acknowledge(5)
    later(street, AGE_MAX_S + 1)
    assert street.state(5) is State.PRESUMED_SERVED


def test_an_acquirer_may_wait_for_ever() -> None:
    street = street_of(0.0)
    later(street, 10 * AGE_MAX_S)
    assert street.state(1) is State.PRESUMED_SERVED
