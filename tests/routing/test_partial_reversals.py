"""A terminal that served only a part: DE 95 says what stays charged, the rest goes back."""

from __future__ import annotations

import pytest

from routing.charge import State
from tests.routing.world import (
    ISO,
    MARGIN_S,
    POS,
    REVERSAL_ANSWER_S,
    World,
    answer,
    confirmation,
    reversal,
    sale,
    service,
    void,
)

AGREED = {"partial_reversals": True}
KEPT = 400
NO_FEES = "0" * 12 + "C00000000" * 2


def but_for(amount: int, world: World) -> None:
    world.says(1, reversal(sale(ISO), de95=f"{amount:012d}{NO_FEES}"))


@pytest.fixture
def approved() -> World:
    """A world whose host agreed to partial reversals, with one approved sale of 1000."""
    world = World(ISO, host_settings=AGREED)
    world.approved()
    return world


def test_the_host_is_told_what_stays_charged_and_that_is_served(approved: World) -> None:
    but_for(KEPT, approved)
    assert approved.codes(1)[-1] == "00"
    (sent,) = approved.reversals_sent
    assert (sent[95], sent[4]) == (f"{KEPT:012d}{NO_FEES}", "000000001000")
    assert approved.state() is State.REVERSAL_DUE
    approved.answers(answer(sent))
    charge = approved.charge()
    assert (charge.state, charge.money, charge.reason) == (State.SERVED, KEPT, "partly_served")


def test_it_is_repeated_like_any_reversal(approved: World) -> None:
    but_for(KEPT, approved)
    approved.wait(REVERSAL_ANSWER_S + 3)
    first, again = approved.reversals_sent[:2]
    assert (first[11], first[95]) == (again[11], again[95])


def test_it_outlives_a_restart(approved: World) -> None:
    but_for(KEPT, approved)
    approved.restart()
    assert approved.reversals_sent[-1][95][:12] == f"{KEPT:012d}"
    approved.answers(answer(approved.reversals_sent[-1]))
    assert (approved.state(), approved.charge().money) == (State.SERVED, KEPT)


def test_a_host_that_knows_nothing_of_the_sale_makes_it_a_case(approved: World) -> None:
    approved.wait(MARGIN_S)
    but_for(KEPT, approved)
    approved.answers(answer(approved.reversals_sent[0], "25"))
    assert approved.state() is State.CASE


@pytest.mark.parametrize("amount", [1000, 1001])
def test_what_leaves_nothing_to_give_back_is_no_partial_reversal(
    approved: World, amount: int
) -> None:
    but_for(amount, approved)
    assert approved.codes(1)[-1] == "64"
    assert approved.reversals_sent == []


def test_zeros_mean_all_of_it(approved: World) -> None:
    but_for(0, approved)
    assert not approved.reversals_sent[0].has(95)


def test_the_same_again_is_answered_and_another_part_or_all_is_refused(approved: World) -> None:
    but_for(KEPT, approved)
    approved.answers(answer(approved.reversals_sent[0]))
    but_for(KEPT, approved)
    but_for(KEPT - 1, approved)
    approved.says(1, reversal(sale(ISO)))
    approved.says(1, confirmation(sale(ISO), served=False))
    assert approved.codes(1)[-4:] == ["00", "22", "22", "22"]
    assert len(approved.reversals_sent) == 1


@pytest.mark.parametrize(("name", "host"), [(ISO, ISO), (POS, POS), (ISO, POS)])
def test_without_an_agreement_nothing_is_given_back(name: str, host: str) -> None:
    world = World(name, host)
    world.approved()
    if name == POS:
        world.says(1, reversal(sale(POS), de4=f"{KEPT:012d}"))
    else:
        but_for(KEPT, world)
    assert world.codes(1)[-1] == "64"
    assert world.reversals_sent == []


def test_what_is_declined_or_undone_keeps_no_part() -> None:
    world = World(ISO, host_settings=AGREED)
    world.says(1, sale(ISO))
    world.answers(answer(world.charges_sent[0], "51"))
    but_for(KEPT, world)
    assert world.codes(1)[-1] == "22"


def test_a_part_is_a_confirmation_of_that_part() -> None:
    world = World(ISO, host_settings=AGREED, service=service("confirmation"))
    world.approved()
    world.acknowledge()
    but_for(KEPT, world)
    world.answers(answer(world.reversals_sent[0]))
    assert (world.state(), world.charge().money) == (State.SERVED, KEPT)


def test_what_stays_charged_may_be_voided(approved: World) -> None:
    but_for(KEPT, approved)
    approved.answers(answer(approved.reversals_sent[0]))
    approved.says(1, void(sale(ISO), de4=f"{KEPT:012d}"))
    assert approved.state() is State.VOIDING
