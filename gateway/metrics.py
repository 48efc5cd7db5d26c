"""What charges, hosts, the wire and the journal have to show: plain integers on the hot path, read
when scraped.  What each metric is called and what it means stands in `gateway.ops.catalogue`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gateway.ops import machine, money, words
from gateway.ops.metric import OTHER
from routing.charge import END_OF, State
from routing.key_exchange import RESULTS
from routing.latency import Latency
from routing.link_states import LINK_TROUBLES, Health
from routing.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric as Family

    from gateway.clock import Clock
    from gateway.links import Links
    from gateway.ops.survey import Seen
    from gateway.wire.engine import Engine
    from routing.hosts import Host
    from routing.switch import Switch


class Metrics:
    """The numbers that the gateway itself keeps; routing and the wire keep their own."""

    def __init__(self) -> None:
        self.last_turn_at = 0.0
        self.turns = 0
        self.journal_errors = 0
        self.journal_failing = False
        self.dropped = 0
        self.descriptors_max = 0
        self.commit_s = Tally(machine.COMMIT_S)
        self.batch_records = Tally(machine.BATCH_RECORDS)
        self.loop_lag_s = Tally(machine.LAG_S)
        self.malformed: Counter[str] = Counter()

    def turned(self, monotonic: float) -> None:
        """A turn began."""
        self.last_turn_at = monotonic
        self.turns += 1

    def committed(self, records: int, seconds: float) -> None:
        """A batch became durable."""
        self.batch_records.add(records)
        self.commit_s.add(seconds)


class GatewayCollector:
    """Turns the numbers of all parts into metrics, at the time of a scrape."""

    def __init__(
        self, metrics: Metrics, switch: Switch, engine: Engine, links: Links, clock: Clock
    ) -> None:
        self._metrics = metrics
        self._switch = switch
        self._engine = engine
        self._links = links
        self._clock = clock
        self._latency: dict[str, tuple[Host, Latency]] = {}

    def collect(self, seen: Seen) -> Iterator[Family]:
        """Every metric, once."""
        yield from self._transactions()
        yield from self._charges(seen)
        yield from self._times()
        yield from self._hosts()
        yield from self._wire()
        yield from self._journal()

    def _transactions(self) -> Iterator[Family]:
        counts: Counter[tuple[str, ...]] = Counter()
        for (host, dialect, digit, event), count in self._switch.life.outcomes.items():
            outcome = words.OUTCOMES.get(event, words.UNDONE)
            counts[host, dialect, words.MTI_CLASSES.get(digit, OTHER), outcome] += count
        for (dialect, digit, code), count in self._switch.terminals.replies.refused.items():
            outcome = words.REFUSALS.get(code, words.REFUSED)
            counts["", dialect, words.MTI_CLASSES.get(digit, OTHER), outcome] += count
        yield money.TRANSACTIONS.by(counts)
        yield money.DUPLICATES.by(self._switch.terminals.admission.duplicates)

    def _charges(self, seen: Seen) -> Iterator[Family]:
        life = self._switch.life
        yield money.IN_STATE.by({state.lower(): life.book.count(state) for state in State})
        yield money.OPEN.of(seen.open)
        yield money.OPEN_OLDEST.of(self._age(seen.oldest_open))
        yield money.AT_RISK.by(seen.at_risk)
        yield money.DUE.of(life.book.count(State.REVERSAL_DUE))
        yield money.DUE_OLDEST.of(self._age(seen.oldest_reversal))
        yield money.OPEN_CASES.of(life.book.count(State.CASE))
        ends: Counter[str] = Counter()
        for state, count in life.entered.items():
            if state in END_OF:
                ends[END_OF[state]] += count
        yield money.ENDS.by(ends)
        yield money.LATE_APPROVALS.of(self._switch.host_side.late_approvals)
        yield money.INTERNAL_ERRORS.of(life.internal_errors)

    def _age(self, since: float) -> float:
        return max(self._clock.now().wall - since, 0.0) if since else 0.0

    def _times(self) -> Iterator[Family]:
        switch = self._switch
        yield money.LEG.timed_by({"to_host": switch.to_host_s, "to_terminal": switch.to_terminal_s})
        yield money.REPLY.timed_by({name: host.reply_s for name, host in switch.hosts.items()})

    def _hosts(self) -> Iterator[Family]:
        hosts = self._switch.hosts
        by_state = {name: host.links.states() for name, host in hosts.items()}
        states = machine.LINKS.labels[1].words
        yield machine.LINKS.by({(name, s): by_state[name][s] for name in hosts for s in states})
        now = self._clock.now().monotonic
        well = {name: self._health(host, now) for name, host in hosts.items()}
        yield machine.HOST_HEALTH.by({(n, h): well[n] is h for n in hosts for h in Health})
        troubles = {(n, e): hosts[n].links.counts[e] for n in hosts for e in LINK_TROUBLES}
        yield machine.LINK_EVENTS.by(troubles)
        yield from self._keys()
        yield machine.FAILED_OVER.of(self._switch.terminals.admission.failed_over)
        yield machine.LINKS_USABLE.by({name: host.links.usable() for name, host in hosts.items()})
        yield machine.LINKS_LOST.by({name: self._links.losses[name] for name in hosts})
        yield machine.IN_FLIGHT.by({name: host.keys.in_flight() for name, host in hosts.items()})
        most = {name: host.settings.in_flight_max for name, host in hosts.items()}
        yield machine.IN_FLIGHT_MAX.by(most)
        yield machine.KEYS.by({name: len(host.keys) for name, host in hosts.items()})
        yield machine.KEYS_MAX.by({name: host.settings.pending_max for name, host in hosts.items()})
        yield machine.UNMATCHED.by(self._switch.host_side.unmatched)

    def _health(self, host: Host, now: float) -> Health:
        limit_s, health = host.settings.slow_s, host.links.health(now)
        known = self._latency.get(host.name)
        if known is None or known[0] is not host:
            known = self._latency[host.name] = host, Latency(host.reply_s)
        slow = limit_s > 0 and known[1].is_slow(limit_s, now)
        return Health.DEGRADED if slow and health is Health.UP else health

    def _keys(self) -> Iterator[Family]:
        now = self._clock.now()
        links = {name: host.links for name, host in self._switch.hosts.items()}
        keyed = {n: each.exchange for n, each in links.items() if each.exchange is not None}
        results = {(name, r): keyed[name].results[r] for name in keyed for r in RESULTS}
        yield machine.KEY_EXCHANGES.by(results)
        yield machine.HOST_KEY_AGE.by({name: each.age_s(now) for name, each in keyed.items()})
        yield machine.KEYS_BLOCKED.by({name: each.blocked for name, each in keyed.items()})
        yield machine.HOST_MAC_ERRORS.by({name: each.mac_errors for name, each in keyed.items()})

    def _wire(self) -> Iterator[Family]:
        engine, batches = self._engine, self._switch.terminals.batches
        yield machine.CONNECTED.of(len(engine) - len(self._links))
        yield machine.ENDED.by(engine.refused)
        yield machine.PUT_OFF.of(sum(engine.put_off.values()))
        yield machine.FRAMES.by({"in": engine.frames_in, "out": engine.frames_out})
        yield machine.MALFORMED.by(self._metrics.malformed)
        pressure = self._switch.life.pressure
        yield machine.DROPPED.of(self._metrics.dropped + pressure.unanswered)
        yield machine.REFUSED_FULL.of(pressure.refused)
        yield machine.TURNS.of(self._metrics.turns)
        yield machine.BATCHES.by({"balanced": batches.balanced, "unbalanced": batches.unbalanced})
        yield machine.BATCH_DIFFERENCES.of(batches.differences)

    def _journal(self) -> Iterator[Family]:
        yield machine.COMMIT.timed(self._metrics.commit_s)
        yield machine.BATCH.timed(self._metrics.batch_records)
        yield machine.RECORDS.of(self._metrics.batch_records.sum)
        yield machine.JOURNAL_ERRORS.of(self._metrics.journal_errors)
        yield machine.JOURNAL_FAILING.of(self._metrics.journal_failing)
