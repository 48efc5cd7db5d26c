"""Every metric of the gateway: plain integers on the hot path, read when scraped.

Labels are closed sets: hosts, listeners and reasons of the configuration and the code, never a
terminal, a merchant or a card.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from routing.charge import END_OF, OPEN_STATES, Event, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from gateway.links import Links
    from gateway.wire.engine import Engine
    from routing.switch import Switch

COMMIT_BUCKETS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_CLASSES: Final = {"1": "auth", "2": "financial", "4": "reversal", "8": "network", "3": "file"}
_OUTCOMES: Final = {
    Event.APPROVAL: "approved",
    Event.UNDELIVERABLE_APPROVAL: "approved",
    Event.DECLINE: "declined",
    Event.NO_ANSWER: "timeout",
    Event.UNSENDABLE: "host_unavailable",
}
_REFUSALS: Final = {
    "91": "host_unavailable",
    "94": "duplicate",
    "30": "invalid",
    "96": "internal_error",
}


def _class(digit: str) -> str:
    return _CLASSES.get(digit, "other")


class Metrics:
    """The numbers that the gateway itself keeps; routing and the wire keep their own."""

    def __init__(self) -> None:
        self.last_turn_at = 0.0
        self.turns = 0
        self.journal_errors = 0
        self.dropped = 0
        self.descriptors_max = 0
        self.commits = 0
        self.commit_records = 0
        self.commit_seconds = 0.0
        self._commit_buckets = [0] * len(COMMIT_BUCKETS_S)
        self.malformed: Counter[str] = Counter()

    def turned(self, monotonic: float) -> None:
        """A turn began."""
        self.last_turn_at = monotonic
        self.turns += 1

    def committed(self, records: int, seconds: float) -> None:
        """A batch became durable."""
        self.commits += 1
        self.commit_records += records
        self.commit_seconds += seconds
        for index, bound in enumerate(COMMIT_BUCKETS_S):
            if seconds <= bound:
                self._commit_buckets[index] += 1
                return

    def commit_histogram(self) -> list[tuple[str, float]]:
        """Cumulative buckets of commit times, as Prometheus wants them."""
        total, buckets = 0, []
        for bound, count in zip(COMMIT_BUCKETS_S, self._commit_buckets, strict=True):
            total += count
            buckets.append((str(bound), float(total)))
        return [*buckets, ("+Inf", float(self.commits))]


class GatewayCollector(Collector):
    """Turns the numbers of all parts into metrics, at the time of a scrape."""

    def __init__(self, metrics: Metrics, switch: Switch, engine: Engine, links: Links) -> None:
        self._metrics = metrics
        self._switch = switch
        self._engine = engine
        self._links = links

    def collect(self) -> Iterator[Metric]:
        """Every metric, once."""
        yield from self._transactions()
        yield from self._charges()
        yield from self._ends()
        yield from self._batches()
        yield from self._hosts()
        yield from self._wire()
        yield from self._journal()

    def _transactions(self) -> Iterator[Metric]:
        transactions = CounterMetricFamily(
            "gateway_transactions",
            "Requests of terminals by their outcome at the gateway.",
            labels=("mti_class", "host", "outcome"),
        )
        counts: Counter[tuple[str, str, str]] = Counter()
        for (mti_class, host, event), count in self._switch.life.outcomes.items():
            counts[_class(mti_class), host, _OUTCOMES.get(event, "reversed")] += count
        for (mti_class, code), count in self._switch.terminals.replies.refused.items():
            counts[_class(mti_class), "", _REFUSALS.get(code, "refused")] += count
        for labels, count in sorted(counts.items()):
            transactions.add_metric(labels, count)
        yield transactions
        duplicates = CounterMetricFamily(
            "gateway_duplicates", "Repeated charges, by what was done.", labels=("action",)
        )
        for action in ("answered", "waits", "refused"):
            duplicates.add_metric((action,), self._switch.terminals.admission.duplicates[action])
        yield duplicates
        tombstones = self._switch.terminals.admission.tombstones
        yield GaugeMetricFamily(
            "gateway_tombstones", "Requests that must not become charges.", len(tombstones)
        )
        yield CounterMetricFamily(
            "gateway_tombstones_unsaid", "Answers not given at the bound.", tombstones.unsaid
        )

    def _charges(self) -> Iterator[Metric]:
        book = self._switch.life.book
        states = GaugeMetricFamily(
            "gateway_charges", "Charges held in memory, by state.", labels=("state",)
        )
        for state in State:
            states.add_metric((state.lower(),), book.count(state))
        yield states
        open_charges = [
            charge
            for charge in book.open()
            if charge.state in OPEN_STATES and not charge.kind.undoes
        ]
        yield GaugeMetricFamily(
            "gateway_open_charges", "Charges that have not come to their end.", len(open_charges)
        )
        at_risk = GaugeMetricFamily(
            "gateway_money_at_risk", "Open unserved charges, minor units.", labels=("currency",)
        )
        by_currency: Counter[str] = Counter()
        for charge in open_charges:
            by_currency[charge.currency] += charge.money
        for currency, amount in sorted(by_currency.items()):
            at_risk.add_metric((currency,), amount)
        yield at_risk
        yield GaugeMetricFamily(
            "gateway_reversals_due",
            "Charges whose reversal no host has acknowledged yet.",
            book.count(State.REVERSAL_DUE),
        )
        yield GaugeMetricFamily(
            "gateway_cases_open", "Cases that wait for a person.", book.count(State.CASE)
        )

    def _batches(self) -> Iterator[Metric]:
        batches = self._switch.terminals.batches
        settled = CounterMetricFamily(
            "gateway_batches", "Batches that terminals closed, by result.", labels=("result",)
        )
        settled.add_metric(("balanced",), batches.balanced)
        settled.add_metric(("unbalanced",), batches.unbalanced)
        yield settled
        yield CounterMetricFamily(
            "gateway_batch_differences",
            "Sales on which a terminal's batch and the journal differed.",
            batches.differences,
        )
        yield GaugeMetricFamily("gateway_batch_uploads", "Batches in upload.", len(batches))
        yield CounterMetricFamily(
            "gateway_batch_uploads_forgotten",
            "The oldest, forgotten at the bound; their terminals begin again.",
            batches.uploads_forgotten,
        )

    def _ends(self) -> Iterator[Metric]:
        ends = CounterMetricFamily(
            "gateway_charge_ends", "Charges that came to an end.", labels=("end",)
        )
        counted: Counter[str] = Counter()
        for state, count in self._switch.life.entered.items():
            if state in END_OF:
                counted[END_OF[state]] += count
        for end in sorted(set(END_OF.values())):
            ends.add_metric((end,), counted[end])
        yield ends
        yield CounterMetricFamily(
            "gateway_late_approvals",
            "Approvals that came too late and were not delivered.",
            self._switch.host_side.late_approvals,
        )
        yield CounterMetricFamily(
            "gateway_internal_errors",
            "Events that a charge's state does not allow; each made a case.",
            self._switch.life.internal_errors,
        )

    def _hosts(self) -> Iterator[Metric]:
        usable = GaugeMetricFamily(
            "gateway_host_links_usable", "Links that may carry charges.", labels=("host",)
        )
        in_flight = GaugeMetricFamily(
            "gateway_host_in_flight", "Requests that wait for an answer.", labels=("host",)
        )
        in_flight_max = GaugeMetricFamily(
            "gateway_host_in_flight_max", "The bound of the same.", labels=("host",)
        )
        keys = GaugeMetricFamily(
            "gateway_host_keys", "Keys in flight or kept for a late answer.", labels=("host",)
        )
        keys_max = GaugeMetricFamily(
            "gateway_host_keys_max", "The bound of the same.", labels=("host",)
        )
        for name, host in sorted(self._switch.hosts.items()):
            usable.add_metric((name,), host.links.usable())
            in_flight.add_metric((name,), host.keys.in_flight)
            in_flight_max.add_metric((name,), host.settings.in_flight_max)
            keys.add_metric((name,), len(host.keys))
            keys_max.add_metric((name,), host.settings.pending_max)
        yield from (usable, in_flight, in_flight_max, keys, keys_max)
        unmatched = CounterMetricFamily(
            "gateway_replies_unmatched",
            "Messages of hosts that answer nothing, and why.",
            labels=("host", "reason"),
        )
        for (host_name, reason), count in sorted(self._switch.host_side.unmatched.items()):
            unmatched.add_metric((host_name, reason), count)
        yield unmatched

    def _wire(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "gateway_terminals_connected",
            "Connections of terminals.",
            len(self._engine) - len(self._links),
        )
        yield GaugeMetricFamily(
            "gateway_descriptors_max",
            "Descriptors that this process may have.",
            self._metrics.descriptors_max,
        )
        ended = CounterMetricFamily(
            "gateway_connections_ended",
            "Connections ended or refused, by reason.",
            labels=("reason",),
        )
        for reason, count in sorted(self._engine.refused.items()):
            ended.add_metric((reason,), count)
        yield ended
        frames = CounterMetricFamily("gateway_frames", "Frames.", labels=("direction",))
        frames.add_metric(("in",), self._engine.frames_in)
        frames.add_metric(("out",), self._engine.frames_out)
        yield frames
        malformed = CounterMetricFamily(
            "gateway_messages_malformed", "Frames that are no message.", labels=("peer",)
        )
        for peer, count in sorted(self._metrics.malformed.items()):
            malformed.add_metric((peer,), count)
        yield malformed
        yield CounterMetricFamily(
            "gateway_messages_dropped",
            "Terminals' messages dropped because too much waits for the journal.",
            self._metrics.dropped,
        )
        yield CounterMetricFamily("gateway_turns", "Turns of the engine.", self._metrics.turns)

    def _journal(self) -> Iterator[Metric]:
        yield HistogramMetricFamily(
            "gateway_journal_commit_seconds",
            "Time of one durable commit.",
            buckets=self._metrics.commit_histogram(),
            sum_value=self._metrics.commit_seconds,
        )
        yield CounterMetricFamily(
            "gateway_journal_records", "Records made durable.", self._metrics.commit_records
        )
        yield CounterMetricFamily(
            "gateway_journal_errors", "Commits that failed.", self._metrics.journal_errors
        )
