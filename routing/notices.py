"""What customers are told, when a sale that they were charged for does not stand.

Routing writes the notice into the docket, in the same batch as the step that it tells of; somebody
else delivers it.  Only what was charged is told of: an approval that a host gave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codec import mask
from routing.docket import Docket, Entry
from routing.states import State

if TYPE_CHECKING:
    from routing.charge import Charge, Event
    from routing.clock import Now
    from routing.lifecycle import Lifecycle

_TOLD: Final = {
    State.REVERSAL_DUE: "being_reversed",
    State.REVERSED: "reversed",
    State.VOIDED: "reversed",
    State.REFUNDED: "refunded",
    State.CASE: "in_review",
}


class Notices:
    """Writes notices; `written` counts them by what they tell."""

    def __init__(self, life: Lifecycle, docket: Docket) -> None:
        self._overdue_s = life.settings.reversal.overdue_s
        self._test_till = life.settings.test_till
        self._docket = docket
        if life.settings.notices:
            life.watchers.add(self._moved, after=_TOLD)

    def _moved(self, charge: Charge, before: State, event: Event, now: Now) -> None:
        del before, event
        told = _TOLD.get(charge.state)
        if told is None or not charge.approval_held or charge.kind.undoes:
            return
        if charge.till == self._test_till:
            return
        by = now.wall + self._overdue_s if charge.state is State.REVERSAL_DUE else 0.0
        # A charge may become due again, by another day's decision: that is told again.
        key = f"{charge.id}-{told}-{int(now.wall * 1000)}"
        self._docket.counts["notice", told] += 1
        said: dict[str, str | int | float] = {
            "told": told,
            "by": by,
            "card": mask.pan(charge.pan) if charge.pan else "",
            "amount": charge.money - charge.keeps,
            "currency": charge.currency,
            "merchant": charge.merchant,
            "terminal": charge.terminal,
            "rrn": charge.rrn,
        }
        self._docket.note(Entry.NOTICE, now, charge=charge.id, key=key, said=said)
