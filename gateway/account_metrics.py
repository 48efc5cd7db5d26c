"""Reads the numbers of account services when scraped (see `gateway.ops.accounts`)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gateway.ops import accounts
from routing.accounts.bank_sync import Told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric as Family

    from gateway.backups import Backups
    from gateway.clock import Clock
    from gateway.ops.survey import Seen
    from routing.switch import Switch


class AccountCollector:
    """Every metric of account services."""

    def __init__(self, switch: Switch, backups: Backups, clock: Clock) -> None:
        self._office = switch.office
        self._backups = backups
        self._clock = clock

    def collect(self, seen: Seen) -> Iterator[Family]:
        """Every metric, once."""
        del seen
        yield from self._requests()
        yield from self._terminals()
        yield from self._settlement()
        office, wall = self._office, self._clock.now().wall
        yield accounts.COLLECTED.by(office.collecting.volume)
        yield accounts.FELL_BACK.of(office.collecting.fell_back)
        yield accounts.ANOMALIES_FOUND.by(office.anomalies.found)
        yield accounts.CHECKS.by(office.anomalies.alerts)
        yield accounts.BACKUPS.by(self._backups.results)
        yield accounts.JOURNAL_BACKUP_AGE.of(_age(wall, self._backups.whole.last_at))
        yield accounts.RESTORE_TEST.of(self._backups.whole.restore_ok)
        yield accounts.BACKUP_AGE.of(_age(wall, self._backups.last_at))

    def _requests(self) -> Iterator[Family]:
        office, wall = self._office, self._clock.now().wall
        requests, progress = office.shelf.open(), office.progress
        oldest = min((each.opened_at for each in requests), default=0.0)
        yield accounts.OPEN.by(Counter(each.state for each in requests))
        yield accounts.AGE.of(_age(wall, oldest))
        yield accounts.OVERDUE.of(len(office.overdue(wall)))
        steps: Counter[str] = Counter()
        for (_, state), count in progress.entered.items():
            steps[state] += count
        yield accounts.STEPS.by(steps)
        codes: Counter[str] = Counter()
        for (_, code), count in progress.refusals.items():
            codes[code] += count
        yield accounts.REFUSALS.by(codes)
        yield accounts.NUDGES.by(progress.nudges)
        yield accounts.MISTAKES.of(sum(progress.mistakes.values()))
        yield accounts.BARRED.of(len(office.gate))
        yield accounts.BUSINESS.of(office.gate.refused)
        yield accounts.LOCKED.of(office.files.locked())
        blocking = Counter(each.code for request in requests for each in request.obstacles)
        yield accounts.BLOCKING.by(blocking)

    def _settlement(self) -> Iterator[Family]:
        settlement, wall = self._office.settlement, self._clock.now().wall
        waiting = settlement.sync.waiting()
        oldest = min((each.waits_since for each in waiting), default=0.0)
        yield accounts.CARD_SYNCS.of(settlement.sync.results[Told.FAILED])
        yield accounts.CARDS_WAITING.of(len(waiting))
        yield accounts.CARD_LAG.of(_age(wall, oldest))
        yield accounts.CARDS_DIFFER.of(sum(bool(x.mismatch) for x in settlement.cards.all()))
        yield accounts.PAYOUTS_HELD.of(sum(settlement.runs.held.values()))

    def _terminals(self) -> Iterator[Family]:
        office, wall = self._office, self._clock.now().wall
        yield accounts.SIGNALS_SEEN.by(office.signals.seen)
        yield accounts.SUSPENDED.by(office.signals.suspended)
        yield accounts.BROKEN.by(office.signals.broken())
        yield accounts.RTT.timed(office.signals.rtt_s)
        yield accounts.STATUS_AGE.of(_age(wall, office.signals.oldest_status()))
        yield accounts.TESTS.of(office.devices.tests_passed)
        yield accounts.SERIALS.of(office.devices.unknown_serials)


def _age(wall: float, since: float) -> float:
    return max(wall - since, 0.0) if since else 0.0
