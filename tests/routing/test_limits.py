"""Limits by terminal, merchant and card, and amounts that come twice."""

from __future__ import annotations

from typing import Any

import pytest

from routing.limits import LimitSettings
from tests.routing.world import OTHER_PAN, World, answer, reversal, sale


def world_of(**limits: Any) -> World:
    return World(limits=LimitSettings(**limits))


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"card_day_amount_max": 1999}, "61"),
        ({"card_day_count_max": 1}, "65"),
        ({"merchant_day_amount_max": 1999}, "61"),
        ({"merchant_day_count_max": 1}, "65"),
    ],
)
def test_a_card_and_a_merchant_have_a_day(limits: dict[str, int], code: str) -> None:
    world = world_of(**limits)
    world.approved()
    world.says(2, sale(stan=2, de41="T0000002"))
    assert world.codes(2) == [code]
    world.wait(86_400, step_s=3_600)
    world.says(3, sale(stan=3, de12="010101", de13="1124"))
    assert len(world.charges_sent) == 2


def test_another_card_has_its_own_day_and_no_number_lies_in_the_table() -> None:
    world = world_of(card_day_count_max=1)
    world.approved()
    world.says(2, sale(stan=2, de2=OTHER_PAN, de35=None))
    assert len(world.charges_sent) == 2
    assert not any("476173" in key for key in world.switch.life.limits._used)


def test_what_was_taken_back_counts_no_more() -> None:
    world = world_of(card_day_count_max=1)
    world.says(1, sale())
    world.answers(answer(world.charges_sent[-1], "51"))
    world.says(1, sale(stan=2))
    assert len(world.charges_sent) == 2


def test_the_same_amount_again_is_counted_or_refused() -> None:
    for action, codes in (("count", []), ("refuse", ["94"])):
        world = world_of(repeated_amount_s=120.0, repeated_amount=action)
        world.approved()
        world.says(2, sale(stan=2, de41="T0000002"))
        assert world.codes(2) == codes
        assert world.switch.life.limits.repeated == 1


def test_a_second_sale_later_or_of_another_amount_or_after_a_decline_is_none() -> None:
    world = world_of(repeated_amount_s=120.0, repeated_amount="refuse")
    world.says(1, sale())
    world.answers(answer(world.charges_sent[-1], "55"))
    world.approved(2)
    world.says(1, sale(stan=3, de4="000000001001"))
    world.wait(121, step_s=10)
    world.says(1, sale(stan=4))
    assert len(world.charges_sent) == 4
    assert world.switch.life.limits.repeated == 0


def test_a_reversed_sale_may_be_made_again_at_once() -> None:
    world = world_of(repeated_amount_s=120.0, repeated_amount="refuse")
    request = world.approved()
    world.says(1, reversal(request))
    world.wait(0.25)
    world.answers(answer(world.reversals_sent[-1]))
    world.says(1, sale(stan=2))
    assert len(world.charges_sent) == 2
