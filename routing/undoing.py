"""Voids and refunds: what may be undone, and what becomes of the charge that they are about.

A void or a refund goes to the host like a charge and has the same life, with these rules:

Rule 1.  It goes to the host that has the original, and names it as that host knows it.
Rule 2.  Only what stands can be undone: what is declined gives 12, what is in flight 09, what is
         undone, or about to be, gives 22.  A sale that waits for its confirmation can be voided;
         to refund it would be to give the money back twice if the confirmation never came.
Rule 3.  While a void is under way its original is VOIDING: nothing else may undo it.  If the void
         stands, the original is VOIDED; if it was declined, or reversed because nobody knows
         whether it stands, the original stands as before; of a case it becomes one, too.
Rule 4.  A refund takes its amount from what is left of the original at once, and returns it if it
         fails.  When nothing is left the original is REFUNDED.
         A person may have a case refunded in the same way.
Rule 5.  A void is reversible like a charge.  A refund is not: what the host approved stands, heard
         of or not, and without an answer a person must ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing import response_codes as rc
from routing.charge import Event, State
from routing.transaction import Transaction

if TYPE_CHECKING:
    from routing.charge import Charge

_STANDS: Final = frozenset({State.PRESUMED_SERVED, State.SERVED})
_FAILED: Final = frozenset(
    {State.DECLINED, State.NEVER_LEFT, State.REVERSED, State.NOTHING_TO_REVERSE}
)
_REFUND_STANDS: Final = _STANDS | {State.REFUNDED}
_STANDS_AGAIN: Final[dict[str, Event]] = {
    State.DELIVERED: Event.STANDS_UNCONFIRMED,
    State.PRESUMED_SERVED: Event.STANDS_PRESUMED,
    State.SERVED: Event.STANDS_SERVED,
}
_NEVER_STOOD: Final = frozenset({State.DECLINED, State.NEVER_LEFT})


def refusal(original: Charge, pan: str, amount: int, *, refunds: bool) -> str:
    """DE 39 for a void or refund of `original` that can't be; '' if it may go to the host."""
    if original.kind.undoes or original.state in _NEVER_STOOD:
        return rc.INVALID_TRANSACTION
    if pan and original.pan and pan != original.pan:
        return rc.INVALID_CARD
    if original.state is State.SENT:
        return rc.IN_PROGRESS
    left = original.money - original.given_back
    if refunds:
        too_much = rc.AMOUNT_LIMIT if amount > left else ""
        return too_much if original.state in _STANDS else rc.STATE_CONFLICT
    if original.state not in _STANDS_AGAIN or left != original.money:
        return rc.STATE_CONFLICT
    return "" if amount == left else rc.AMOUNT_DIFFERS


def consequence(undoing: Charge, original: Charge) -> Event | None:
    """What the state of a void or refund does to its original; None if nothing (any more)."""
    if undoing.kind is Transaction.REFUND:
        return _consequence_of_refund(undoing, original)
    if original.state is State.VOIDING:
        if undoing.state in _STANDS:
            return Event.VOID_STANDS
    elif original.state is not State.VOIDED:
        return None
    if undoing.state in _FAILED:
        return _STANDS_AGAIN[original.stood]
    return Event.VOID_UNCLEAR if undoing.state is State.CASE else None


def _consequence_of_refund(refund: Charge, original: Charge) -> Event | None:
    if original.state not in _STANDS and original.state is not State.CASE:
        return None
    if refund.state in _FAILED:
        return Event.REFUND_FAILED
    if refund.state in _REFUND_STANDS and original.given_back >= original.money:
        return Event.REFUNDED_WHOLE
    return None


def is_amount_of(charge: Charge, amount: str) -> bool:
    """Whether a reversal speaks of the amount that was asked for or approved, or of none."""
    return not amount or amount in (f"{charge.amount:012d}", f"{charge.money:012d}")
