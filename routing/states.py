"""The words in which the life of a charge is told: states, events, actions.

What they mean stands in `charge`, with the table that ties them together.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a charge stands.  `charge.END_OF` maps the final ones to the words of the promise."""

    SENT = "SENT"
    APPROVED = "APPROVED"
    DELIVERY_UNKNOWN = "DELIVERY_UNKNOWN"
    DELIVERED = "DELIVERED"
    REVERSAL_DUE = "REVERSAL_DUE"
    VOIDING = "VOIDING"
    NEVER_LEFT = "NEVER_LEFT"
    DECLINED = "DECLINED"
    PRESUMED_SERVED = "PRESUMED_SERVED"
    SERVED = "SERVED"
    REVERSED = "REVERSED"
    NOTHING_TO_REVERSE = "NOTHING_TO_REVERSE"
    VOIDED = "VOIDED"
    REFUNDED = "REFUNDED"
    CASE = "CASE"


class Event(StrEnum):
    """What can happen to a charge."""

    APPROVAL = "APPROVAL"
    UNDELIVERABLE_APPROVAL = "UNDELIVERABLE_APPROVAL"
    DECLINE = "DECLINE"
    NO_ANSWER = "NO_ANSWER"
    UNSENDABLE = "UNSENDABLE"
    RESTART = "RESTART"
    DELIVERY_PROVEN = "DELIVERY_PROVEN"
    DELIVERY_IS_SERVICE = "DELIVERY_IS_SERVICE"
    TERMINAL_LOST = "TERMINAL_LOST"
    PROOF_TIME_OVER = "PROOF_TIME_OVER"
    WINDOW_OVER = "WINDOW_OVER"
    REPEAT = "REPEAT"
    CONFIRMED = "CONFIRMED"
    NOT_SERVED = "NOT_SERVED"
    TERMINAL_REVERSAL = "TERMINAL_REVERSAL"
    PARTLY_SERVED = "PARTLY_SERVED"
    REVERSAL_SENT = "REVERSAL_SENT"
    REVERSAL_ACCEPTED = "REVERSAL_ACCEPTED"
    PARTLY_REVERSED = "PARTLY_REVERSED"
    NOTHING_FOUND = "NOTHING_FOUND"
    REVERSAL_REFUSED = "REVERSAL_REFUSED"
    REVERSAL_UNANSWERED = "REVERSAL_UNANSWERED"
    REVERSAL_EXHAUSTED = "REVERSAL_EXHAUSTED"
    LATE_DECLINE_BEFORE_REVERSAL = "LATE_DECLINE_BEFORE_REVERSAL"
    APPROVAL_STANDS = "APPROVAL_STANDS"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    ADVICE_TAKEN = "ADVICE_TAKEN"
    ADVICE_DISPUTED = "ADVICE_DISPUTED"
    ADVISED_AGAIN = "ADVISED_AGAIN"
    VOID_BEGUN = "VOID_BEGUN"
    VOID_STANDS = "VOID_STANDS"
    VOID_UNCLEAR = "VOID_UNCLEAR"
    STANDS_UNCONFIRMED = "STANDS_UNCONFIRMED"
    STANDS_PRESUMED = "STANDS_PRESUMED"
    STANDS_SERVED = "STANDS_SERVED"
    REFUND_BEGUN = "REFUND_BEGUN"
    REFUND_FAILED = "REFUND_FAILED"
    REFUNDED_WHOLE = "REFUNDED_WHOLE"
    QUESTIONED = "QUESTIONED"
    VOUCHED_LATE = "VOUCHED_LATE"
    HELD_FOR_REVIEW = "HELD_FOR_REVIEW"
    OVER_LIMIT = "OVER_LIMIT"
    CLOSED_SERVED = "CLOSED_SERVED"
    CLOSED_REFUNDED = "CLOSED_REFUNDED"
    CLOSED_REVERSED = "CLOSED_REVERSED"
    CASE_RETRIED = "CASE_RETRIED"


class Action(StrEnum):
    """What the switch carries out when a step is taken."""

    RELAY_ANSWER = "relay the host's answer to the terminal"
    TELL_NO_ANSWER = "tell the terminal that no answer came"
    TELL_UNSENT = "tell the terminal that nothing was sent"
    ANSWER_AGAIN = "give the stored answer"
    TELL_REVERSED = "answer a repeat: this sale does not stand"
    OPEN_WINDOW = "open the window for the service confirmation"
    HOLD_FOR_PROOF = "hold for a proof of delivery"
    BEGIN_REVERSAL = "give the reversal its one identity and make it due"
    RETRY_LATER = "schedule the next try of the reversal"
    TELL_A_PERSON = "open a case"
