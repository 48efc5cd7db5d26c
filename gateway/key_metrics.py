"""Metrics of keys: how old they are, and how their custody does; names stand in the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.keys.watched import BUCKETS_S, WatchedCustody
from gateway.ops import machine
from routing.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric as Family

    from gateway.clock import Clock
    from gateway.keys.port import KeyCustody
    from gateway.ops.survey import Seen
    from routing.switch import Switch


class KeyCollector:
    """Reads the ring and the custody's counts when scraped."""

    def __init__(self, switch: Switch, custody: KeyCustody | None, clock: Clock) -> None:
        self._switch, self._clock = switch, clock
        self._custody = custody if isinstance(custody, WatchedCustody) else None

    def collect(self, seen: Seen) -> Iterator[Family]:
        """Every metric, once."""
        del seen
        ring, wall = self._switch.keys, self._clock.now().wall
        usages = machine.RING_KEYS.labels[0].words
        yield machine.RING_KEYS.by({each: ring.count(each) for each in usages})
        ages = {each: max(wall - (ring.oldest(each) or wall), 0.0) for each in usages}
        yield machine.KEY_AGE.by(ages)
        yield machine.CEREMONIES.of(len(self._switch.ceremonies))
        custody = self._custody
        yield machine.CUSTODY_ERRORS.by(custody.errors if custody else {})
        yield machine.CUSTODY_S.timed(custody.seconds if custody else Tally(BUCKETS_S))
        yield machine.MODULE_LINE.by(custody.line if custody else {})
        yield machine.MODULE_WAITING.of(custody.waiting if custody else 0)
