"""A terminal that never waits for its answers costs itself, not the hosts' links."""

from __future__ import annotations

from routing.host_settings import HostSettings
from routing.matching import PendingKeys
from tests.routing.world import World, sale


def test_a_connection_may_have_only_so_many_charges_unanswered(world: World) -> None:
    most = world.switch.life.settings.in_flight_per_connection_max
    for stan in range(1, most + 2):
        world.says(1, sale(world.name, stan))
    assert world.codes(1) == ["91"]
    assert len(world.charges_sent) == most
    world.says(2, sale(world.name, 1, de41="T0000002"))
    assert len(world.charges_sent) == most + 1


def test_a_host_gets_only_so_many_requests_at_a_time() -> None:
    most = HostSettings().in_flight_max
    keys: PendingKeys = PendingKeys(first_stan=0, pending_max=3, quarantine_s=10.0)
    for key in ("a", "b", "c"):
        keys.claim(key, key)
    assert keys.in_flight == 3
    keys.quarantine("a", 0.0)
    assert keys.in_flight == 2
    assert most < HostSettings().pending_max


def test_a_host_with_all_it_may_have_in_flight_gets_no_new_charge(world: World) -> None:
    for each in world.switch.hosts.values():
        each.settings = HostSettings(name=each.name, dialect=each.settings.dialect, in_flight_max=1)
    world.says(1, sale(world.name, 1))
    world.says(2, sale(world.name, 2, de41="T0000002"))
    assert world.codes(2) == ["91"]
    assert len(world.charges_sent) == 1
