"""In worlds of tiny bounds the gateway's bounds are reached, and nothing goes past them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

from codec import build, dialect
from codec.framing import frame
from tests.simulation.chance import Chance
from tests.simulation.events import Impostor
from tests.simulation.faults import Faults, Severity
from tests.simulation.street import DIALECTS
from tests.simulation.wires import Wire
from tests.simulation.world import TRAFFIC_S, World, run

if TYPE_CHECKING:
    from gateway.config import Config
    from tests.simulation.wires import End

_REACHED = {
    "effects that wait for the journal",
    "host.in_flight_max",
    "host.pending_max",
    "in_flight_per_connection_max",
    "journal.ended_in_memory_max",
    "tombstones_max",
    "wire.connections_max",
    "connections_max",
    "link_waiting_bytes_max",
    "wire.in_flight_max",
}
_SEEDS = 150
_LISTENER: Final = "iso"
_ECHO = build(dialect(DIALECTS[_LISTENER]), "0800", {7: "1123171500", 11: "000001", 70: "301"})
_LAG_S: Final = 17.0
_ASKS_EVERY_S: Final = 0.5
_OF_ADDRESS_MAX: Final = 3
_STRANGERS: Final = 2 * _OF_ADDRESS_MAX


def tiny_seeds() -> list[int]:
    return [x for x in range(_SEEDS) if Faults(Chance(x), Severity()).tiny_bounds()]


@pytest.mark.slow
def test_every_bound_is_reached_and_none_is_passed() -> None:
    reached: Counter[str] = Counter()
    for seed in tiny_seeds():
        outcome = run(seed)
        assert not outcome.violations, seed
        reached += outcome.reached
        if reached.keys() >= _REACHED:
            return
    assert reached.keys() >= _REACHED, _REACHED - reached.keys()


class Strangers(World):
    """Beside the street one asks on and on over a slow line, and one connects again and again."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        config: Config = self.process._config
        wire = msgspec.structs.replace(
            config.wire,
            connections_max=config.wire.connections_max + _STRANGERS,
            connections_per_address_max=_OF_ADDRESS_MAX,
        )
        self._config = self.process._config = msgspec.structs.replace(config, wire=wire)

    async def run(self) -> None:
        """As ever, with them."""
        self.agenda.after(1.0, self._asks, None)
        self.agenda.after(1.0, self._connects)
        await super().run()

    def _asks(self, end: End | None) -> None:
        """An echo, and another, and the answers take their time."""
        if self.agenda.now > TRAFFIC_S:
            return
        if end is None or not end.open or end.ended:
            end = self._stranger("slow", lag_s=_LAG_S)
        if end is not None:
            end.send(frame(_ECHO.raw))
        self.agenda.after(_ASKS_EVERY_S, self._asks, end)

    def _connects(self) -> None:
        """A connection, and another."""
        if self.agenda.now < TRAFFIC_S:
            self._stranger("many")
            self.agenda.after(_ASKS_EVERY_S, self._connects)

    def _stranger(self, name: str, lag_s: float = 0.0) -> End | None:
        network = self.process.network
        if network is None or not network.accepts(name):
            return None
        wire = Wire(self.agenda, self.weather, name, lags_s=(lag_s,), even_lags_s=(lag_s,))
        wire.near.owner = Impostor(_LISTENER)
        network.adopt(wire.far, _LISTENER, accepted=True, source=name)
        return wire.near


@pytest.mark.slow
def test_strangers_at_the_bounds_of_the_wire_cost_the_street_nothing() -> None:
    reached: Counter[str] = Counter()
    for seed in tiny_seeds()[:3]:
        outcome = run(seed, kind=Strangers)
        assert not outcome.violations, seed
        reached += outcome.reached
    assert reached["waiting_bytes_max"] > 0
    assert reached["connections_per_address_max"] > 0
