"""Sales that were delivered and then taken back, once too often."""

from __future__ import annotations

import pytest

from routing.charge import State
from routing.conduct import AbuseSettings
from tests.routing.world import OTHER_PAN, World, answer, confirmation, reversal, void

WINDOW = 1_000.0


def world_of(**limits: int) -> World:
    return World(abuse=AbuseSettings(window_s=WINDOW, **limits))


def takes_back(world: World, stan: int, **changes: object) -> State:
    """A sale that was delivered, and then the terminal's reversal of it."""
    request = world.approved(stan, conn=stan, **changes)
    world.acknowledge(stan, conn=stan)
    world.says(stan, reversal(request))
    state = world.state(stan)
    if state is State.REVERSAL_DUE:
        world.wait(0.25)
        world.answers(answer(world.reversals_sent[-1]))
    return state


@pytest.mark.parametrize("limit", ["terminal_reversals_max", "card_reversals_max"])
def test_one_too_many_is_held_for_review(limit: str) -> None:
    world = world_of(**{limit: 2})
    assert [takes_back(world, stan) for stan in (1, 2)] == [State.REVERSAL_DUE] * 2
    assert takes_back(world, 3) is State.CASE
    assert world.charge(3).reason == "held_for_review"
    assert world.codes(3) == ["00", "00"]
    assert world.switch.life.conduct.held == 1


def test_another_terminal_and_another_card_are_not_held() -> None:
    world = world_of(card_reversals_max=1)
    takes_back(world, 1)
    assert takes_back(world, 2, de2=OTHER_PAN, de35=None) is State.REVERSAL_DUE
    world = world_of(terminal_reversals_max=1)
    takes_back(world, 1)
    assert takes_back(world, 2, de41="T0000002") is State.REVERSAL_DUE


def test_after_the_window_all_is_forgiven() -> None:
    world = world_of(terminal_reversals_max=1)
    takes_back(world, 1)
    world.wait(WINDOW + 1, step_s=50)
    assert takes_back(world, 2) is State.REVERSAL_DUE


def test_it_is_remembered_over_a_restart() -> None:
    world = world_of(terminal_reversals_max=1)
    takes_back(world, 1)
    world.restart()
    assert takes_back(world, 2) is State.CASE


def test_a_lost_answer_is_no_abuse() -> None:
    world = world_of(terminal_reversals_max=1)
    for stan in (1, 2, 3):
        request = world.approved(stan, conn=stan)
        world.says(stan, reversal(request))
        assert world.state(stan) is State.REVERSAL_DUE
    assert world.switch.life.conduct.held == 0


def test_negative_confirmations_count_as_well() -> None:
    world = world_of(terminal_reversals_max=1)
    for stan, state in ((1, State.REVERSAL_DUE), (2, State.CASE)):
        request = world.approved(stan, conn=stan)
        world.acknowledge(stan, conn=stan)
        world.says(stan, confirmation(request, served=False))
        assert world.state(stan) is state


def test_a_void_that_its_terminal_takes_back_is_no_abuse() -> None:
    world = world_of(terminal_reversals_max=1)
    for stan in (1, 2):
        request = world.approved(stan, conn=stan)
        world.acknowledge(stan, conn=stan)
        undoing = void(request, stan=50 + stan)
        world.says(stan, undoing)
        world.answers(answer(world.charges_sent[-1]))
        world.acknowledge(50 + stan, conn=stan)
        world.says(stan, reversal(undoing))
        assert world.state(50 + stan) is State.REVERSAL_DUE


def test_without_limits_nothing_is_counted() -> None:
    world = World()
    for stan in range(1, 6):
        assert takes_back(world, stan) is State.REVERSAL_DUE
    assert world.journal.entries == []
