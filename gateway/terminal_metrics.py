"""Metrics of terminals that sign in; labels are closed sets, never a terminal."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from gateway.key_work import WAITING_MAX
from routing.findings import Finding
from routing.sign_in import SignEvent, SignState
from routing.terminal_network import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from gateway.key_work import KeyWorkers
    from gateway.terminal_keys import TerminalKeys
    from routing.switch import Switch


class TerminalCollector(Collector):
    """Sessions, keys, findings, and how well the devices are."""

    def __init__(self, switch: Switch, keys: TerminalKeys, workers: KeyWorkers) -> None:
        self._terminals = switch.terminals
        self._keys, self._workers = keys, workers

    def collect(self) -> Iterator[Metric]:
        """Every metric, once."""
        yield from self._sessions()
        yield from self._key_work()
        yield from self._findings()

    def _sessions(self) -> Iterator[Metric]:
        sign_ins = self._terminals.sign_ins
        states = Counter(each.state for each in sign_ins.all())
        signed = GaugeMetricFamily(
            "gateway_terminals", "Terminals that ever signed in, by state.", labels=("state",)
        )
        for state in SignState:
            signed.add_metric((state,), states[state])
        yield signed
        steps = CounterMetricFamily(
            "gateway_terminal_steps", "What happened to terminals' sessions.", labels=("event",)
        )
        for event in SignEvent:
            steps.add_metric((event,), sign_ins.events[event])
        yield steps
        parts = Counter(part for each in sign_ins.all() for part in each.broken)
        broken = GaugeMetricFamily(
            "gateway_terminal_parts_broken",
            "Terminals that said that a part of theirs does not work.",
            labels=("part",),
        )
        for part in PARTS:
            broken.add_metric((part,), parts[part])
        yield broken

    def _key_work(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "gateway_terminal_keys", "Terminals whose MAC keys are in memory.", len(self._keys)
        )
        yield GaugeMetricFamily(
            "gateway_terminal_sign_ins_waiting",
            "Terminals that wait for keys.",
            len(self._terminals.network),
        )
        yield CounterMetricFamily(
            "gateway_terminal_sign_ins_crowded",
            "Sign-ins refused because too many waited for keys.",
            self._terminals.network.crowded,
        )
        yield GaugeMetricFamily(
            "gateway_key_work_waiting", "Work that waits for the custody.", self._workers.waiting()
        )
        yield GaugeMetricFamily(
            "gateway_key_work_waiting_max", "The bound of the same.", WAITING_MAX
        )
        yield CounterMetricFamily(
            "gateway_key_work_failed", "Work that could not be done.", self._workers.failed
        )

    def _findings(self) -> Iterator[Metric]:
        known = self._terminals.sign_ins.findings
        found = CounterMetricFamily(
            "gateway_terminal_findings",
            "What looked like a mistake or an attack of a terminal.",
            labels=("what",),
        )
        for what in Finding:
            found.add_metric((what,), known.counts[what])
        yield found
        yield CounterMetricFamily(
            "gateway_terminal_findings_unaudited",
            "Findings that were counted only: too many came at once.",
            known.unaudited,
        )
