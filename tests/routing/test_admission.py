"""What may go to a host at all: limits, routes, drain, a failing journal, usable links."""

from __future__ import annotations

from typing import Any

import pytest

from routing.charge import State
from routing.host_settings import HostSettings
from routing.limits import LimitSettings
from routing.routes import Route, RouteTable
from tests.routing.world import (
    ISO,
    LINK,
    MARGIN_S,
    OTHER_PAN,
    PAN,
    POS,
    WALL,
    World,
    answer,
    repeated,
    reversal,
    reversal_rules,
    sale,
)


def limited(name: str, **limits: int) -> World:
    return World(name, limits=LimitSettings(**limits))


def test_an_amount_above_the_limit_is_refused_61_before_anything_is_sent(world: World) -> None:
    world = limited(world.name, amount_max=999)
    world.says(1, sale(world.name))
    world.says(1, sale(world.name, 2, de4="000000000999"))
    assert world.codes(1) == ["61"]
    assert len(world.charges_sent) == len(world.journal.opened) == 1


def test_a_terminals_day_is_limited_in_amount(world: World) -> None:
    world = limited(world.name, terminal_day_amount_max=2_500)
    for stan in (1, 2, 3):
        world.says(1, sale(world.name, stan))
    assert world.codes(1) == ["61"]
    world.says(2, sale(world.name, 4, de41="T0000002"))
    assert len(world.charges_sent) == 3


def test_a_terminals_day_is_limited_in_count(world: World) -> None:
    world = limited(world.name, terminal_day_count_max=2)
    for stan in (1, 2, 3):
        world.says(1, sale(world.name, stan))
    assert world.codes(1) == ["65"]


def test_what_was_declined_reversed_or_never_left_counts_no_more(world: World) -> None:
    world = limited(world.name, terminal_day_count_max=1)
    world.says(1, sale(world.name, 1))
    world.answers(answer(world.charges_sent[-1], "51"))
    world.says(1, sale(world.name, 2))
    world.says(1, reversal(sale(world.name, 2)))
    world.answers(answer(world.reversals_sent[-1]))
    world.gone.add(LINK)
    world.says(1, sale(world.name, 3))
    world.gone.clear()
    world.says(1, sale(world.name, 4))
    world.says(1, sale(world.name, 5))
    assert world.codes(1)[-1] == "65"
    assert [m for m in world.charges_sent if m[11]][-1].raw == world.charges_sent[-1].raw
    assert world.state(4) is State.SENT


def test_a_repeat_is_not_counted_again(world: World) -> None:
    world = limited(world.name, terminal_day_count_max=1)
    request = sale(world.name)
    world.says(1, request)
    world.says(1, repeated(request))
    world.answers(answer(world.charges_sent[0]))
    assert world.codes(1) == ["00"]


def test_what_was_charged_before_a_restart_still_counts(world: World) -> None:
    world = limited(world.name, terminal_day_count_max=1)
    world.approved()
    world.acknowledge()
    world.restart()
    world.says(1, sale(world.name, 2))
    assert world.codes(1) == ["65"]


