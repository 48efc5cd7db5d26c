"""Metrics of the registry, and of what is kept and audited beside the charges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from routing.keeper import AuditKind, KeptKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from routing.switch import Switch


class RegistryCollector(Collector):
    """Reads the numbers when scraped."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    def collect(self) -> Iterator[Metric]:
        """Every metric, once."""
        life = self._switch.life
        states = GaugeMetricFamily(
            "gateway_registry_entries",
            "Merchants and terminals, by state.",
            labels=("kind", "state"),
        )
        for (kind, state), count in sorted(life.registry.states.items()):
            states.add_metric((kind, state), count)
        yield states
        refused = CounterMetricFamily(
            "gateway_registry_refused", "Requests of who is not in service.", labels=("code",)
        )
        for code, count in sorted(life.registry.refused.items()):
            refused.add_metric((code,), count)
        yield refused
        yield CounterMetricFamily(
            "gateway_registry_stale", "Changes to a version that is no more.", life.registry.stale
        )
        kept = GaugeMetricFamily("gateway_kept", "Kept beside the charges.", labels=("kind",))
        for kept_kind in KeptKind:
            kept.add_metric((kept_kind.replace(" ", "_"),), life.keeper.count(kept_kind))
        yield kept
        audited = CounterMetricFamily(
            "gateway_audit_records", "Lines of the audit log.", labels=("kind",)
        )
        for audit_kind in AuditKind:
            count = life.keeper.audited[audit_kind]
            audited.add_metric((audit_kind.replace(" ", "_"),), count)
        yield audited
