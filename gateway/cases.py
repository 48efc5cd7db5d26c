"""Cases: charges that only a person can bring to their end, and what that person may decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codec import mask
from routing.charge import Event

if TYPE_CHECKING:
    from routing.charge import Charge

CLOSINGS: Final = {
    "served": Event.CLOSED_SERVED,
    "refunded": Event.CLOSED_REFUNDED,
    "reversed": Event.CLOSED_REVERSED,
    "retry": Event.CASE_RETRIED,
}

_WHY: Final = {
    "refused_by_host": "the host refused the reversal: it and the gateway disagree on this charge",
    "exhausted": "the host gave no definite answer within the schedule",
    "after_cut_over": "its settlement date is over: it can only be refunded",
    "outcome_unknown": "a refund without an answer: whether the host paid it nobody here knows",
    "void_unclear": "its void became a case: whether it is voided nobody here knows",
    "unbuildable": "its reversal can't be put into the host's dialect",
    "host_gone": "the configuration no longer names its host",
    "internal_error": "something happened to this charge that its state does not allow",
}


def case_of(charge: Charge) -> dict[str, Any]:
    """What a person needs to know to decide; the card number is masked."""
    return {
        "id": charge.id,
        "why": _WHY.get(charge.reason, charge.reason),
        "since": charge.updated_at,
        "host": charge.host,
        "merchant": charge.merchant,
        "terminal": charge.terminal,
        "stan": charge.stan,
        "rrn": charge.rrn,
        "card": mask.pan(charge.pan) if charge.pan else "",
        "amount": charge.money,
        "currency": charge.currency,
        "approved_by_host": charge.approval_held,
        "reversal_stan": charge.reversal_stan,
        "reversal_de7": charge.reversal_de7,
        "tries": charge.attempts,
    }
