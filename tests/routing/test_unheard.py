"""Messages whose MAC nobody can check now: answered at once where that can't be untrue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.routing.test_pressure import approved, told_at_once
from tests.routing.world import (
    ISO,
    LISTENER,
    World,
    confirmation,
    reversal,
    sale,
    service,
    void,
)

if TYPE_CHECKING:
    from codec import Message


def comes(world: World, message: Message, conn: int = 1, *, may_wait: bool = True) -> bool:
    """A message comes; whether it was answered."""
    terminals = world.switch.terminals
    return terminals.unheard(conn, LISTENER, message.copy(), world.now, may_wait=may_wait)


def test_a_new_sale_is_told_96_and_stays_refused_on_older_connections(world: World) -> None:
    assert comes(world, sale(world.name), 2)
    assert told_at_once(world, 2) == ["96"]
    world.says(1, sale(world.name))
    assert world.codes(1) == ["96"]
    world.says(2, sale(world.name))
    assert len(world.charges_sent) == 1


def test_a_repeat_gets_neither_the_stored_answer_nor_a_refusal(world: World) -> None:
    request = approved(world)
    for may_wait in (True, False):
        assert not comes(world, request, may_wait=may_wait)
    assert told_at_once(world) == []
    assert not world.switch.has_effects


def test_what_would_prove_an_earlier_sale_is_not_answered_and_proves_nothing() -> None:
    world = World(ISO, service=service("next_message"))
    approved(world)
    before = world.state()
    assert not comes(world, sale(ISO, 2))
    assert world.state() is before
    assert not world.switch.has_effects


@pytest.mark.parametrize("knows", [True, False])
def test_what_only_the_journal_may_know_is_answered_if_it_does_not(knows: bool) -> None:
    world = World(ISO, ended_max=1)
    world.switch.life.book.forgets = True
    assert comes(world, sale(ISO))
    _, (question,) = world.switch.take_beside()
    question.answered(knows, world.now)
    assert told_at_once(world) == ([] if knows else ["96"])
    assert world.switch.life.pressure.unanswered == knows
    assert not world.switch.has_effects


def test_what_brings_money_to_its_end_waits_while_there_is_room_and_then_is_told_96(
    confirming: World,
) -> None:
    request = approved(confirming)
    before = confirming.state()
    for message in (reversal(request), confirmation(request)):
        assert not comes(confirming, message)
        assert told_at_once(confirming) == []
        assert comes(confirming, message, may_wait=False)
        assert told_at_once(confirming) == ["96"]
    assert confirming.state() is before
    assert confirming.at_host("04") == []


def test_a_void_is_told_96_and_what_is_not_well_formed_30(world: World) -> None:
    request = approved(world)
    world.switch.acknowledged(world.charge(), 1, world.now)
    world.settle()
    assert comes(world, void(request))
    assert told_at_once(world) == ["96"]
    assert comes(world, sale(world.name, 3, de4=None))
    assert told_at_once(world) == ["30"]
