"""Settlement days: which one an instant belongs to, which one a new card may begin with.

Rule 1.  A day ends at the cut-over, by the clock of the rules in force.
Rule 2.  A day on which a settlement run came, or a card began, is never again a day that a new card
         may begin with, whatever becomes of the clock: the next one is later than all of them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from routing.accounts.settlement_settings import minute_of
from routing.keeper import KeptKind

if TYPE_CHECKING:
    from routing.accounts.office import Office
    from routing.clock import Now

ALWAYS: Final = "0000-00-00"
"""Earlier than every day: since when a card counts that was there before anything changed."""
_DAY_S: Final = 86_400.0
_KEY: Final = "newest day"
COMPARED: Final = "compared"
"""Under which it is kept when both sides' cards were compared last."""


class SettlementDays:
    """The calendar; days are texts like 2026-11-26, in whose order they come."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.newest = ALWAYS
        """The newest day on which a run came or a card began."""

    def restore(self) -> float:
        """What earlier lives had come to; returns when both sides' cards were compared last."""
        compared_at = 0.0
        for each in self._office.life.keeper.left(KeptKind.SETTLEMENT_DAY):
            data = each.data or {}
            if each.key == COMPARED:
                compared_at = float(data["at"])
            else:
                self.newest = str(data["day"])
        return compared_at

    def _offset_s(self, wall: float) -> float:
        """From UTC to the clock on which every day begins at midnight."""
        minutes = self._office.book.at(wall).utc_offset_min
        cut_over = minute_of(self._office.life.settings.settlement.cut_over_at)
        return (minutes - cut_over + (24 * 60 if cut_over else 0)) * 60.0

    def at(self, wall: float) -> str:
        """The day that an instant belongs to."""
        return f"{datetime.fromtimestamp(wall + self._offset_s(wall), UTC):%Y-%m-%d}"

    def current(self, now: Now) -> str:
        """Today; never earlier than a day that was run."""
        return max(self.at(now.wall), self.newest)

    def next(self, now: Now) -> str:
        """The day that a card may begin with which the bank knows now."""
        return self.after(self.current(now))

    @staticmethod
    def after(day: str) -> str:
        """The day after."""
        return f"{date.fromisoformat(day) + timedelta(days=1)}"

    def bounds(self, day: str) -> tuple[float, float]:
        """When a day begins and ends.  Raises ValueError for what is no day."""
        midnight = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
        begins = midnight - self._offset_s(midnight)
        return begins, begins + _DAY_S

    def came(self, day: str, now: Now) -> None:
        """A run came on a day, or a card began with it."""
        if day > self.newest:
            self.newest = day
            self._office.life.keeper.keep(KeptKind.SETTLEMENT_DAY, _KEY, {"day": day}, now)
