"""A terminal's own reversal: found, answered, never made twice; also when it overtakes its sale."""

from __future__ import annotations

from typing import Any

import pytest

from routing.charge import State
from routing.effects import Lookup, Outbox
from tests.routing.world import (
    ANSWER_TIMEOUT_S,
    BANK,
    ISO,
    LINK,
    OTHER_LINK,
    POS,
    World,
    answer,
    confirmation,
    repeated,
    reversal,
    sale,
)


@pytest.mark.parametrize("mti", ["0400", "0401", "0420", "0421"])
def test_every_form_of_a_1987_reversal_is_understood(mti: str) -> None:
    world = World(ISO)
    request = world.approved()
    world.says(1, reversal(request, mti=mti))
    told = world.told[-1].message
    assert (told.mti, told[39]) == ("0410" if mti[2] == "0" else "0430", "00")
    assert world.state() is State.REVERSAL_DUE


def test_a_reversal_is_answered_00_and_made_good_towards_the_host(world: World) -> None:
    request = world.approved()
    world.says(1, reversal(request))
    assert world.codes(1) == ["00", "00"]
    assert world.charge().reason.startswith("terminal_")
    (sent,) = world.reversals_sent
    world.answers(answer(sent))
    assert world.state() is State.REVERSED


def test_a_reversal_repeated_is_answered_again_and_made_once(world: World) -> None:
    request = world.approved()
    for _ in range(3):
        world.says(1, reversal(request))
    world.answers(answer(world.reversals_sent[0]))
    world.says(1, reversal(request))
    assert world.codes(1) == ["00"] * 5
    assert len(world.reversals_sent) == 1


def test_a_presumed_service_may_be_taken_back_by_its_terminal(world: World) -> None:
    request = world.approved()
    world.acknowledge()
    world.says(1, reversal(request))
    assert world.state() is State.REVERSAL_DUE


def test_a_reversal_while_the_original_is_in_flight(world: World) -> None:
    request = sale(world.name)
    world.says(1, request)
    world.says(2, reversal(request))
    assert world.codes(2) == ["00"]
    assert world.codes(1) == ["68" if world.name == ISO else "98"]
    world.answers(answer(world.charges_sent[0]))
    assert len(world.codes(1)) == 1
    assert world.charge().approval_held
    assert world.state() is State.REVERSAL_DUE


def test_a_declined_original_is_answered_12_and_never_reversed(world: World) -> None:
    request = sale(world.name)
    world.says(1, request)
    world.answers(answer(world.charges_sent[0], "51"))
    world.says(1, reversal(request))
    assert world.codes(1) == ["51", "12"]
    assert world.reversals_sent == []
    assert world.state() is State.DECLINED


def test_an_original_that_never_left_is_answered_12(world: World) -> None:
    world.gone.add(world.links[0])
    request = sale(world.name)
    world.says(1, request)
    world.says(1, reversal(request))
    assert world.codes(1) == ["91", "12"]


def test_an_unknown_original_is_answered_in_the_dialects_own_way(world: World) -> None:
    world.says(1, reversal(sale(world.name)))
    assert world.codes(1) == ["25" if world.name == ISO else "00"]
    assert world.got == []


def test_a_reversal_that_overtook_its_sale_leaves_a_tombstone(world: World) -> None:
    request = sale(world.name)
    world.says(1, reversal(request))
    world.says(2, request)
    world.says(2, repeated(request))
    assert world.codes(2) == ["22", "22"]
    assert world.got == []


def test_a_tombstone_is_for_that_very_charge(world: World) -> None:
    world.says(1, reversal(sale(world.name)))
    other: dict[str, Any] = (
        {"de7": "1124171500", "de13": "1124"} if world.name == ISO else {"de60": "22000008000"}
    )
    world.says(1, sale(world.name, **other))
    world.says(1, sale(world.name, 2))
    assert len(world.charges_sent) == 2


def test_tombstones_are_bounded(world: World) -> None:
    world = World(world.name, tombstones_max=2)
    for stan in (1, 2, 3, 1):
        world.says(1, reversal(sale(world.name, stan)))
    assert world.switch.terminals.admission.tombstones.unsaid == 1
    assert len(world.codes(1)) == 3, "what could not be remembered was not answered"
    world.says(2, sale(world.name, 2))
    assert world.codes(2) == ["22"]


def test_tombstones_make_room_when_nothing_can_come_so_late_any_more(world: World) -> None:
    world = World(world.name, tombstones_max=1, late_request_s=60.0)
    world.says(1, reversal(sale(world.name)))
    world.wait(61.0)
    world.says(1, reversal(sale(world.name, 2)))
    assert len(world.codes(1)) == 2
    world.says(2, sale(world.name))
    assert len(world.charges_sent) == 1


def test_what_was_refused_does_not_become_a_charge_over_an_older_connection(world: World) -> None:
    request = sale(world.name)
    world.switch.link_down(BANK, LINK, world.now)
    world.says(2, repeated(request))
    world.switch.link_up(BANK, OTHER_LINK, world.now)
    world.says(1, request)
    assert world.codes(2) == world.codes(1) == ["91"]
    assert world.got == []


