"""A host that answers nothing gets nothing new until it answers again."""

from __future__ import annotations

from routing.charge import State
from tests.routing.world import ANSWER_TIMEOUT_S, BANK, World, answer, sale

PAUSE_S = 30.0


def silent_host(count: int = 3) -> World:
    """A host that left so many charges unanswered."""
    world = World(host_settings={"silences_max": 3, "silence_pause_s": PAUSE_S})
    for stan in range(1, count + 1):
        world.says(stan, sale(stan=stan, de41=f"T{stan:07d}"))
    world.wait(ANSWER_TIMEOUT_S + 0.5)
    return world


def test_a_silent_host_gets_no_new_charge_and_terminals_get_91_at_once() -> None:
    world = silent_host()
    sent = len(world.charges_sent)
    world.says(9, sale(stan=9))
    assert world.codes(9) == ["91"]
    assert len(world.charges_sent) == sent
    assert world.switch.hosts[BANK].breaker.opened == 1
    assert len(world.reversals_sent) >= 3


def test_fewer_silences_do_not_open_it() -> None:
    world = silent_host(2)
    world.says(9, sale(stan=9))
    assert world.codes(9) == []


def test_after_the_pause_one_charge_goes_to_see_and_its_silence_opens_it_again() -> None:
    world = silent_host()
    world.wait(PAUSE_S)
    world.says(9, sale(stan=9))
    world.says(10, sale(stan=10, de41="T0000010"))
    assert (world.codes(9), world.codes(10)) == ([], ["91"])
    world.wait(ANSWER_TIMEOUT_S + 0.5)
    world.says(11, sale(stan=11, de41="T0000011"))
    assert world.codes(11) == ["91"]


def test_any_answer_closes_it() -> None:
    world = silent_host()
    world.answers(answer(world.reversals_sent[-1]))
    world.says(9, sale(stan=9))
    world.answers(answer(world.charges_sent[-1]))
    assert world.codes(9) == ["00"]
    assert world.state(9) is State.APPROVED


def test_a_lost_link_is_no_silence() -> None:
    world = World(host_settings={"silences_max": 1})
    world.says(1, sale())
    world.switch.link_down(BANK, 9001, world.now)
    world.settle()
    assert not world.switch.hosts[BANK].breaker.is_open
