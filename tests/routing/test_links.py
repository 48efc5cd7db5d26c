"""The links to a host: refused sign-ons, sign-offs in mid-traffic, slow starts, links put aside."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from codec import build, dialect
from routing.charge import State
from routing.conventions import CONVENTIONS
from routing.host_settings import NetworkCodes
from routing.link_states import OTHERS_WORD_S, TABLE, Health, LinkEvent, LinkState
from routing.purpose import Purpose
from tests.routing.test_network import answered, network, with_host
from tests.routing.world import (
    ANSWER_TIMEOUT_S,
    BANK,
    ISO,
    LINK,
    OTHER_LINK,
    POS,
    World,
    answer,
    sale,
)

RETRY_S = 4.0
SLOW_S = 8.0
ASIDE_S = 30.0


def links_of(world: World) -> Any:
    return world.switch.hosts[BANK].links


def shares(world: World, messages: int = 24, first: int = 100) -> Counter[int]:
    """How many of so many sales each link carries; all are answered."""
    before = len(world.got)
    for stan in range(first, first + messages):
        world.says(1, sale(world.name, stan))
        world.answers(answer(world.charges_sent[-1]), world.got[-1].link)
    return Counter(got.link for got in world.got[before:])


def test_every_event_of_the_table_leads_somewhere_and_every_state_has_a_way_out() -> None:
    reachable = {step.next for step in TABLE.values()}
    assert reachable == set(LinkState)
    connected = set(LinkState) - {LinkState.DISCONNECTED}
    of_a_connection = set(LinkEvent) - {e for s, e in TABLE if s is LinkState.DISCONNECTED}
    assert {(s, e) for s, e in TABLE if s in connected} == {
        (state, event) for state in connected for event in of_a_connection
    }


def test_a_refused_sign_on_is_asked_again_after_a_pause_that_doubles(world: World) -> None:
    world = with_host(world.name, sign_on=True, sign_on_retry_s=RETRY_S, echo_idle_s=1_000.0)
    asked_after = []
    for _ in range(3):
        asked, waited = len(world.at_host("0800")), 0.0
        answered(world, code="91")
        while len(world.at_host("0800")) == asked:
            world.wait(0.25)
            waited += 0.25
        asked_after.append(waited)
    for pause_s, waited in zip((RETRY_S, RETRY_S * 2, RETRY_S * 4), asked_after, strict=True):
        assert pause_s <= waited <= pause_s * 1.25 + 0.25
    world.says(1, sale(world.name))
    assert world.codes(1) == ["91"]


def test_a_refused_sign_on_alarms(world: World) -> None:
    world = with_host(world.name, sign_on=True)
    answered(world, code="58")
    assert [(news.host, news.alarms) for news in world.news] == [(BANK, True)]
    assert links_of(world).counts["sign-on refused"] == 1
    assert links_of(world).health(world.monotonic) is Health.DOWN


def test_an_answer_to_an_earlier_sign_on_counts_for_nothing(world: World) -> None:
    world = with_host(world.name, sign_on=True)
    (first,) = world.at_host("0800")
    world.wait(11)
    fields = {de: first[de] for de in first.fields()} | {39: "00"}
    world.answers(build(first.dialect, "0810", fields, first.header))
    world.says(1, sale(world.name))
    assert world.codes(1) == ["91"]
    answered(world)
    world.says(1, sale(world.name, 2))
    assert len(world.charges_sent) == 1


def test_what_waits_for_the_disk_at_a_sign_off_does_not_leave(world: World) -> None:
    world.hears(1, sale(world.name))
    waiting = world.switch.take()
    world.answers(network(world.name, "sign-off"))
    world.journal.append(waiting.records)
    world.release(waiting)
    world.settle()
    assert world.charges_sent == []
    assert world.codes(1) == ["91"]
    assert world.state() is State.NEVER_LEFT


def test_a_reversal_that_waits_for_the_disk_at_a_sign_off_waits_for_the_sign_on(
    world: World,
) -> None:
    world.says(1, sale(world.name))
    world.monotonic += ANSWER_TIMEOUT_S + 1
    world.switch.tick(world.now)
    world.switch.tick(world.now)  # the reversal is due at once
    waiting = world.switch.take()
    world.answers(network(world.name, "sign-off"))
    world.journal.append(waiting.records)
    world.release(waiting)
    world.wait(20)
    assert world.reversals_sent == []
    world.answers(network(world.name, "sign-on"))
    world.wait(5)
    assert len(world.reversals_sent) == 1


def test_words_that_overtake_one_another_on_two_links_leave_the_last_one_standing(
    world: World,
) -> None:
    world = with_host(world.name, links=2)
    world.answers(network(world.name, "sign-off"), LINK)
    world.answers(network(world.name, "sign-on"), OTHER_LINK)  # older, on a slower link
    assert set(shares(world, 4)) == {OTHER_LINK}
    world.answers(network(world.name, "sign-off"), OTHER_LINK)
    world.wait(OTHERS_WORD_S + 1)
    world.says(1, sale(world.name))
    assert world.codes(1)[-1] == "91"


def test_a_sign_on_over_one_link_counts_for_the_others_after_a_while(world: World) -> None:
    world = with_host(world.name, links=2, slow_start_s=0.0)
    world.answers(network(world.name, "sign-off"), LINK)
    world.answers(network(world.name, "sign-on"), OTHER_LINK)
    world.wait(OTHERS_WORD_S + 1)
    assert set(shares(world, 4)) == {LINK, OTHER_LINK}


def test_a_new_link_while_the_host_is_off_asks_whether_it_still_is(world: World) -> None:
    world = with_host(world.name, links=2, sign_on=True)
    for link in (LINK, OTHER_LINK):
        answered(world, link)
    world.answers(network(world.name, "sign-off"))
    world.switch.link_down(BANK, OTHER_LINK, world.now)
    world.switch.link_up(BANK, 9_003, world.now)
    world.settle()
    answered(world, 9_003, code="91")
    world.says(1, sale(world.name))
    assert world.codes(1) == ["91"]
    assert links_of(world).states() == {LinkState.SIGNED_OFF: 2}


def test_a_link_that_came_back_gets_a_small_share_at_first(world: World) -> None:
    world = with_host(world.name, links=2, slow_start_s=SLOW_S)
    world.wait(SLOW_S + 1)
    assert shares(world) == {LINK: 12, OTHER_LINK: 12}
    world.switch.link_down(BANK, OTHER_LINK, world.now)
    world.switch.link_up(BANK, 9_003, world.now)
    assert links_of(world).health(world.monotonic) is Health.DEGRADED
    early = shares(world, 25, 200)
    assert 0 < early[9_003] < early[LINK] / 2
    world.wait(SLOW_S + 1)
    late = shares(world, 24, 300)
    assert late[9_003] == late[LINK]
    assert links_of(world).health(world.monotonic) is Health.UP


def test_a_link_that_times_out_while_another_answers_is_put_aside_for_a_while(
    world: World,
) -> None:
    world = with_host(
        world.name, links=2, link_silences_max=2, ejection_s=ASIDE_S, slow_start_s=SLOW_S
    )
    for stan in range(1, 5):
        world.says(1, sale(world.name, stan))
        world.wait(0.25)
        if world.got[-1].link == OTHER_LINK:
            world.answers(answer(world.charges_sent[-1]), OTHER_LINK)
    world.wait(ANSWER_TIMEOUT_S + 1)
    assert links_of(world).counts["put aside"] == 1
    assert set(shares(world)) == {OTHER_LINK}
    assert links_of(world).usable() == 1
    world.wait(ASIDE_S + SLOW_S)
    back = shares(world, first=200)
    assert back[LINK] == back[OTHER_LINK]


def test_the_last_link_is_never_put_aside(world: World) -> None:
    world = with_host(world.name, links=2, link_silences_max=1, silences_max=0)
    world.says(1, sale(world.name, 1))
    world.says(1, sale(world.name, 2))
    world.wait(ANSWER_TIMEOUT_S + 1)
    assert links_of(world).usable() == 2


def test_an_echo_that_is_missed_degrades_and_is_counted(world: World) -> None:
    world = with_host(world.name, slow_start_s=0.0)
    assert links_of(world).health(world.monotonic) is Health.UP
    world.wait(21)
    assert links_of(world).health(world.monotonic) is Health.DEGRADED
    assert links_of(world).counts["echo missed"] == 1
    answered(world)
    assert links_of(world).health(world.monotonic) is Health.UP


@pytest.mark.parametrize("name", [ISO, POS])
def test_codes_of_an_agreement_stand_for_those_of_the_dialect(name: str) -> None:
    codes = {ISO: NetworkCodes(sign_on="061", sign_off="062", echo="270")}
    codes[POS] = NetworkCodes(sign_on="0800/003", sign_off="0800/062", echo="0820/270")
    world = with_host(name, sign_on=True, network_codes=codes[name])
    asked = world.at_host("08")[0]
    assert asked[70] == "061" if name == ISO else asked["60.3"] == "003"
    answered(world)
    world.wait(11)
    echo = world.at_host("08")[-1]
    assert echo[70] == "270" if name == ISO else echo["60.3"] == "270"
    world.answers(network(name, "sign-off"))  # by the dialect's code, which is not this host's
    world.says(1, sale(name))
    assert len(world.charges_sent) == 1


def test_the_1993_edition_signs_on_with_801_and_hears_802() -> None:
    world = World("iso93-ascii", host_settings={"sign_on": True, "echo_idle_s": 10.0})
    asked = world.got[0].message
    assert (asked.mti, asked[24]) == ("1804", "801")
    fields = {de: asked[de] for de in asked.fields()} | {39: "800"}
    world.answers(build(asked.dialect, "1814", fields))
    assert links_of(world).usable() == 1
    off = {7: "1123171500", 11: "000009", 12: "261123171500", 24: "802"}
    world.answers(build(dialect("iso93-ascii"), "1804", off))
    answer_ = world.got[-1].message
    assert (answer_.mti, answer_[24], answer_[39]) == ("1814", "802", "800")
    assert links_of(world).usable() == 0


def test_a_gateway_that_stops_signs_off_once_and_signs_on_no_more(world: World) -> None:
    world = with_host(world.name, sign_on=True, echo_idle_s=1_000.0)
    answered(world)
    world.approved(1)
    departures = world.switch.departures
    departures.sign_off(world.now)
    world.settle()
    assert departures.signing_off == 1
    asked = world.at_host("08")
    convention = CONVENTIONS[world.name]
    off = convention.network_codes[Purpose.SIGN_OFF]
    assert [convention.network_code(each) for each in asked].count(off) == 1
    world.says(2, sale(world.name, 2))
    assert world.codes(2) == ["91"]
    answered(world)
    assert departures.signing_off == 0
    before = len(world.got)
    world.switch.link_down(BANK, LINK, world.now)
    world.switch.link_up(BANK, LINK, world.now)
    world.wait(60.0)
    assert len(world.got) == before


def test_who_wants_no_sign_on_is_not_signed_off_from(world: World) -> None:
    world = with_host(world.name, echo_idle_s=1_000.0)
    world.switch.departures.sign_off(world.now)
    world.settle()
    assert (world.got, world.switch.departures.signing_off) == ([], 0)


def test_a_link_that_is_lost_while_it_signs_off_is_waited_for_no_more(world: World) -> None:
    world = with_host(world.name, sign_on=True, echo_idle_s=1_000.0)
    answered(world)
    world.switch.departures.sign_off(world.now)
    world.settle()
    world.switch.link_down(BANK, LINK, world.now)
    assert world.switch.departures.signing_off == 0


def test_a_link_that_comes_back_while_the_gateway_stops_carries_nothing(world: World) -> None:
    world = with_host(world.name, echo_idle_s=1_000.0)
    world.switch.departures.sign_off(world.now)
    world.settle()
    world.switch.link_down(BANK, LINK, world.now)
    world.switch.link_up(BANK, LINK, world.now)
    assert links_of(world).usable() == 0
