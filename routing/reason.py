"""Why charges are reversed or become cases."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why a charge is reversed, or why it became a case."""

    NO_ANSWER = "no_answer"
    ANSWER_MAC = "answer_mac"
    LINK_LOST = "link_lost"
    TERMINAL_GONE = "terminal_gone"
    DELIVERY_UNKNOWN = "delivery_unknown"
    NOT_SERVED = "not_served"
    NOT_CONFIRMED = "not_confirmed"
    TERMINAL_REVERSAL = "terminal_reversal"
    TERMINAL_NO_ANSWER = "terminal_no_answer"
    TERMINAL_ANSWER_MAC = "terminal_answer_mac"
    PARTLY_SERVED = "partly_served"
    TERMINAL_CANCELLED = "terminal_cancelled"
    TERMINAL_CANNOT_FINISH = "terminal_cannot_finish"
    RESTART = "restart"
    REFUSED_BY_HOST = "refused_by_host"
    EXHAUSTED = "exhausted"
    UNKNOWN_TO_TERMINAL = "unknown_to_terminal"
    NEVER_SETTLED = "never_settled"
    SERVED_AFTER_REVERSAL = "served_after_reversal"
    SERVED_THOUGH_DECLINED = "served_though_declined"
    AMOUNT_DIFFERS = "amount_differs"
    AFTER_CUT_OVER = "after_cut_over"
    VOID_UNCLEAR = "void_unclear"
    OUTCOME_UNKNOWN = "outcome_unknown"
    UNBUILDABLE = "unbuildable"
    HOST_GONE = "host_gone"
    OVER_LIMIT = "over_limit"
    HELD_FOR_REVIEW = "held_for_review"
    DISPUTED = "disputed"
    COMPLAINT = "complaint"
    SETTLEMENT_MISSING = "settlement_missing"
    SETTLEMENT_CHARGED = "settlement_charged"
    SETTLEMENT_AMOUNT = "settlement_amount"
    SETTLEMENT_TWICE = "settlement_twice"
    INTERNAL_ERROR = "internal_error"
    BY_A_PERSON = "by_a_person"


TOLD_BY_TERMINAL: Final = frozenset(
    {
        Reason.TERMINAL_REVERSAL,
        Reason.TERMINAL_NO_ANSWER,
        Reason.TERMINAL_ANSWER_MAC,
        Reason.TERMINAL_CANCELLED,
        Reason.TERMINAL_CANNOT_FINISH,
        Reason.NOT_SERVED,
    }
)
"""A terminal itself took the charge back."""
