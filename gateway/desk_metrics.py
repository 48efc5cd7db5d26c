"""Metrics of what persons and programs do beside the charges, and of how charges are undone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from routing.charge import State
from routing.reason import Reason
from routing.watch import NOT_SERVED_REASONS, OTHER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client import Metric

    from gateway.canary import Canary
    from gateway.clock import Clock
    from gateway.notices import NoticePost
    from routing.charge import Charge
    from routing.switch import Switch
    from routing.tally import Tally

_LIMIT_CODES: Final = ("61", "65")


class DeskCollector(Collector):
    """Reads the desk's numbers when scraped."""

    def __init__(self, switch: Switch, canary: Canary, notices: NoticePost, clock: Clock) -> None:
        self._switch = switch
        self._canary = canary
        self._notices = notices
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """Every metric, once."""
        yield from self._cases()
        yield from self._complaints()
        yield from self._undone()
        yield from self._limits()
        yield from self._breakers()
        yield from self._beside()

    def _cases(self) -> Iterator[Metric]:
        cases = [c for c in self._switch.life.book.open() if c.state is State.CASE]
        yield _counted("gateway_cases", "Open cases, by why.", "reason", _by_reason(cases))
        disputed = GaugeMetricFamily(
            "gateway_disputed_money", "Frozen until two persons decide.", labels=("currency",)
        )
        frozen: Counter[str] = Counter()
        for charge in cases:
            if charge.reason == Reason.DISPUTED:
                frozen[charge.currency] += charge.money
        for currency, money in sorted(frozen.items()):
            disputed.add_metric((currency,), money)
        yield disputed
        oldest = min((charge.updated_at for charge in cases), default=0.0)
        yield self._age("gateway_case_age_seconds", "Of the oldest open case.", oldest)
        pending = [
            c.updated_at for c in self._switch.life.book.open() if c.state is State.DELIVERED
        ]
        yield self._age(
            "gateway_service_pending_age_seconds",
            "Of the charge that waits longest for its confirmation.",
            min(pending, default=0.0),
        )

    def _complaints(self) -> Iterator[Metric]:
        docket = self._switch.docket
        yield _total(
            "gateway_complaints",
            "Complaints, by verdict.",
            "verdict",
            {name: count for (kind, name), count in docket.counts.items() if kind == "complaint"},
        )
        oldest = min(docket.complaints.values(), default=0.0)
        yield self._age("gateway_complaint_age_seconds", "Of the oldest without its end.", oldest)
        yield _histogram(
            "gateway_complaint_to_money_back_seconds",
            "From the first complaint about a charge to its reversal or refund.",
            docket.money_back_s,
        )
        yield _total(
            "gateway_recon_diffs",
            "Differences between settlement files and the journal.",
            "kind",
            {name: count for (kind, name), count in docket.counts.items() if kind == "difference"},
        )

    def _undone(self) -> Iterator[Metric]:
        watch = self._switch.watch
        yield _total("gateway_reversals", "Reversals begun, by why.", "reason", watch.reversals)
        yield _histogram(
            "gateway_reversal_latency_seconds",
            "From a reversal's beginning to the host's acknowledgement.",
            watch.reversal_s,
        )
        reasons = {name: watch.not_served[name] for name in (*NOT_SERVED_REASONS, OTHER)}
        yield _total("gateway_not_served", "What tills gave as reason.", "reason", reasons)
        yield CounterMetricFamily(
            "gateway_merchant_silent", "Windows without a confirmation.", watch.silent
        )
        yield CounterMetricFamily(
            "gateway_orphans_found", "Charges cut off by a restart.", watch.orphans
        )
        yield CounterMetricFamily(
            "gateway_taken_back", "Charges undone after delivery.", watch.taken_back
        )
        yield CounterMetricFamily(
            "gateway_refunds_blocked", "Refunds that a host declined.", watch.refunds_blocked
        )
        yield CounterMetricFamily(
            "gateway_reversals_held", "Held for review.", self._switch.life.conduct.held
        )
        declines = CounterMetricFamily(
            "gateway_declines", "By host and DE 39.", labels=("host", "code")
        )
        for labels, count in sorted(watch.declined.items()):
            declines.add_metric(labels, count)
        yield declines

    def _limits(self) -> Iterator[Metric]:
        life = self._switch.life
        refused: Counter[str] = Counter()
        for (_, code), count in self._switch.terminals.replies.refused.items():
            refused[code] += count
        rejects = {code: refused[code] for code in _LIMIT_CODES}
        yield _total("gateway_limit_rejects", "Refused by a limit.", "code", rejects)
        yield CounterMetricFamily(
            "gateway_repeated_amounts",
            "Same card, amount and merchant within the time.",
            life.limits.repeated,
        )
        yield CounterMetricFamily(
            "gateway_over_limit_approved",
            "Approved beyond a limit in force, and reversed.",
            life.over_limit,
        )
        yield CounterMetricFamily(
            "gateway_counting_forgotten",
            "Cards, terminals and merchants no longer counted, at the bound.",
            life.limits.forgotten + life.conduct.forgotten,
        )

    def _breakers(self) -> Iterator[Metric]:
        hosts = self._switch.hosts.items()
        yield _counted(
            "gateway_breaker_open",
            "Whether the host is taken for silent.",
            "host",
            {name: int(host.breaker.is_open) for name, host in hosts},
        )
        yield _total(
            "gateway_breaker_opened",
            "How often a host fell silent.",
            "host",
            {name: host.breaker.opened for name, host in hosts},
        )

    def _beside(self) -> Iterator[Metric]:
        ok = {host: int(well) for host, well in self._canary.ok.items()}
        yield _counted("gateway_canary_ok", "Whether the last test charge went well.", "host", ok)
        flown = CounterMetricFamily(
            "gateway_canary_flights", "Test charges.", labels=("host", "outcome")
        )
        for labels, count in sorted(self._canary.flown.items()):
            flown.add_metric(labels, count)
        yield flown
        yield _total(
            "gateway_notices_written",
            "Notices to customers, by what they tell.",
            "told",
            {name: n for (kind, name), n in self._switch.docket.counts.items() if kind == "notice"},
        )
        results = {how: self._notices.results[how] for how in ("taken", "failed", "refused")}
        results["given_up"] = self._notices.results["given_up"]
        yield _total("gateway_notices", "Tries to deliver a notice.", "result", results)
        yield GaugeMetricFamily(
            "gateway_notices_waiting", "Not taken yet, at most 100.", self._notices.waiting
        )

    def _age(self, name: str, what: str, since: float) -> Metric:
        age = max(self._clock.now().wall - since, 0.0) if since else 0.0
        return GaugeMetricFamily(name, what, age)


def _by_reason(cases: list[Charge]) -> Counter[str]:
    return Counter(charge.reason or OTHER for charge in cases)


def _counted(name: str, what: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, what, labels=(label,))
    for value, count in sorted(values.items()):
        family.add_metric((value,), count)
    return family


def _total(name: str, what: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, what, labels=(label,))
    for value, count in sorted(values.items()):
        family.add_metric((value,), count)
    return family


def _histogram(name: str, what: str, tally: Tally) -> Metric:
    return HistogramMetricFamily(name, what, buckets=tally.buckets(), sum_value=tally.sum)