def test_a_day_ends_at_midnight_utc(world: World) -> None:
    world = limited(world.name, terminal_day_count_max=1)
    world.says(1, sale(world.name))
    world.wall = (WALL // 86_400 + 1) * 86_400
    world.says(1, sale(world.name, 2))
    assert world.told == []


def test_a_charge_found_after_all_and_reversed_then_is_given_back_once(world: World) -> None:
    """Nothing to reverse, then a late approval, then reversed: one charge less, not two."""
    world = World(
        world.name,
        limits=LimitSettings(terminal_day_count_max=1),
        reversal=reversal_rules(schedule_s=(MARGIN_S, 1.0)),
    )
    request = sale(world.name)
    world.says(1, request)
    world.says(1, reversal(request))
    world.wait(MARGIN_S + 0.25)
    world.answers(answer(world.reversals_sent[-1], "25"))
    assert world.state() is State.NOTHING_TO_REVERSE
    world.answers(answer(world.charges_sent[0]))
    world.wait(2)
    world.answers(answer(world.reversals_sent[-1]))
    assert world.state() is State.REVERSED
    world.says(2, sale(world.name, 2))
    world.says(2, sale(world.name, 3))
    assert world.codes(2) == ["65"]


def test_while_it_drains_the_gateway_answers_91_and_finishes_what_is_under_way(
    world: World,
) -> None:
    request = sale(world.name)
    world.says(1, request)
    world.switch.drain()
    world.says(1, sale(world.name, 2))
    assert world.codes(1) == ["91"]
    world.says(1, repeated(request))
    world.answers(answer(world.charges_sent[0]))
    world.says(1, repeated(request))
    assert world.codes(1) == ["91", "00", "00"]
    assert len(world.charges_sent) == 1


def test_while_the_journal_fails_new_charges_are_answered_96(world: World) -> None:
    world.switch.journal_failing(True)
    world.says(1, sale(world.name))
    assert world.codes(1) == ["96"]
    world.switch.journal_failing(False)
    world.says(1, sale(world.name))
    assert len(world.charges_sent) == 1


def test_a_drain_goes_on_when_the_journal_works_again(world: World) -> None:
    world.switch.drain()
    world.switch.journal_failing(True)
    world.switch.journal_failing(False)
    world.says(1, sale(world.name))
    assert world.codes(1) == ["91"]


def test_refusals_are_counted_and_leave_no_record(world: World) -> None:
    world.switch.link_down("bank", LINK, world.now)
    world.says(1, sale(world.name))
    assert world.codes(1) == ["91"]
    assert world.switch.terminals.replies.refused == {(world.name, "2", "91"): 1}
    assert world.journal.records == []


FITS = [
    (Route(host="x"), True),
    (Route(host="x", dialect=(ISO,)), True),
    (Route(host="x", dialect=(POS,)), False),
    (Route(host="x", mti=("0200", "0100")), True),
    (Route(host="x", mti=("0100",)), False),
    (Route(host="x", processing_code=("00",)), True),
    (Route(host="x", processing_code=("000000", "01")), True),
    (Route(host="x", processing_code=("01",)), False),
    (Route(host="x", pan_prefix=("62", "4761")), True),
    (Route(host="x", pan_prefix=("62",)), False),
    (Route(host="x", dialect=(ISO,), mti=("0200",), pan_prefix=("4",)), True),
    (Route(host="x", dialect=(ISO,), mti=("0200",), pan_prefix=("5",)), False),
]


@pytest.mark.parametrize(("route", "fits"), FITS)
def test_a_route_fits_when_all_that_it_names_does(route: Route, fits: bool) -> None:
    assert route.fits(ISO, "0200", "000000", PAN) is fits
    assert route.fits(ISO, "0201", "000000", PAN) is fits


def test_the_first_route_that_fits_is_taken_and_none_means_none() -> None:
    table = RouteTable([Route(host="a", pan_prefix=("62",)), Route(host="b", mti=("0100",))], "c")
    assert table.hosts_for(ISO, "0100", "000000", OTHER_PAN) == ("a",)
    assert table.hosts_for(ISO, "0100", "000000", PAN) == ("b",)
    assert table.hosts_for(ISO, "0200", "000000", PAN) == ()
    assert RouteTable([], "c").hosts_for(ISO, "0200", "", "") == ("c",)


def test_charges_go_where_their_card_belongs_and_31_where_it_belongs_nowhere() -> None:
    hosts = tuple(HostSettings(name=name, echo_idle_s=0.0) for name in ("bank", "other"))
    routes = (Route(host="other", pan_prefix=("62",)), Route(host="bank", pan_prefix=("4",)))
    world = World(ISO, hosts=hosts, routes=routes)
    world.switch.link_up("other", 9_100, world.now)
    world.says(1, sale(ISO))
    world.says(1, sale(ISO, 2, de2=OTHER_PAN))
    world.says(1, sale(ISO, 3, de2="5100000000000008"))
    assert [got.link for got in world.got] == [LINK, 9_100]
    assert world.codes(1) == ["31"]


def test_an_enquiry_is_relayed_matched_and_never_reversed(world: World) -> None:
    changes: dict[str, Any] = {"de3": "310000"} | (
        {"de60": "01000007000"} if world.name == POS else {}
    )
    world.says(1, sale(world.name, **changes))
    (asked,) = world.at_host("0200")
    world.answers(answer(asked, de54="5"))
    assert world.codes(1) == ["00"]
    assert world.told[0].message[54] == "5"
    world.says(1, sale(world.name, 2, **changes))
    world.wait(60)
    assert world.codes(1) == ["00", "68" if world.name == ISO else "98"]
    world.answers(answer(world.at_host("0200")[-1]))
    assert len(world.told) == 2
    assert world.reversals_sent == []
    assert world.journal.records == []
