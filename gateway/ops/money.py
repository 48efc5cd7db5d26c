"""Metrics of requests, charges, reversals and cases: where the money is, and how long it takes.

Amounts are in minor units.
"""

from __future__ import annotations

from typing import Final

from gateway.desk.complaints import Verdict
from gateway.desk.settlement import Kind as Difference
from gateway.ops import words
from gateway.ops.labels import CURRENCY, DIALECT, HOST, MTI_CLASS, REASON, STATE, WHY_REVERSED
from gateway.ops.metric import OTHER, Label, Section, Shape
from routing.charge import END_OF
from routing.tally import MONEY_BACK_S, OWN_S, REPLY_S
from routing.watch import NOT_SERVED_REASONS


def _transactions_max(of: Shape) -> int:
    """What had a host is of two classes; what was refused had none."""
    answered = of.hosts * of.dialects * 2 * len(words.OF_HOSTS)
    return answered + of.dialects * len(MTI_CLASS.words) * len(words.OF_REFUSALS)


# What comes, and what becomes of it

CHARGES: Final = Section("Requests and charges")
TRANSACTIONS: Final = CHARGES.counter(
    "gateway_transactions_total",
    "requests",
    "Requests of terminals, by what came of them; without a host: refused here, nothing was sent.",
    HOST,
    DIALECT,
    MTI_CLASS,
    Label("outcome", tuple(dict.fromkeys((*words.OF_HOSTS, *words.OF_REFUSALS)))),
    most=_transactions_max,
)
DUPLICATES: Final = CHARGES.counter(
    "gateway_duplicates_total",
    "requests",
    "Repeated charges, by what was done.",
    Label("action", ("answered", "waits", "refused")),
)
DECLINES: Final = CHARGES.counter(
    "gateway_declines_total",
    "charges",
    "By host and its DE 39.",
    HOST,
    Label("code", (*words.DECLINES, OTHER)),
)
IN_STATE: Final = CHARGES.gauge(
    "gateway_charges", "charges", "Charges held in memory, by state.", STATE
)
OPEN: Final = CHARGES.gauge(
    "gateway_open_charges", "charges", "Charges that have not come to their end."
)
OPEN_OLDEST: Final = CHARGES.gauge(
    "gateway_open_charge_oldest_seconds", "seconds", "Age of the oldest open charge."
)
AT_RISK: Final = CHARGES.gauge(
    "gateway_money_at_risk",
    "minor units",
    "Money of open charges: charged or about to be, and not served yet.",
    CURRENCY,
)
ENDS: Final = CHARGES.counter(
    "gateway_charge_ends_total",
    "charges",
    "Charges that came to an end.",
    Label("end", tuple(sorted(set(END_OF.values())))),
)
ORPHANS: Final = CHARGES.counter(
    "gateway_orphans_found_total", "charges", "Charges cut off by a restart."
)
LATE_APPROVALS: Final = CHARGES.counter(
    "gateway_late_approvals_total",
    "charges",
    "Approvals that came too late and were not delivered.",
)
SERVICE_OLDEST: Final = CHARGES.gauge(
    "gateway_service_pending_age_seconds",
    "seconds",
    "Of the charge that waits longest for its confirmation.",
)
SILENT_MERCHANTS: Final = CHARGES.counter(
    "gateway_merchant_silent_total", "charges", "Windows that ended without a confirmation."
)
NOT_SERVED: Final = CHARGES.counter(
    "gateway_not_served_total",
    "charges",
    "Not served, by what the till gave as its reason.",
    Label("reason", (*NOT_SERVED_REASONS, OTHER)),
)
TAKEN_BACK: Final = CHARGES.counter(
    "gateway_taken_back_total", "charges", "Charges undone after delivery."
)
INTERNAL_ERRORS: Final = CHARGES.counter(
    "gateway_internal_errors_total",
    "charges",
    "Events that a charge's state does not allow; each made a case.",
)

# How long it takes

TIMES: Final = Section("Times")
LEG: Final = TIMES.histogram(
    "gateway_leg_seconds",
    "seconds",
    "The gateway's own part of a charge's time: from the request to its leaving for the host, "
    "and from the approval to its leaving for the terminal; with the journal, without the host.",
    OWN_S,
    Label("leg", ("to_host", "to_terminal")),
)
REPLY: Final = TIMES.histogram(
    "gateway_host_reply_seconds",
    "seconds",
    "The host's part: from a charge's leaving to its answer's coming.",
    REPLY_S,
    HOST,
)

# Reversals

REVERSALS: Final = Section("Reversals")
BEGUN: Final = REVERSALS.counter(
    "gateway_reversals_total", "reversals", "Reversals begun, by why.", WHY_REVERSED
)
DUE: Final = REVERSALS.gauge(
    "gateway_reversals_due", "charges", "Charges whose reversal no host has acknowledged yet."
)
DUE_OLDEST: Final = REVERSALS.gauge(
    "gateway_reversal_oldest_seconds", "seconds", "Since the oldest reversal that is due was begun."
)
ACKNOWLEDGED: Final = REVERSALS.histogram(
    "gateway_reversal_latency_seconds",
    "seconds",
    "From a reversal's beginning to the host's acknowledgement.",
    MONEY_BACK_S,
)
HELD: Final = REVERSALS.counter(
    "gateway_reversals_held_total", "reversals", "Held for review: taken back once too often."
)
REFUNDS_BLOCKED: Final = REVERSALS.counter(
    "gateway_refunds_blocked_total", "refunds", "Refunds that a host declined."
)

# What waits for persons

CASES: Final = Section("Cases, complaints, customers")
OPEN_CASES: Final = CASES.gauge(
    "gateway_cases_open", "charges", "Cases that wait for a person, voids and refunds among them."
)
CASES_BY: Final = CASES.gauge("gateway_cases", "charges", "The same, by why.", REASON)
CASE_OLDEST: Final = CASES.gauge(
    "gateway_case_age_seconds", "seconds", "Age of the oldest open case."
)
DISPUTED: Final = CASES.gauge(
    "gateway_disputed_money", "minor units", "Frozen until two persons decide.", CURRENCY
)
COMPLAINTS: Final = CASES.counter(
    "gateway_complaints_total", "complaints", "By verdict.", Label("verdict", (*Verdict, OTHER))
)
COMPLAINT_OLDEST: Final = CASES.gauge(
    "gateway_complaint_age_seconds", "seconds", "Age of the oldest complaint without its end."
)
MONEY_BACK: Final = CASES.histogram(
    "gateway_complaint_to_money_back_seconds",
    "seconds",
    "From the first complaint about a charge to its reversal or refund.",
    MONEY_BACK_S,
)
DIFFERENCES: Final = CASES.counter(
    "gateway_recon_diffs_total",
    "differences",
    "Differences between settlement files and the journal.",
    Label("kind", (*Difference, OTHER)),
)
NOTICES_WRITTEN: Final = CASES.counter(
    "gateway_notices_written_total",
    "notices",
    "Notices to customers, by what they tell.",
    Label("told", ("being_reversed", "reversed", "refunded", "in_review")),
)
NOTICES: Final = CASES.counter(
    "gateway_notices_total",
    "tries",
    "Tries to deliver a notice, by what came of them.",
    Label("result", ("taken", "failed", "refused", "given_up")),
)
