"""Charges one after the other; each can leave from wherever it stands, at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from routing.charge_record import Charge


class Chain:
    """In the order in which they joined.  A charge stands in one chain at a time."""

    def __init__(self) -> None:
        self.first: Charge | None = None
        self.last: Charge | None = None
        self.count = 0

    def join(self, charge: Charge) -> None:
        """It stands last."""
        before = self.last
        charge.earlier, charge.later = before, None
        if before is None:
            self.first = charge
        else:
            before.later = charge
        self.last = charge
        self.count += 1

    def leave(self, charge: Charge) -> None:
        """It stands here no more."""
        before, after = charge.earlier, charge.later
        charge.earlier = charge.later = None
        if before is None:
            self.first = after
        else:
            before.later = after
        if after is None:
            self.last = before
        else:
            after.earlier = before
        self.count -= 1

    def all(self) -> list[Charge]:
        """All that stand here."""
        found, each = [], self.first
        while each is not None:
            found.append(each)
            each = each.later
        return found

    def clear(self) -> None:
        """All leave: charges in a row hold each other."""
        while self.first is not None:
            self.leave(self.first)
