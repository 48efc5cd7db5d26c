"""Account requests in numbers: where they stand, and how long (see `gateway.ops.services`)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gateway.ops import services
from routing.accounts.steps import is_overdue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric as Family

    from gateway.clock import Clock
    from gateway.ops.survey import Seen
    from routing.switch import Switch


class AccountCollector:
    """Reads the numbers when scraped."""

    def __init__(self, switch: Switch, clock: Clock) -> None:
        self._switch, self._clock = switch, clock

    def collect(self, seen: Seen) -> Iterator[Family]:
        """Every metric, once."""
        del seen
        wall = self._clock.now().wall
        states: Counter[tuple[str, str]] = Counter()
        overdue: Counter[str] = Counter()
        oldest: dict[str, float] = {}
        for request in self._switch.office.shelf.open():
            kind = request.kind
            states[kind, request.state] += 1
            overdue[kind] += is_overdue(request, wall)
            oldest[kind] = max(oldest.get(kind, 0.0), wall - request.opened_at)
        yield services.REQUESTS.by(states)
        yield services.OVERDUE.by(overdue)
        yield services.OLDEST.by(oldest)
        yield services.LOCKED.of(self._switch.office.files.locked())
