"""Who is registered, and what is kept and audited, in numbers (see `gateway.ops.records`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.ops import records
from routing.keeper import KeptKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric as Family

    from gateway.ops.survey import Seen
    from routing.switch import Switch


class RegistryCollector:
    """Reads the numbers when scraped."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    def collect(self, seen: Seen) -> Iterator[Family]:
        """Every metric, once."""
        del seen
        registry, keeper = self._switch.life.registry, self._switch.life.keeper
        yield records.MERCHANTS.by(registry.states_of(KeptKind.MERCHANT))
        yield records.TERMINALS.by(registry.states_of(KeptKind.TERMINAL))
        yield records.REFUSED.by(registry.refused)
        yield records.STALE.of(registry.stale)
        yield records.KEPT.by({kind: keeper.count(kind) for kind in KeptKind})
        yield records.AUDITED.by(keeper.audited)
