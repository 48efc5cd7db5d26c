"""Requests in flight: of one terminal, of one host, of all.  Reaching a bound costs whoever did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing.charge import State
from tests.routing.world import BANK, ISO, World, answer, refund, sale, void

if TYPE_CHECKING:
    from codec import Message

NEIGHBOUR = 2


def enquiry(stan: int, **changes: str | None) -> Message:
    """A request that moves no money."""
    return sale(ISO, stan, mti="0100", de3="310000", de4=None, **changes)


def neighbours_sale(name: str = ISO, stan: int = 1) -> Message:
    """Another terminal's."""
    return sale(name, stan, de41="T0000002")


def test_a_connection_may_have_only_so_many_charges_unanswered(world: World) -> None:
    most = world.switch.life.settings.in_flight_per_connection_max
    for stan in range(1, most + 2):
        world.says(1, sale(world.name, stan))
    assert world.codes(1) == ["91"]
    assert len(world.charges_sent) == most
    world.says(NEIGHBOUR, neighbours_sale(world.name))
    assert len(world.charges_sent) == most + 1


def test_a_connections_enquiries_count_and_its_neighbour_is_served() -> None:
    world = World(ISO, in_flight_per_connection_max=3, host_settings={"in_flight_max": 4})
    for stan in range(1, 9):
        world.says(1, enquiry(stan))
    assert world.codes(1) == ["91"] * 5
    world.says(1, sale(ISO, 9))
    assert world.codes(1) == ["91"] * 6
    world.says(NEIGHBOUR, neighbours_sale())
    assert len(world.at_host("0200")) == 1
    world.answers(answer(world.at_host("0200")[0]))
    assert world.codes(NEIGHBOUR) == ["00"]


def test_an_enquiry_that_was_answered_or_given_up_counts_no_more() -> None:
    world = World(ISO, in_flight_per_connection_max=2)
    world.says(1, enquiry(1))
    world.says(1, enquiry(2))
    assert world.switch.life.book.busiest() == world.switch.life.book.waiting() == 2
    world.answers(answer(world.at_host("0100")[0]))
    assert world.switch.life.book.load_of(world.switch.life.book.line(1)) == 1
    world.wait(world.switch.hosts[BANK].settings.answer_timeout_s + 1)
    assert world.codes(1) == ["00", "68"]
    assert world.switch.life.book.busiest() == world.switch.life.book.waiting() == 0
    world.says(1, enquiry(3))
    assert len(world.at_host("0100")) == 3


def test_voids_and_refunds_count_like_charges() -> None:
    world = World(ISO, in_flight_per_connection_max=2)
    originals = [sale(ISO, stan) for stan in (1, 2, 3)]
    for request in originals:
        world.says(1, request)
        world.answers(answer(world.charges_sent[-1]))
        world.switch.acknowledged(world.charge(int(request[11])), 1, world.now)
        world.settle()
    world.says(1, void(originals[0], 50))
    world.says(1, refund(originals[1], 1000, 51))
    world.says(1, void(originals[2], 52))
    assert world.codes(1) == ["00", "00", "00", "91"]
    world.says(NEIGHBOUR, neighbours_sale())
    assert len(world.at_host("0200")) == len(originals) + 3


def test_all_connections_together_may_have_only_so_many_requests_in_flight() -> None:
    world = World(ISO, in_flight_max=3)
    world.says(1, enquiry(1))
    world.says(2, sale(ISO, 2, de41="T0000002"))
    world.says(3, sale(ISO, 3, de41="T0000003"))
    for conn, request in ((4, sale(ISO, 4, de41="T0000004")), (5, enquiry(5))):
        world.says(conn, request)
        assert world.codes(conn) == ["91"]
    world.answers(answer(world.charges_sent[-1]))
    world.says(4, sale(ISO, 6, de41="T0000004"))
    assert len(world.at_host("0200")) == 3


def test_at_the_bound_of_all_reversals_go() -> None:
    world = World(ISO, in_flight_max=1)
    world.says(1, sale(ISO, 1))
    world.wait(world.switch.hosts[BANK].settings.answer_timeout_s + 1)
    world.says(2, sale(ISO, 2, de41="T0000002"))
    assert world.state(1) is State.REVERSAL_DUE
    assert len(world.at_host("0400") or world.at_host("0420")) == 1


def test_a_host_with_all_it_may_have_in_flight_gets_no_new_request(world: World) -> None:
    world = World(world.name, host_settings={"in_flight_max": 1})
    world.says(1, sale(world.name, 1))
    world.says(NEIGHBOUR, neighbours_sale(world.name))
    assert world.codes(NEIGHBOUR) == ["91"]
    assert len(world.charges_sent) == 1
    world.answers(answer(world.charges_sent[0]))
    world.says(NEIGHBOUR, neighbours_sale(world.name, 2))
    assert len(world.charges_sent) == 2
