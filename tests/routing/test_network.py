"""Network management, as a host towards terminals and as a client towards hosts."""

from __future__ import annotations

from typing import Any

import pytest

from codec import Message, build, dialect
from tests.routing.world import (
    BANK,
    HEADER,
    ISO,
    LINK,
    OTHER_LINK,
    POS,
    World,
    answer,
    sale,
)

CODES = {"sign-on": "001", "sign-off": "002", "echo": "301"}
POS_MTIS = {"sign-on": "0800", "sign-off": "0820", "echo": "0820"}
IDLE_S = 10.0


def network(name: str, purpose: str) -> Message:
    if name == ISO:
        return build(dialect(ISO), "0800", {7: "1123171500", 11: "000009", 70: CODES[purpose]})
    fields = {11: "000009", 41: "T0000001", 42: "MERCHANT0000001"}
    fields[60] = "00000007" + CODES[purpose]
    return build(dialect(POS), POS_MTIS[purpose], fields, HEADER)


def with_host(name: str, links: int = 1, **settings: Any) -> World:
    return World(name, links=links, host_settings={"echo_idle_s": IDLE_S} | settings)


def answered(world: World, link: int = LINK, code: str = "00") -> None:
    asked = [got.message for got in world.got if got.link == link][-1]
    fields = {de: asked[de] for de in asked.fields()} | {39: code}
    mti = asked.mti[:2] + {"0": "1", "2": "3"}[asked.mti[2]] + "0"
    world.answers(build(asked.dialect, mti, fields, asked.header), link)


@pytest.mark.parametrize("purpose", list(CODES))
@pytest.mark.parametrize("mac_good", [True, False])
def test_terminals_are_answered_00_with_or_without_a_mac(
    world: World, purpose: str, mac_good: bool
) -> None:
    request = network(world.name, purpose)
    world.says(1, request, mac_good=mac_good)
    told = world.told[0].message
    assert told.mti == request.mti[:2] + ("1" if request.mti[2] == "0" else "3") + "0"
    assert (told[39], told[11]) == ("00", "000009")
    assert world.got == []


def test_a_terminal_is_answered_also_while_no_host_can_be_reached(world: World) -> None:
    world.switch.link_down(BANK, LINK, world.now)
    world.says(1, network(world.name, "echo"))
    assert world.codes(1) == ["00"]


def test_a_host_that_wants_a_sign_on_gets_nothing_else_before_it(world: World) -> None:
    world = with_host(world.name, sign_on=True)
    assert world.got[0].message.mti == "0800"
    world.says(1, sale(world.name))
    assert world.codes(1) == ["91"]
    answered(world)
    world.says(1, sale(world.name, 2))
    assert len(world.charges_sent) == 1


def test_a_sign_on_that_is_not_answered_is_asked_for_again(world: World) -> None:
    world = with_host(world.name, sign_on=True)
    world.says(1, sale(world.name))
    assert world.codes(1) == ["91"]
    world.wait(IDLE_S + 1)
    assert len(world.at_host("0800")) == 2
    answered(world)
    world.says(1, sale(world.name, 2))
    assert len(world.charges_sent) == 1


def test_every_link_signs_on_for_itself(world: World) -> None:
    world = with_host(world.name, links=2, sign_on=True)
    answered(world, LINK)
    for stan in (1, 2):
        world.says(1, sale(world.name, stan))
    assert {got.link for got in world.got if got.message.mti == "0200"} == {LINK}


def test_links_take_turns(world: World) -> None:
    world = with_host(world.name, links=2)
    for stan in (1, 2, 3, 4):
        world.says(1, sale(world.name, stan))
    links = [got.link for got in world.got]
    assert sorted(links) == [LINK, LINK, OTHER_LINK, OTHER_LINK]


def test_a_hosts_echo_is_answered_on_its_link(world: World) -> None:
    world.answers(network(world.name, "echo"))
    assert world.got[-1].message[39] == "00"
    assert world.got[-1].link == LINK


def test_after_a_sign_off_nothing_is_sent_until_the_host_signs_on_again(world: World) -> None:
    world = with_host(world.name, links=2)
    world.answers(network(world.name, "sign-off"))
    assert world.got[-1].message[39] == "00"
    world.says(1, sale(world.name))
    assert world.codes(1) == ["91"]
    world.answers(network(world.name, "sign-on"), OTHER_LINK)
    world.says(1, sale(world.name, 2))
    assert len(world.charges_sent) == 1


def test_reversals_wait_while_the_host_is_signed_off(world: World) -> None:
    world.says(1, sale(world.name))
    world.answers(network(world.name, "sign-off"))
    world.wait(30)
    assert world.reversals_sent == []
    world.answers(network(world.name, "sign-on"))
    world.wait(1)
    assert len(world.reversals_sent) == 1


def test_a_link_made_while_the_host_is_signed_off_carries_nothing_either(world: World) -> None:
    world = with_host(world.name, links=2)
    world.answers(network(world.name, "sign-off"))
    world.switch.link_down(BANK, OTHER_LINK, world.now)
    world.switch.link_up(BANK, 9_003, world.now)
    world.says(1, sale(world.name))
    assert world.codes(1) == ["91"]
    world.answers(network(world.name, "sign-on"))
    world.says(1, sale(world.name, 2))
    assert len(world.charges_sent) == 1


def test_an_idle_link_is_asked_for_an_echo_and_a_busy_one_is_not(world: World) -> None:
    world = with_host(world.name)
    for _ in range(3):
        world.wait(IDLE_S - 2)
        world.says(1, sale(world.name))
        if world.charges_sent:
            world.answers(answer(world.charges_sent[-1]))
        world.answers(network(world.name, "echo"))
    assert [m for m in world.at_host("08") if not m.has(39)] == []
    world.wait(IDLE_S + 1)
    (echo,) = [m for m in world.at_host("08") if not m.has(39)]
    assert echo.mti == ("0800" if world.name == ISO else "0820")


def test_a_link_that_answers_no_echo_is_closed_to_be_made_anew(world: World) -> None:
    world = with_host(world.name, echo_misses_max=2)
    world.wait(IDLE_S * 2 + 5)
    assert world.closed_links == []
    world.wait(IDLE_S)
    assert world.closed_links[0].link == LINK


def test_an_answered_echo_keeps_the_link(world: World) -> None:
    world = with_host(world.name, echo_misses_max=2)
    for _ in range(6):
        world.wait(IDLE_S + 0.5)
        answered(world)
    assert world.closed_links == []


def test_a_link_that_nobody_knows_says_nothing_that_counts(world: World) -> None:
    world.answers(network(world.name, "sign-off"), 7_777)
    world.says(1, sale(world.name))
    assert len(world.charges_sent) == 1