@pytest.mark.parametrize("conn", [2, 3])
def test_a_terminal_may_ask_again_for_what_was_refused(world: World, conn: int) -> None:
    request = sale(world.name)
    world.switch.link_down(BANK, LINK, world.now)
    world.says(2, request)
    world.switch.link_up(BANK, OTHER_LINK, world.now)
    world.says(conn, repeated(request))
    assert len(world.charges_sent) == 1


def test_remembered_refusals_are_one_for_each_terminal(world: World) -> None:
    world = World(world.name, tombstones_max=2)
    world.switch.link_down(BANK, LINK, world.now)
    for stan in (1, 2, 3, 4):
        world.says(2, sale(world.name, stan))
    assert len(world.switch.terminals.admission.tombstones) == 1
    assert len(world.codes(2)) == 4


def test_whoever_was_refused_once_more_is_not_charged_for_the_sale_before(world: World) -> None:
    world.switch.link_down(BANK, LINK, world.now)
    for stan in (1, 2):
        world.says(2, sale(world.name, stan))
    world.switch.link_up(BANK, OTHER_LINK, world.now)
    world.says(1, sale(world.name, 1))
    assert world.codes(1) == ["91"]
    world.says(1, sale(world.name, 3))
    assert len(world.charges_sent) == 1, "on the older connection as well a new sale is one"


def test_a_sale_that_comes_while_its_reversal_is_looked_up_is_reversed(world: World) -> None:
    """Between the question to the journal and its answer the original may still arrive."""
    request = sale(world.name)
    world.hears(1, reversal(request))
    (lookup,) = (outbox := world.switch.take()).lookups
    assert isinstance(lookup, Lookup)
    world.says(2, request)
    world.release(Outbox(sends=outbox.sends))
    lookup.found(None, world.now)
    world.settle()
    assert world.codes(1) == ["00"]
    assert world.state() is State.REVERSAL_DUE


def test_a_reversal_after_a_restart_finds_its_original(world: World) -> None:
    request = world.approved()
    world.restart()
    world.says(1, reversal(request))
    assert world.codes(1) == ["00"]
    (sent,) = world.reversals_sent
    assert sent[2] == request[2]


def test_a_reversal_of_a_charge_that_memory_forgot_is_looked_up(world: World) -> None:
    world = World(world.name, ended_max=1)
    request = world.approved(1)
    world.acknowledge(1)
    for stan in (2, 3):
        world.says(1, sale(world.name, stan))
        world.answers(answer(world.charges_sent[-1], "51"))
    assert world.switch.life.book.get(1) is None
    world.says(1, reversal(request))
    assert world.codes(1)[-1] == "00"
    world.answers(answer(world.reversals_sent[-1]))
    assert world.journal.charge(1).state is State.REVERSED


def test_a_reversal_with_another_de7_is_of_another_charge() -> None:
    world = World(ISO)
    request = world.approved()
    world.says(1, reversal(request, de90="0200000001" + "0101000000" + "0" * 22))
    assert world.codes(1)[-1] == "25"
    assert world.state() is State.APPROVED


def test_zeros_for_de7_in_de90_mean_that_the_terminal_does_not_know() -> None:
    world = World(ISO)
    request = world.approved()
    world.says(1, reversal(request, de90="0200000001" + "0" * 32))
    assert world.state() is State.REVERSAL_DUE


def test_a_plain_pos_reversal_may_leave_de61_out() -> None:
    world = World(POS)
    request = world.approved()
    world.says(1, reversal(request, de61=None))
    assert world.state() is State.REVERSAL_DUE


def test_a_pos_reversal_names_its_batch() -> None:
    world = World(POS)
    request = world.approved()
    world.says(1, reversal(request, de61="000008000001"))
    assert world.state() is State.APPROVED


def test_a_preauthorisation_is_reversed_by_its_own_reversal() -> None:
    world = World(POS)
    request = sale(POS, mti="0100", de3="030000", de25="06", de60="10000007000")
    world.says(1, request)
    world.answers(answer(world.charges_sent[0]))
    world.says(1, reversal(request))
    assert world.state() is State.REVERSAL_DUE


@pytest.mark.parametrize("how", ["link", "stay"])
def test_a_reversal_of_what_timed_out_is_the_one_that_is_under_way(world: World, how: str) -> None:
    request = world.reversal_due()
    if how == "link":
        world.lose(1)
    world.says(2, reversal(request))
    assert world.codes(2) == ["00"]
    assert len({m[11] for m in world.reversals_sent}) == 1


def test_a_negative_confirmation_after_its_reversal_is_in_order(world: World) -> None:
    request = world.approved()
    world.says(1, reversal(request))
    world.says(1, confirmation(request, served=False))
    assert world.codes(1)[-1] == "00"
    assert len(world.reversals_sent) == 1


def test_two_terminals_reversals_do_not_meet(world: World) -> None:
    request = world.approved()
    world.says(2, reversal(sale(world.name, de41="T0000002")))
    assert world.state() is State.APPROVED
    world.says(1, reversal(request))
    assert world.state() is State.REVERSAL_DUE


def test_a_timeout_after_the_terminals_reversal_changes_nothing(world: World) -> None:
    request = sale(world.name)
    world.says(1, request)
    world.says(1, reversal(request))
    told = len(world.told)
    world.answers(answer(world.reversals_sent[0]))
    world.wait(ANSWER_TIMEOUT_S * 3)
    assert len(world.told) == told
    assert world.state() is State.REVERSED
