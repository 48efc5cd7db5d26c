"""In worlds of tiny bounds the gateway's bounds are reached, and nothing goes past them."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.chance import Chance
from tests.simulation.faults import Faults, Severity
from tests.simulation.world import run

_REACHED = {
    "effects that wait for the journal",
    "host.in_flight_max",
    "host.pending_max",
    "in_flight_per_connection_max",
    "journal.ended_in_memory_max",
    "tombstones_max",
    "wire.connections_max",
    "wire.in_flight_max",
    "wire.link_waiting_bytes_max",
}
_SEEDS = 150


@pytest.mark.slow
def test_every_bound_is_reached_and_none_is_passed() -> None:
    tiny = [seed for seed in range(_SEEDS) if Faults(Chance(seed), Severity()).tiny_bounds()]
    reached: Counter[str] = Counter()
    for seed in tiny:
        outcome = run(seed)
        assert not outcome.violations, seed
        reached += outcome.reached
        if reached.keys() >= _REACHED:
            return
    assert reached.keys() >= _REACHED, _REACHED - reached.keys()
