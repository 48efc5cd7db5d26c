"""Charges by their number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routing.charge_record import Charge

_BITS: Final = 6
_EACH: Final = 1 << _BITS
_WITHIN: Final = _EACH - 1


class _Row:
    """Charges whose numbers differ in their last bits alone."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.charges: list[Charge | None] = [None] * _EACH
        self.count = 0


class Numbered:
    """Numbers are given in turn, and charges end nearly as they came: so neighbours stand in a row,
    and a row is looked up only where it is not that of the one before.
    """

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}
        self._last = _Row(-1)
        """Where the last charge was put."""
        self._asked = self._last
        """Where the last one was asked for."""
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, number: int, charge: Charge) -> None:
        """From now on this is the charge with that number."""
        at, row = number >> _BITS, self._last
        if row.at != at:
            if row.count == 0:
                self._rows.pop(row.at, None)
            # Also as the one that was asked for: that may be the one that is given up here.
            row = self._last = self._asked = self._rows.setdefault(at, _Row(at))
        if row.charges[number & _WITHIN] is None:
            row.count += 1
            self._count += 1
        row.charges[number & _WITHIN] = charge

    def rows(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def get(self, number: int) -> Charge | None:
        """The charge with this number."""
        row = self._row_of(number)
        return row.charges[number & _WITHIN] if row is not None else None

    def drop(self, number: int) -> None:
        """Whichever charge has this number, it is held no longer."""
        row = self._row_of(number)
        if row is None or row.charges[number & _WITHIN] is None:
            return
        row.charges[number & _WITHIN] = None
        row.count -= 1
        self._count -= 1
        if row.count == 0 and row is not self._last:
            del self._rows[row.at]
            self._asked = self._last

    def _row_of(self, number: int) -> _Row | None:
        at, row = number >> _BITS, self._asked
        if row.at != at:
            found = self._rows.get(at)
            if found is None:
                return None
            row = self._asked = found
        return row

    def newest(self) -> Iterator[Charge]:
        """All of them, the highest number first."""
        for at in sorted(self._rows, reverse=True):
            row = self._rows.get(at)
            if row is not None:
                yield from (each for each in reversed(row.charges) if each is not None)
