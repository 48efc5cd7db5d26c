"""Cases: charges that only a person can bring to their end, and what that person should know."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from codec import mask
from routing.docket import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routing.charge import Charge
    from routing.docket import Proposal
    from routing.effects import Noted

_WHY: Final = {
    "refused_by_host": "the host refused the reversal: it and the gateway disagree on this charge",
    "exhausted": "the host gave no definite answer within the schedule",
    "after_cut_over": "its settlement date is over: it can only be refunded",
    "outcome_unknown": "a refund without an answer: whether the host paid it nobody here knows",
    "void_unclear": "its void became a case: whether it is voided nobody here knows",
    "unbuildable": "its reversal can't be put into the host's dialect",
    "host_gone": "the configuration no longer names its host",
    "internal_error": "something happened to this charge that its state does not allow",
    "disputed": "somebody disputes it: its money is frozen until two persons decide",
    "held_for_review": "delivered and taken back, by a terminal or card that does so too often",
    "complaint": "the customer says that nothing was served, and nobody confirmed a service",
    "settlement_missing": "approved here, and the host's settlement file does not have it",
    "settlement_charged": "not standing here, and the host's settlement file charges it",
    "settlement_amount": "the host's settlement file has another amount",
    "settlement_twice": "the host's settlement file charges it more than once",
}


def case_of(
    charge: Charge, said: Iterable[Noted] = (), proposal: Proposal | None = None
) -> dict[str, Any]:
    """What a person needs to know to decide; the card number is masked."""
    proposed = ("", "")
    for entry in said:
        if entry.kind == Entry.PROPOSED:
            proposed = (str(entry.said["how"]), entry.who)
        elif entry.kind in (Entry.WITHDRAWN, Entry.DECIDED):
            proposed = ("", "")
    if proposal is not None:
        proposed = (proposal.how, proposal.who)
    return {
        "id": charge.id,
        "why": _WHY.get(charge.reason, charge.reason),
        "reason": charge.reason,
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
        "proposed": proposed[0],
        "proposed_by": proposed[1],
    }


def difference_of(entry: Noted) -> dict[str, Any]:
    """A difference to a settlement file, for a person to ask the host."""
    at = datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="seconds")
    return {"key": entry.key, "at": at, "found_by": entry.who, **entry.said}
