"""Metrics of who is registered, and of what is kept and audited beside the charges."""

from __future__ import annotations

from typing import Final

from gateway.ops.metric import OTHER, Label, Section
from routing.entries import MerchantState, TerminalState
from routing.keeper import AuditKind, KeptKind

REGISTRY: Final = Section("Registry and records")
MERCHANTS: Final = REGISTRY.gauge(
    "gateway_registry_merchants",
    "merchants",
    "Registered merchants.",
    Label("state", tuple(MerchantState)),
)
TERMINALS: Final = REGISTRY.gauge(
    "gateway_registry_terminals",
    "terminals",
    "Registered terminals.",
    Label("state", tuple(TerminalState)),
)
REFUSED: Final = REGISTRY.counter(
    "gateway_registry_refused_total",
    "requests",
    "Requests of terminals that are unknown or not in service, by DE 39.",
    Label("code", ("03", "58", "97", OTHER)),
)
STALE: Final = REGISTRY.counter(
    "gateway_registry_stale_total",
    "changes",
    "Changes that were refused, because somebody had changed the entry meanwhile.",
)
KEPT: Final = REGISTRY.gauge(
    "gateway_kept", "records", "What is kept beside the charges.", Label("kind", tuple(KeptKind))
)
AUDITED: Final = REGISTRY.counter(
    "gateway_audit_records_total",
    "lines",
    "Lines of the audit log that this process wrote.",
    Label("kind", tuple(AuditKind)),
)
