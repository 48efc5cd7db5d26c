"""What persons and programs do beside the charges, and how charges are undone, in numbers.  What
each metric is called and what it means stands in `gateway.ops.catalogue`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gateway.ops import machine, money

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric as Family

    from gateway.canary import Canary
    from gateway.clock import Clock
    from gateway.notices import NoticePost
    from gateway.ops.survey import Seen
    from routing.switch import Switch


class DeskCollector:
    """Reads the desk's numbers when scraped."""

    def __init__(self, switch: Switch, canary: Canary, notices: NoticePost, clock: Clock) -> None:
        self._switch = switch
        self._canary = canary
        self._notices = notices
        self._clock = clock

    def collect(self, seen: Seen) -> Iterator[Family]:
        """Every metric, once."""
        yield from self._cases(seen)
        yield from self._complaints()
        yield from self._undone()
        yield from self._limits()
        yield from self._breakers()
        yield from self._beside()

    def _cases(self, seen: Seen) -> Iterator[Family]:
        yield money.CASES_BY.by(seen.cases)
        yield money.DISPUTED.by(seen.disputed)
        yield money.CASE_OLDEST.of(self._age(seen.oldest_case))
        yield money.SERVICE_OLDEST.of(self._age(seen.oldest_service))

    def _complaints(self) -> Iterator[Family]:
        docket = self._switch.docket
        yield money.COMPLAINTS.by(self._said("complaint"))
        oldest = min(docket.complaints.values(), default=0.0)
        yield money.COMPLAINT_OLDEST.of(self._age(oldest))
        yield money.MONEY_BACK.timed(docket.money_back_s)
        yield money.DIFFERENCES.by(self._said("difference"))

    def _said(self, kind: str) -> dict[str, int]:
        """Entries of the docket of one kind, by what they say."""
        counts = self._switch.docket.counts
        return {name: count for (known, name), count in counts.items() if known == kind}

    def _undone(self) -> Iterator[Family]:
        watch = self._switch.watch
        yield money.BEGUN.by(watch.reversals)
        yield money.ACKNOWLEDGED.timed(watch.reversal_s)
        yield money.NOT_SERVED.by(watch.not_served)
        yield money.SILENT_MERCHANTS.of(watch.silent)
        yield money.ORPHANS.of(watch.orphans)
        yield money.TAKEN_BACK.of(watch.taken_back)
        yield money.REFUNDS_BLOCKED.of(watch.refunds_blocked)
        yield money.HELD.of(self._switch.life.conduct.held)
        yield money.DECLINES.by(watch.declined)

    def _limits(self) -> Iterator[Family]:
        life, codes = self._switch.life, machine.LIMIT_REJECTS.labels[0].words
        refused: Counter[str] = Counter()
        for (_, _, code), count in self._switch.terminals.replies.refused.items():
            refused[code] += count
        yield machine.LIMIT_REJECTS.by({code: refused[code] for code in codes})
        yield machine.REPEATED_AMOUNTS.of(life.limits.repeated)
        yield machine.OVER_LIMIT.of(life.over_limit)

    def _breakers(self) -> Iterator[Family]:
        hosts = self._switch.hosts
        yield machine.BREAKER_OPEN.by({name: host.breaker.is_open for name, host in hosts.items()})
        yield machine.BREAKER_OPENED.by({name: host.breaker.opened for name, host in hosts.items()})

    def _beside(self) -> Iterator[Family]:
        yield machine.CANARY_OK.by(self._canary.ok)
        yield machine.CANARY_FLIGHTS.by(self._canary.flown)
        yield money.NOTICES_WRITTEN.by(self._said("notice"))
        yield money.NOTICES.by(self._notices.results)

    def _age(self, since: float) -> float:
        return max(self._clock.now().wall - since, 0.0) if since else 0.0
