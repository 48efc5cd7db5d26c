"""Other rules while charges are open: they keep theirs, removed hosts keep their reversals."""

from __future__ import annotations

from typing import Any

import msgspec

from routing.charge import State
from routing.host_settings import HostSettings
from routing.limits import LimitSettings
from routing.reload import reload
from routing.routes import Route
from routing.service import Merchant, Proof
from routing.settings import Settings
from tests.routing.world import (
    ANSWER_TIMEOUT_S,
    BANK,
    ISO,
    LINK,
    MERCHANT,
    World,
    answer,
    confirmation,
    sale,
)

NEW, NEW_LINK = "newcomer", 9_200


def bank(name: str = BANK, **settings: Any) -> HostSettings:
    rules = {"echo_idle_s": 0.0, "answer_timeout_s": ANSWER_TIMEOUT_S} | settings
    return HostSettings(name=name, **rules)


def reloaded(world: World, **changes: Any) -> None:
    settings: Settings = msgspec.structs.replace(world.settings, **changes)
    reload(world.switch, settings)


def moved_to_the_new_host(world: World) -> None:
    reloaded(world, hosts=(bank(NEW),))
    world.switch.link_up(NEW, NEW_LINK, world.now)


def answered_by(world: World, host: str, link: int) -> None:
    message = answer(world.got[-1].message)
    world.switch.from_host(host, link, message, world.now, mac_good=True)
    world.settle()


def test_a_host_that_is_new_gets_charges_at_once() -> None:
    world = World(ISO)
    moved_to_the_new_host(world)
    world.says(1, sale(ISO))
    assert world.got[-1].link == NEW_LINK
    answered_by(world, NEW, NEW_LINK)
    assert world.codes(1) == ["00"]


def test_a_removed_host_answers_its_open_charge_and_gets_its_reversals() -> None:
    world = World(ISO)
    world.says(1, sale(ISO))
    moved_to_the_new_host(world)
    world.wait(ANSWER_TIMEOUT_S + 1)
    (reversal,) = world.reversals_sent
    assert world.got[-1].link == LINK
    world.answers(answer(reversal))
    assert world.state() is State.REVERSED


def test_a_removed_host_is_closed_once_nothing_of_it_is_open() -> None:
    world = World(ISO)
    world.says(1, sale(ISO))
    moved_to_the_new_host(world)
    world.wait(2)
    assert world.closed_links == []
    answered_by(world, BANK, LINK)
    world.acknowledge()
    world.wait(2)
    assert [each.link for each in world.closed_links] == [LINK]
    assert set(world.switch.hosts) == {NEW}
    world.switch.link_down(BANK, LINK, world.now)
    world.answers(answer(sale(ISO)))  # too late: nobody knows this host any more
    assert world.state() is State.PRESUMED_SERVED


def test_a_removed_host_that_comes_back_goes_on_with_its_numbers() -> None:
    world = World(ISO)
    world.says(1, sale(ISO))
    before = world.charges_sent[-1][11]
    world.answers(answer(world.charges_sent[-1]))
    world.acknowledge()
    moved_to_the_new_host(world)
    world.wait(2)
    assert BANK not in world.switch.hosts
    reloaded(world)
    world.switch.link_up(BANK, LINK + 1, world.now)
    world.says(1, sale(ISO, 2))
    assert world.got[-1].link == LINK + 1
    assert world.charges_sent[-1][11] > before


def test_a_host_that_is_put_back_before_it_was_gone_takes_charges_again() -> None:
    world = World(ISO)
    world.says(1, sale(ISO))
    moved_to_the_new_host(world)
    reloaded(world)
    world.says(1, sale(ISO, 2))
    assert world.got[-1].link == LINK


def test_a_replaced_link_carries_nothing_new_and_is_closed_when_it_is_empty() -> None:
    world = World(ISO)
    world.says(1, sale(ISO))
    world.switch.departures.replace(BANK, [LINK], world.now)
    world.switch.link_up(BANK, LINK + 1, world.now)
    world.says(1, sale(ISO, 2))
    assert [got.link for got in world.got] == [LINK, LINK + 1]
    world.wait(2)
    assert world.closed_links == []
    world.answers(answer(world.charges_sent[0]))
    world.wait(2)
    assert {each.link for each in world.closed_links} == {LINK}


def test_an_open_charge_keeps_its_class_and_a_new_one_gets_the_new() -> None:
    world = World(ISO)
    first = world.approved(1)
    confirms = Merchant(id=MERCHANT, proof=Proof.CONFIRMATION, window_s=8.0)
    reloaded(world, merchants=(confirms,))
    world.acknowledge(1)
    assert world.state(1) is State.PRESUMED_SERVED
    second = world.approved(2)
    world.acknowledge(2)
    assert world.state(2) is State.DELIVERED
    world.says(1, confirmation(second))
    assert world.state(2) is State.SERVED
    assert first[11] != second[11]


def test_routes_and_limits_change_and_what_persons_set_holds_until_the_file_says_otherwise() -> (
    None
):
    world = World(ISO)
    reloaded(world, limits=LimitSettings(amount_max=10))
    world.says(1, sale(ISO))
    assert world.codes(1) == ["61"]
    changes = world.switch.limit_changes
    changes.propose(LimitSettings(amount_max=0), "ann", world.now)
    changes.confirm("bob", world.now)
    reloaded(world, limits=LimitSettings(amount_max=10))
    world.says(1, sale(ISO, 2))
    assert len(world.charges_sent) == 1
    reloaded(world, limits=LimitSettings(amount_max=20), routes=(Route(host=BANK, mti=("0100",)),))
    world.says(2, sale(ISO, 3))
    assert world.codes(2) == ["61"]
    reloaded(world, routes=(Route(host=BANK, mti=("0100",)),))
    world.says(3, sale(ISO, 4))
    assert world.codes(3) == ["31"]


def test_a_hosts_rules_change_while_its_links_stay() -> None:
    world = World(ISO)
    reloaded(world, hosts=(bank(in_flight_max=1, silences_max=1, answer_timeout_s=2.0),))
    world.says(1, sale(ISO))
    world.says(1, sale(ISO, 2))
    assert world.codes(1) == ["91"]
    world.wait(3)
    assert world.switch.hosts[BANK].breaker.is_open
