"""Tells the charge that a void or refund is about what becomes of it; the rules: `undoing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing.charge import Event
from routing.effects import Lookup
from routing.reason import Reason
from routing.transaction import Transaction
from routing.undoing import consequence

if TYPE_CHECKING:
    from routing.charge import Charge
    from routing.clock import Now
    from routing.lifecycle import Lifecycle


class Originals:
    """The charges that are undone, or to be."""

    def __init__(self, life: Lifecycle) -> None:
        self._life = life

    def undo(self, original: Charge, undoing: Charge, now: Now) -> None:
        """A void or refund of `original` was opened: nothing else may undo the same money."""
        if undoing.kind is Transaction.REFUND:
            original.given_back += undoing.amount
            self._life.apply(original, Event.REFUND_BEGUN, now)
        else:
            original.stood = original.state
            self._life.apply(original, Event.VOID_BEGUN, now)

    def tell(self, undoing: Charge, now: Now) -> None:
        """What became of a void or refund; memory may no longer hold its original."""

        def found(original: Charge | None, now: Now) -> None:
            if original is not None:
                self._tell(undoing, original, now)

        original = self._life.book.get(undoing.original_id)
        if original is None:
            self._life.outbox.lookups.append(Lookup(undoing.original_id, found))
        else:
            self._tell(undoing, original, now)

    def _tell(self, undoing: Charge, original: Charge, now: Now) -> None:
        event = consequence(undoing, original)
        if event is None:
            return
        if event is Event.REFUND_FAILED:
            original.given_back -= undoing.amount
        reason = Reason.VOID_UNCLEAR if event is Event.VOID_UNCLEAR else None
        self._life.apply(original, event, now, reason=reason)
