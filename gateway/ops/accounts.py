"""Metrics of account services: requests and whose turn it is, refusals, terminals, backups."""

from __future__ import annotations

from typing import Final

from gateway.ops.metric import OTHER, Label, Section
from routing.accounts.anomalies import ACCOUNT_CHECKS, ANOMALIES
from routing.accounts.plan import MAIN
from routing.accounts.refusals import Code
from routing.accounts.second_states import THE_WAY
from routing.accounts.signals import RTT_S, SIGNALS
from routing.accounts.steps import Nudge
from routing.conventions.management import PARTS

_STATES: Final = (
    *("UNDER_REVIEW", "PRECHECK_FAILED", "APPROVED", "CANCELLED", "DEACTIVATED", "SUSPENDED"),
    *("TESTING", "RESTORED", "RETIRED", "REJECTED", "WITHDRAWN", "ABANDONED"),
    *(each for each in THE_WAY if each not in ("TESTING", "APPLIED")),
    OTHER,
)
_STANDS: Final = (
    *("UNDER_REVIEW", "PRECHECK_FAILED", "APPROVED", "CLOSING", "DRAINING", "BACKUP"),
    *("DEACTIVATED", "SUSPENDED", "UNDER_REPAIR", "REMEDIATION", "TESTING", OTHER),
)
"""Of those under way; `other` are those of the smaller cases."""
_OF_MONEY: Final = (Code.OPEN_CHARGES, Code.UNSETTLED_BATCH, Code.REVERSAL_PENDING)
ACCOUNTS: Final = Section("Account services")
OPEN: Final = ACCOUNTS.gauge(
    "gateway_account_requests",
    "requests",
    "Requests under way, by where they stand.",
    Label("state", _STANDS),
)
AGE: Final = ACCOUNTS.gauge(
    "gateway_account_request_age_seconds", "seconds", "Of the oldest request under way."
)
OVERDUE: Final = ACCOUNTS.gauge(
    "gateway_account_requests_overdue",
    "requests",
    "Requests on which somebody should have acted.",
)
STEPS: Final = ACCOUNTS.counter(
    "gateway_account_steps_total",
    "steps",
    "Requests that came to a state: where they pass, and where they end.",
    Label("state", _STATES),
)
REFUSALS: Final = ACCOUNTS.counter(
    "gateway_account_refusals_total",
    "refusals",
    "Reasons of refusals; there is none without one.",
    Label("code", tuple(Code)),
)
NUDGES: Final = ACCOUNTS.counter(
    "gateway_account_nudges_total",
    "notices",
    "Owners that were reminded, and requests that were escalated.",
    Label("nudge", tuple(Nudge)),
)
MISTAKES: Final = ACCOUNTS.counter(
    "gateway_account_mistakes_total", "messages", "Operators' messages that were refused."
)
BARRED: Final = ACCOUNTS.gauge(
    "gateway_account_barred", "subjects", "Merchants and terminals that may do no new business."
)
BUSINESS: Final = ACCOUNTS.counter(
    "gateway_account_business_refused_total", "requests", "New business of barred ones, refused."
)
LOCKED: Final = ACCOUNTS.gauge(
    "gateway_account_locked", "merchants", "Merchants whose account services are locked."
)
BLOCKING: Final = ACCOUNTS.gauge(
    "gateway_account_blocking",
    "requests",
    "Requests under way that something stands against, by what.",
    Label("code", (*_OF_MONEY, OTHER)),
)
COLLECTED: Final = ACCOUNTS.counter(
    "gateway_collected_total",
    "minor units",
    "Money of merchants with several accounts that came to stand, by channel and account.",
    Label("channel", ("chip", "code", OTHER)),
    Label("account", (MAIN, OTHER)),
)
FELL_BACK: Final = ACCOUNTS.counter(
    "gateway_collected_fallback_total",
    "charges",
    "Charges on the main account instead of one that was not open.",
)
SIGNALS_SEEN: Final = ACCOUNTS.counter(
    "gateway_terminal_signals_total",
    "signals",
    "What looked like an attack, or like a device that fails.",
    Label("signal", SIGNALS),
)
SUSPENDED: Final = ACCOUNTS.counter(
    "gateway_terminal_suspended_total",
    "terminals",
    "Terminals suspended at once, by why.",
    Label("signal", SIGNALS),
)
BROKEN: Final = ACCOUNTS.gauge(
    "gateway_terminal_hw_fault",
    "terminals",
    "Terminals that said that a part of them does not work.",
    Label("part", PARTS),
)
RTT: Final = ACCOUNTS.histogram(
    "gateway_terminal_rtt_seconds",
    "seconds",
    "Round trips to terminals, by their TCP, whenever one signs in, echoes or tells its state.",
    RTT_S,
)
STATUS_AGE: Final = ACCOUNTS.gauge(
    "gateway_terminal_status_age_seconds",
    "seconds",
    "Of the terminal that told its state longest ago.",
)
TESTS: Final = ACCOUNTS.counter(
    "gateway_terminal_tests_total", "tests", "Tests passed by terminals that come back."
)
SERIALS: Final = ACCOUNTS.counter(
    "gateway_terminal_unknown_serial_total", "reports", "Devices with a number not to be used."
)
ANOMALIES_FOUND: Final = ACCOUNTS.counter(
    "gateway_anomalies_total",
    "anomalies",
    "Merchants' days that looked like abuse.",
    Label("what", ANOMALIES),
)
CHECKS: Final = ACCOUNTS.counter(
    "gateway_account_checks_total",
    "notices",
    "Merchants told of what would stop their business.",
    Label("what", ACCOUNT_CHECKS),
)
CARD_SYNCS: Final = ACCOUNTS.counter(
    "gateway_settlement_sync_failures_total", "tries", "Cards that the bank could not be told."
)
CARDS_WAITING: Final = ACCOUNTS.gauge(
    "gateway_settlement_sync_pending", "merchants", "Merchants of which the bank must be told."
)
CARD_LAG: Final = ACCOUNTS.gauge(
    "gateway_settlement_sync_lag_seconds",
    "seconds",
    "Of the card that the bank has not acknowledged for longest.",
)
CARDS_DIFFER: Final = ACCOUNTS.gauge(
    "gateway_settlement_sync_mismatch",
    "merchants",
    "Merchants of which the bank has another card, by the last comparison.",
)
PAYOUTS_HELD: Final = ACCOUNTS.counter(
    "gateway_settlement_payouts_held_total", "payouts", "Payouts that wait for a person."
)
BACKUPS: Final = ACCOUNTS.counter(
    "gateway_backups_total",
    "backups",
    "Backups of terminals that go out of service.",
    Label("result", ("verified", "differs", "failed")),
)
JOURNAL_BACKUP_AGE: Final = ACCOUNTS.gauge(
    "gateway_journal_backup_age_seconds",
    "seconds",
    "Since the last backup of the journal that was restored for a test; 0: none yet.",
)
RESTORE_TEST: Final = ACCOUNTS.gauge(
    "gateway_restore_test_ok",
    "yes or no",
    "Whether the last backup of the journal could be restored.",
)
BACKUP_AGE: Final = ACCOUNTS.gauge(
    "gateway_backup_age_seconds", "seconds", "Since the last verified one; 0: none in this life."
)
