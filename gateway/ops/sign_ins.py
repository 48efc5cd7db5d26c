"""Metrics of terminals that sign in: their keys, their devices, and what looks wrong with them."""

from __future__ import annotations

from typing import Final

from gateway.ops.metric import Label, Section
from routing.findings import Finding
from routing.sign_in import SignEvent, SignState

TERMINALS: Final = Section("Terminals that sign in")
SIGNED: Final = TERMINALS.gauge(
    "gateway_terminals",
    "terminals",
    "Terminals that ever signed in, by state.",
    Label("state", tuple(SignState)),
)
STEPS: Final = TERMINALS.counter(
    "gateway_terminal_steps_total",
    "steps",
    "What happened to terminals' sessions.",
    Label("event", tuple(SignEvent)),
)
HELD: Final = TERMINALS.gauge(
    "gateway_terminal_keys", "terminals", "Terminals whose MAC keys are in memory."
)
CROWDED: Final = TERMINALS.counter(
    "gateway_terminal_sign_ins_crowded_total",
    "requests",
    "Sign-ins refused because too many waited for keys.",
)
WORK_FAILED: Final = TERMINALS.counter(
    "gateway_key_work_failed_total", "pieces", "Work for the custody that could not be done."
)
FOUND: Final = TERMINALS.counter(
    "gateway_terminal_findings_total",
    "findings",
    "What looked like a mistake or an attack of a terminal.",
    Label("what", tuple(Finding)),
)
UNAUDITED: Final = TERMINALS.counter(
    "gateway_terminal_findings_unaudited_total",
    "findings",
    "Findings that were counted only: too many came at once.",
)
