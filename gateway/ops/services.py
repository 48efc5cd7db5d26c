"""Metrics of account services: requests that persons decide, where they stand, how long."""

from __future__ import annotations

from typing import Final

from gateway.ops.metric import Label, Section
from routing.accounts.office import CASES

ACCOUNTS: Final = Section("Account services")
_MACHINES: Final = [case.machine for case in CASES]
KIND: Final = Label("kind", tuple(machine.kind for machine in _MACHINES))
PLACE: Final = Label(
    "state", tuple(dict.fromkeys(place for machine in _MACHINES for place in machine.places))
)
REQUESTS: Final = ACCOUNTS.gauge(
    "gateway_account_requests",
    "requests",
    "Requests under way, by where they stand.",
    KIND,
    PLACE,
    most=lambda _: sum(len(machine.places) for machine in _MACHINES),
)
OLDEST: Final = ACCOUNTS.gauge(
    "gateway_account_request_oldest_seconds",
    "seconds",
    "Age of the oldest request under way.",
    KIND,
)
OVERDUE: Final = ACCOUNTS.gauge(
    "gateway_account_requests_overdue",
    "requests",
    "Requests on which somebody should have acted by now.",
    KIND,
)
LOCKED: Final = ACCOUNTS.gauge(
    "gateway_accounts_locked", "merchants", "Merchants whose account an anomaly locked."
)
