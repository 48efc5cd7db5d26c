"""Why charges are reversed or become cases."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a charge is reversed, or why it became a case."""

    NO_ANSWER = "no_answer"
    LINK_LOST = "link_lost"
    TERMINAL_GONE = "terminal_gone"
    DELIVERY_UNKNOWN = "delivery_unknown"
    NOT_SERVED = "not_served"
    NOT_CONFIRMED = "not_confirmed"
    TERMINAL_REVERSAL = "terminal_reversal"
    RESTART = "restart"
    REFUSED_BY_HOST = "refused_by_host"
    EXHAUSTED = "exhausted"
    HOST_GONE = "host_gone"
    INTERNAL_ERROR = "internal_error"
    BY_A_PERSON = "by_a_person"
