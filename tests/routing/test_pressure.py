"""A gateway that is full: nobody waits, nothing that brings money to its end is turned away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from routing import pressure
from routing.charge import State
from tests.routing.street import sign_in
from tests.routing.world import (
    ISO,
    LINK,
    POS,
    World,
    answer,
    confirmation,
    refund,
    repeated,
    reversal,
    sale,
    service,
    void,
)

if TYPE_CHECKING:
    from codec import Message

OTHER = "T0000002"


def full(world: World) -> None:
    """As much waits for the journal as may wait."""
    world.switch.life.pressure.is_full = True


def approved(world: World, stan: int = 1, conn: int = 1, **changes: str | None) -> Message:
    """A sale that the host approved and whose terminal was told so."""
    request = sale(world.name, stan, **changes)
    world.says(conn, request)
    world.answers(answer(world.charges_sent[-1]))
    return request


def told_at_once(world: World, conn: int = 1) -> list[str]:
    """DE 39 of what leaves without waiting for the journal."""
    express = world.switch.take_express()
    return [each.message[39] for each in express if each.conn == conn]  # type: ignore[union-attr]


def test_a_new_sale_is_refused_at_once_and_waits_for_nothing(world: World) -> None:
    full(world)
    world.hears(1, sale(world.name))
    assert told_at_once(world) == ["96"]
    assert not world.switch.has_effects
    assert world.switch.life.pressure.refused == 1


def test_when_there_is_room_again_the_same_sale_is_taken(world: World) -> None:
    full(world)
    world.says(1, sale(world.name))
    world.switch.take()
    world.says(1, repeated(sale(world.name)))
    assert len(world.charges_sent) == 1


def test_a_refused_sale_that_was_under_way_on_an_older_connection_is_refused_there_too(
    world: World,
) -> None:
    full(world)
    world.says(2, sale(world.name))
    world.switch.take()
    world.says(1, sale(world.name))
    assert world.codes(1) == ["96"]
    assert world.charges_sent == []


def test_a_repeat_gets_its_charges_answer_and_no_refusal(world: World) -> None:
    request = approved(world)
    full(world)
    world.says(1, repeated(request))
    assert world.codes(1) == ["00", "00"]


def test_a_repeat_of_a_sale_under_way_waits_for_its_answer(world: World) -> None:
    world.says(1, sale(world.name))
    full(world)
    world.says(1, repeated(sale(world.name)))
    assert world.codes(1) == []
    full(world)
    world.answers(answer(world.charges_sent[0]))
    assert world.codes(1) == ["00"]


def test_a_reversal_is_taken_and_goes_to_the_host(world: World) -> None:
    request = approved(world)
    full(world)
    world.says(1, reversal(request))
    assert world.codes(1) == ["00", "00"]
    assert world.state() is State.REVERSAL_DUE
    assert len(world.at_host("0400") or world.at_host("0420")) == 1


def test_a_reversal_of_what_never_came_is_taken_too(world: World) -> None:
    full(world)
    world.says(1, reversal(sale(world.name)))
    assert world.codes(1) != ["96"]
    world.says(1, sale(world.name))
    assert world.charges_sent == []


def test_a_confirmation_is_taken(confirming: World) -> None:
    request = approved(confirming)
    full(confirming)
    confirming.says(1, confirmation(request))
    assert confirming.codes(1) == ["00", "00"]
    assert confirming.state() is State.SERVED


def test_voids_and_refunds_are_refused_at_once(world: World) -> None:
    request = approved(world)
    world.switch.acknowledged(world.charge(), 1, world.now)
    world.settle()
    full(world)
    world.hears(1, void(request))
    world.hears(1, refund(request))
    assert told_at_once(world) == ["96", "96"]
    assert not world.switch.life.outbox.sends


def test_a_completion_is_refused_before_the_journal_is_asked_for_its_hold() -> None:
    world = World(ISO, ended_max=1)
    full(world)
    world.hears(1, sale(ISO, mti="0220", de3="000000", de25="06", de38="AUTH42"))
    assert not world.switch.life.outbox.lookups


def test_enquiries_and_sign_ins_are_refused_at_once() -> None:
    world = World(POS, listener_settings={"keys": "working"})
    full(world)
    world.hears(1, sign_in(POS))
    assert told_at_once(world) == ["96"]
    assert not world.switch.has_effects
    world = World(ISO)
    full(world)
    world.hears(1, sale(ISO, mti="0100", de3="310000", de4=None))
    assert told_at_once(world) == ["96"]


def test_a_wrong_mac_is_answered_as_ever(world: World) -> None:
    full(world)
    world.says(1, sale(world.name), mac_good=False)
    assert world.codes(1) == ["A0"]


def test_a_refusal_that_proves_the_last_sale_leaves_once_that_is_durable() -> None:
    world = World(ISO, service=service("next_message"))
    approved(world)
    full(world)
    world.hears(1, sale(ISO, 2))
    assert told_at_once(world) == []
    world.settle()
    assert world.codes(1) == ["00", "96"]
    assert world.state() is State.SERVED


# What memory has forgotten


def test_what_the_journal_does_not_know_is_refused_without_waiting_for_a_batch() -> None:
    world = World(ISO, ended_max=1)
    approved(world)
    full(world)
    world.hears(2, sale(ISO, 2, de41=OTHER))
    _, questions = world.switch.take_beside()
    assert len(questions) == 1
    assert not world.switch.has_effects
    questions[0].answered(world.journal.knows(questions[0].identity), world.now)
    assert told_at_once(world, 2) == ["96"]


def test_a_repeat_of_what_only_the_journal_knows_gets_its_answer() -> None:
    world = World(ISO, ended_max=1)
    first = approved(world)
    world.switch.acknowledged(world.charge(1), 1, world.now)
    for stan in (2, 3):
        other = approved(world, stan, 2, de41=OTHER)
        world.switch.acknowledged(world.charge(stan), 2, world.now)
        world.settle()
    assert world.switch.life.book.get(1) is None
    assert other is not first
    full(world)
    world.says(1, repeated(first))
    assert world.codes(1) == ["00", "00"]


# The bounds of what is taken


def test_a_connection_may_have_only_so_many_reversals_in_a_batch_and_its_neighbour_as_many() -> (
    None
):
    most = 3
    world = World(ISO, in_flight_per_connection_max=most)
    requests = [sale(ISO, stan) for stan in range(1, most + 2)]
    neighbour = approved(world, 9, 2, de41=OTHER)
    full(world)
    for request in requests:
        world.hears(1, reversal(request))
    assert told_at_once(world) == ["96"]
    world.hears(2, reversal(neighbour))
    assert told_at_once(world, 2) == []
    world.settle()
    assert world.codes(2) == ["00", "00"]


def test_the_next_batch_has_room_for_the_same_connection_again() -> None:
    world = World(ISO, in_flight_per_connection_max=1)
    first, second = approved(world, 1), approved(world, 2)
    full(world)
    world.hears(1, reversal(first))
    world.hears(1, reversal(second))
    assert told_at_once(world) == ["96"]
    world.settle()
    full(world)
    world.says(1, reversal(second))
    assert world.state(2) is State.REVERSAL_DUE


def test_above_the_highest_mark_a_reversal_is_told_96_and_a_repeat_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = approved(world)
    full(world)
    monkeypatch.setattr(pressure, "RESOLVING_EFFECTS_MAX", 0)
    world.says(1, reversal(request))
    full(world)
    world.says(1, repeated(request))
    assert world.codes(1) == ["00", "96"]
    assert world.switch.life.pressure.unanswered == 1
    assert world.state() is State.APPROVED
    assert world.at_host("04") == []


def test_a_hosts_answer_is_never_turned_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.says(1, sale(world.name))
    full(world)
    monkeypatch.setattr(pressure, "RESOLVING_EFFECTS_MAX", 0)
    world.answers(answer(world.charges_sent[0]), LINK)
    assert world.codes(1) == ["00"]
