"""What a scrape tells of keys: their ages, what the custody refused, the line to a module."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.key_metrics import KeyCollector
from gateway.keys.hsm import HsmCustody
from gateway.keys.port import CustodyError, CustodyUnavailableError, KeyCustody
from gateway.keys.settings import HsmSettings
from gateway.keys.software import SoftwareCustody
from gateway.keys.watched import WatchedCustody
from gateway.ops.survey import Seen
from gateway.simulators.hsm import HsmScript
from routing.clock import Now
from routing.key_ring import KeyPlace, RingKey
from tests.gateway.custodies import KEK, module_of
from tests.routing.world import World

DAY_S = 86_400.0
NOW = 20_000 * DAY_S


class Noon:
    """A clock that stands still."""

    def now(self) -> Now:
        return Now(0.0, NOW)


def told(world: World, custody: KeyCustody | None) -> dict[tuple[str, ...], float]:
    """Every sample, by its name and its labels' words."""
    seen: Any = Seen
    return {
        (sample.name, *(word for key, word in sample.labels.items())): sample.value
        for family in KeyCollector(world.switch, custody, Noon()).collect(seen)
        for sample in family.samples
    }


def key(days: float) -> RingKey:
    return RingKey("text", "00", NOW - days * DAY_S, "loaded")


def test_the_oldest_key_of_each_usage_tells_its_age() -> None:
    world = World()
    ring = world.switch.keys
    for owner, days in (("a", 3), ("b", 400), ("c", 30)):
        ring.hang(KeyPlace("tmk", owner), key(days), world.now)
    ring.hang(KeyPlace("zmk", "bank"), key(1), world.now)
    world.settle()
    world.restart()
    found = told(world, None)
    assert found["gateway_key_age_seconds", "tmk"] == 400 * DAY_S
    assert found["gateway_key_age_seconds", "zmk"] == DAY_S
    assert found["gateway_key_age_seconds", "zpk"] == 0
    assert found["gateway_keys", "tmk"] == 3
    world.switch.keys.hang(KeyPlace("tmk", "b"), key(0), world.now)
    world.switch.keys.take_off(KeyPlace("tmk", "c"), world.now)
    found = told(world, None)
    assert found["gateway_key_age_seconds", "tmk"] == 3 * DAY_S
    assert found["gateway_keys", "tmk"] == 2


async def test_what_the_custody_refuses_and_how_long_it_takes_is_told() -> None:
    world, custody = World(), WatchedCustody(SoftwareCustody([KEK]))
    made = await custody.new_key("zpk", "bank", "des", 16)
    with pytest.raises(CustodyError):
        await custody.export_key(made, made)
    found = told(world, custody)
    assert found["gateway_custody_errors_total", "refused"] == 1
    assert found["gateway_custody_errors_total", "unavailable"] == 0
    assert found[("gateway_custody_seconds_count",)] == 2
    assert repr(custody) == "<SoftwareCustody kek-377822c0>"


async def test_a_silent_module_is_told() -> None:
    async with module_of(HsmScript(port=0, lose_every=3)) as (_, port):
        inner = HsmCustody(HsmSettings(port=port, timeout_s=0.5))
        await inner.greet()
        custody = WatchedCustody(inner)
        with pytest.raises(CustodyUnavailableError):
            await custody.new_key("zpk", "bank", "des", 16)
        found = told(World(), custody)
        assert found["gateway_hsm_commands_total", "answered"] == 2
        assert found["gateway_hsm_commands_total", "silent"] == 1
        assert found["gateway_custody_errors_total", "unavailable"] == 1
        assert found[("gateway_hsm_waiting",)] == 0
        custody.wipe()
