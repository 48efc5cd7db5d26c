"""Who may connect: counted in all and by address, without a socket."""

from __future__ import annotations

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.connection import Connection
from gateway.wire.crowd import Crowd
from gateway.wire.port import WireLimits

LIMITS = WireLimits(connections_max=6, connections_per_address_max=2)
NUMBERS = itertools.count(1)


def somebody() -> Connection:
    return Connection(next(NUMBERS), "counter", LIMITS, 100.0)


def test_as_many_come_as_there_may_be_and_another_when_one_has_left() -> None:
    crowd, inside = Crowd(LIMITS), [somebody() for _ in range(6)]
    for number, each in enumerate(inside):
        assert crowd.refuses(f"192.0.2.{number}") is None
        crowd.comes(each, f"192.0.2.{number}")
    assert (len(crowd), crowd.refuses("192.0.2.99")) == (6, "connections_max")
    crowd.leaves(inside[3])
    assert (len(crowd), crowd.refuses("192.0.2.99")) == (5, None)


def test_of_one_address_no_more_come_than_may() -> None:
    crowd, inside = Crowd(LIMITS), [somebody(), somebody()]
    for each in inside:
        crowd.comes(each, "192.0.2.7")
    assert crowd.refuses("192.0.2.7") == "connections_per_address_max"
    assert crowd.refuses("192.0.2.8") is None
    crowd.leaves(inside[0])
    assert crowd.refuses("192.0.2.7") is None


def test_behind_a_proxy_the_address_counts_from_when_it_is_told() -> None:
    limits = WireLimits(connections_max=3, connections_per_address_max=1)
    crowd, first, second = Crowd(limits), somebody(), somebody()

    def trusts(source: str) -> bool:
        return source == "10.0.0.1"

    assert crowd.refuses("192.0.2.7", trusts) == "proxy not trusted"
    for each in (first, second):
        assert crowd.refuses("10.0.0.1", trusts) is None
        crowd.comes(each)
    assert crowd.crowded("192.0.2.7") is None
    crowd.is_from(first, "192.0.2.7")
    assert crowd.crowded("192.0.2.7") == "connections_per_address_max"
    crowd.leaves(second)
    assert crowd.crowded("192.0.2.7") == "connections_per_address_max"
    crowd.leaves(first)
    assert (crowd.crowded("192.0.2.7"), len(crowd)) == (None, 0)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=60))
def test_whatever_comes_and_goes_no_bound_is_passed_and_none_is_reached_too_early(
    steps: list[tuple[str, bool]],
) -> None:
    crowd = Crowd(LIMITS)
    inside: list[Connection] = []
    for source, leaves in steps:
        if leaves and inside:
            crowd.leaves(inside.pop(0))
            continue
        by_address = Counter(each.address for each in inside)
        is_full = len(inside) == LIMITS.connections_max
        is_crowded = by_address[source] == LIMITS.connections_per_address_max
        assert (crowd.refuses(source) is not None) == (is_full or is_crowded)
        if not is_full and not is_crowded:
            inside.append(somebody())
            crowd.comes(inside[-1], source)
        assert len(crowd) == len(inside)
