"""Several hosts of one route: in turn, by weight, and only for charges that were never sent."""

from __future__ import annotations

from collections import Counter

import pytest

from routing.charge import State
from routing.host_settings import HostSettings
from routing.routes import Route, RouteTable
from tests.routing.test_network import network
from tests.routing.test_settlement_day import cut_over
from tests.routing.world import ANSWER_TIMEOUT_S, BANK, ISO, LINK, World, answer, sale, void

OTHER, SPARE_LINK = "spare", 9_100


def two_hosts(**route: object) -> World:
    hosts = tuple(
        HostSettings(name=name, echo_idle_s=0.0, answer_timeout_s=ANSWER_TIMEOUT_S)
        for name in (BANK, OTHER)
    )
    routes = (Route(hosts=(BANK, OTHER), **route),)  # type: ignore[arg-type]
    world = World(ISO, hosts=hosts, routes=routes)
    world.switch.link_up(OTHER, SPARE_LINK, world.now)
    return world


@pytest.fixture
def pair() -> World:
    """Two hosts of one route whose contract allows fail-over."""
    return two_hosts(failover=True)


def links(world: World) -> list[int]:
    return [got.link for got in world.got if got.message.mti == "0200"]


def test_the_first_host_gets_everything_while_it_can(pair: World) -> None:
    for stan in (1, 2, 3):
        pair.says(1, sale(ISO, stan))
    assert links(pair) == [LINK] * 3
    assert pair.switch.terminals.admission.failed_over == 0


def test_the_next_host_gets_what_the_first_can_not_take(pair: World) -> None:
    pair.answers(network(ISO, "sign-off"))
    pair.says(1, sale(ISO))
    assert links(pair) == [SPARE_LINK]
    assert pair.switch.terminals.admission.failed_over == 1
    pair.answers(network(ISO, "sign-on"))
    pair.says(1, sale(ISO, 2))
    assert links(pair) == [SPARE_LINK, LINK]


def test_a_host_that_cuts_over_is_stood_in_for(pair: World) -> None:
    pair.answers(cut_over("201"))
    pair.says(1, sale(ISO))
    assert links(pair) == [SPARE_LINK]


def test_without_the_contracts_word_a_charge_is_refused_instead() -> None:
    world = two_hosts(weights=(1, 1))
    world.switch.link_down(BANK, LINK, world.now)
    for stan in (1, 2):
        world.says(1, sale(ISO, stan))
    assert links(world) == [SPARE_LINK]
    assert world.codes(1) == ["91"]


def test_when_no_host_can_the_code_is_the_first_ones(pair: World) -> None:
    pair.answers(cut_over("201"))
    pair.switch.link_down(OTHER, SPARE_LINK, pair.now)
    pair.says(1, sale(ISO))
    assert pair.codes(1) == ["90"]


def test_a_charge_that_was_sent_is_never_given_to_another_host(pair: World) -> None:
    request = sale(ISO)
    pair.says(1, request)
    pair.switch.link_down(BANK, LINK, pair.now)
    pair.settle()
    pair.says(1, request)
    pair.wait(20)
    assert links(pair) == [LINK]
    assert pair.state() is State.REVERSAL_DUE
    assert pair.reversals_sent == []
    pair.switch.link_up(BANK, LINK + 5, pair.now)
    pair.wait(5)
    assert {got.link for got in pair.got if got.message.mti[1] == "4"} == {LINK + 5}


def test_what_the_journal_held_when_its_link_went_is_refused_and_not_failed_over(
    pair: World,
) -> None:
    pair.hears(1, sale(ISO))
    waiting = pair.commit()
    pair.gone.add(LINK)
    pair.release(waiting)
    pair.settle()
    assert links(pair) == []
    assert pair.codes(1) == ["91"]


def test_a_void_goes_where_its_original_went(pair: World) -> None:
    pair.answers(network(ISO, "sign-off"))
    request = sale(ISO)
    pair.says(1, request)
    pair.switch.from_host(OTHER, SPARE_LINK, answer(pair.charges_sent[-1]), pair.now, mac_good=True)
    pair.settle()
    pair.answers(network(ISO, "sign-on"))
    pair.says(1, void(request))
    assert links(pair) == [SPARE_LINK, SPARE_LINK]


def test_weights_share_the_charges_of_a_route() -> None:
    table = RouteTable([Route(hosts=("a", "b"), weights=(3, 1))], "a")
    taken = Counter(table.hosts_for(ISO, "0200", "", "") for _ in range(40))
    assert taken == {("a",): 30, ("b",): 10}
    table = RouteTable([Route(hosts=("a", "b", "c"), weights=(1, 1, 1), failover=True)], "a")
    orders = {table.hosts_for(ISO, "0200", "", "") for _ in range(6)}
    assert orders == {("a", "b", "c"), ("b", "a", "c"), ("c", "a", "b")}
