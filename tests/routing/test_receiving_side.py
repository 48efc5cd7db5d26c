"""Rules for messages about earlier charges that are easily forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from routing.charge import Event, State
from routing.limits import LimitSettings
from routing.matching import STANS
from routing.reason import Reason
from routing.switch import Switch
from tests.routing.world import (
    BANK,
    ISO,
    POS,
    World,
    answer,
    confirmation,
    reversal,
    reversal_rules,
    sale,
    service,
)


def test_without_local_time_the_same_number_on_another_day_is_another_charge() -> None:
    world = World(ISO)
    for sent_at in ("1123171500", "1124171500"):
        world.says(1, sale(ISO, de12=None, de13=None, de7=sent_at))
        world.answers(answer(world.charges_sent[-1]))
    assert len(world.charges_sent) == 2


def test_a_reversal_of_another_amount_is_refused_64(world: World) -> None:
    request = world.approved()
    world.says(1, reversal(request, de4="000000000001"))
    assert world.codes(1)[-1] == "64"
    assert world.reversals_sent == []


def test_a_number_in_flight_is_passed_over() -> None:
    world = World(ISO)
    world.says(1, sale(ISO, 1))
    first = world.charges_sent[0][11]
    for _ in range(STANS - 1):
        world.switch.hosts[BANK].keys.next_stan()
    world.says(2, sale(ISO, 2, de41="T0000002"))
    assert world.codes(2) == []
    assert int(world.charges_sent[1][11]) == int(first) + 1


def test_two_merchants_may_have_a_terminal_of_the_same_number(world: World) -> None:
    world = World(world.name, limits=LimitSettings(terminal_day_count_max=1))
    world.says(1, sale(world.name, 1))
    world.says(2, sale(world.name, 1, de42="ANOTHERMERCHANT"))
    assert len(world.charges_sent) == 2


@pytest.mark.parametrize(
    ("given", "kept"), [("GOODS_NOT_SOLD", "GOODS_NOT_SOLD"), ("4761739001010119", "")]
)
def test_the_reason_for_not_serving_is_kept_if_it_is_words(given: str, kept: str) -> None:
    world = World(ISO)
    request = world.approved()
    world.says(1, confirmation(request, served=False, de60=f"NOT:{given}"))
    assert world.charge().remark == kept
    assert world.charge().reason == Reason.NOT_SERVED


def test_a_pos_terminals_reason_is_kept() -> None:
    world = World(POS)
    world.says(1, confirmation(world.approved(), served=False))
    assert world.charge().remark == "GOODS_NOT_SOLD"


def test_22_to_a_case_that_is_tried_again_is_still_no_answer_to_our_own_repeat(
    world: World,
) -> None:
    world.reversal_due()
    world.answers(answer(world.reversals_sent[-1], "22"))
    assert world.state() is State.CASE
    world.switch.close_case(world.charge().id, Event.CASE_RETRIED, world.now)
    world.wait(1)
    world.answers(answer(world.reversals_sent[-1], "22"))
    assert world.state() is State.CASE


def test_a_repeat_after_a_timeout_gets_the_very_same_bytes(world: World) -> None:
    request = sale(world.name)
    world.says(1, request)
    world.wait(7)
    first = world.told[-1].message.raw
    world.wait(3)
    world.says(1, request)
    assert world.told[-1].message.raw == first


def test_charges_of_a_host_that_is_configured_no_more_become_cases() -> None:
    world = World(ISO, service=service(), reversal=reversal_rules())
    world.says(1, sale(ISO, 1))
    renamed = replace_host(world, "another")
    charge = renamed.life.book.get(1)
    assert charge is not None
    assert charge.state is State.CASE
    assert charge.reason == Reason.HOST_GONE


def replace_host(world: World, name: str) -> Switch:
    """A later life of the gateway whose only host has another name."""
    (bank,) = world.settings.hosts
    fields = {field: getattr(bank, field) for field in bank.__struct_fields__} | {"name": name}
    settings = type(world.settings)(
        **{
            field: getattr(world.settings, field)
            for field in world.settings.__struct_fields__
            if field != "hosts"
        },
        hosts=(type(bank)(**fields),),
    )
    switch = Switch(settings, epoch=9, last_id=1, last_stans={})
    switch.restore([replace(charge) for charge in world.journal.charges()], world.now)
    return switch
