"""Whoever waits for a time is told of it in order, and is let go of once it waits no more."""

from __future__ import annotations

import gc
import weakref
from random import Random
from typing import TYPE_CHECKING

import pytest

from routing.charge import State
from routing.deadlines import Deadlines
from tests.routing.world import World, answer, sale

if TYPE_CHECKING:
    from routing.deadlines import Due

SPANS = (0.5, 3.0, 30.0, 60.0)


class Waiter:
    """Something that waits."""

    def __init__(self) -> None:
        self.due: Due | None = None


def random_span(rng: Random) -> float:
    """One of a few spans, nearly always; any other fills the lanes, and then the heap."""
    return rng.choice(SPANS) if rng.random() < 0.7 else round(rng.random() * 40.0, 1)


@pytest.mark.parametrize("seed", range(8))
def test_they_come_due_in_the_order_of_their_times_whatever_leaves_meanwhile(seed: int) -> None:
    rng = Random(seed)  # noqa: S311 - a repeatable one is wanted
    deadlines, now = Deadlines(), 0.0
    waiting: dict[Waiter, tuple[float, int]] = {}
    for number in range(2_000):
        now += rng.random() * 0.05
        if waiting and rng.random() < 0.4:
            waiter = rng.choice(list(waiting))
            del waiting[waiter]
            assert waiter.due is not None
            deadlines.leave(waiter.due)
        else:
            waiter = Waiter()
        if waiter.due is None or rng.random() < 0.5:
            at = now + random_span(rng)
            waiter.due = deadlines.watch(waiter, at)
            waiting[waiter] = (at, number)
        expected = sorted((when, each) for each, when in waiting.items() if when[0] <= now)
        found = list(deadlines.over(now))
        assert found == [each for _, each in expected]
        assert all(each.due is None for each in found)
        for _, each in expected:
            del waiting[each]
        assert len(deadlines) == len(waiting)
        assert deadlines.next_at() == min((when[0] for when in waiting.values()), default=None)


def test_who_leaves_is_held_no_longer_though_its_time_is_far() -> None:
    deadlines = Deadlines()
    waiters = [Waiter() for _ in range(20)]
    for at, waiter in enumerate(reversed(waiters)):
        # Each earlier than the one before: the lanes take some, the heap takes the rest.
        waiter.due = deadlines.watch(waiter, 1_000.0 - at)
    watched = [weakref.ref(each) for each in waiters]
    while waiters:
        waiter = waiters.pop()
        assert waiter.due is not None
        deadlines.leave(waiter.due)
        del waiter
    gc.collect()
    assert [each() for each in watched] == [None] * 20
    assert deadlines.next_at() is None


def test_a_place_that_was_left_can_be_left_again() -> None:
    deadlines, first, second = Deadlines(), Waiter(), Waiter()
    place = deadlines.watch(first, 1.0)
    deadlines.leave(place)
    second.due = deadlines.watch(second, 2.0)
    deadlines.leave(place)
    assert list(deadlines.over(3.0)) == [second]


def test_a_charge_that_ended_waits_for_nothing(world: World) -> None:
    deadlines = world.switch.life.deadlines
    world.approved()
    assert len(deadlines) == 0
    world.acknowledge()
    assert world.state() is State.PRESUMED_SERVED
    world.says(1, sale(world.name, 2))
    assert len(deadlines) == 1
    world.answers(answer(world.charges_sent[1], "51"))
    assert world.state(2) is State.DECLINED
    assert len(deadlines) == 0


def test_a_charge_that_is_reversed_waits_until_the_host_acknowledged(world: World) -> None:
    deadlines = world.switch.life.deadlines
    world.reversal_due()
    assert len(deadlines) == 1
    world.answers(answer(world.reversals_sent[0]))
    assert world.state() is State.REVERSED
    assert len(deadlines) == 0
