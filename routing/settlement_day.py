"""The settlement date of a host: which day's money a charge is, and whether that day is over.

Rule 1.  A host's date is the latest DE 15 that it told: in an answer or at its cut-over.
Rule 2.  Between the begin and the end of a cut-over (DE 70 of 201 and 202) new charges get 90.  An
         end that never comes is taken for granted after `CUT_OVER_MAX_S`.
Rule 3.  A charge belongs to the date of its approval.  Once its host's date is a later one the
         charge is settled: it can't be reversed any more, only refunded.  Until an approval tells
         better it belongs to the host's date as it was sent; one heard afterwards is not its own.
Rule 4.  That a host knows nothing of a charge of an earlier date, or of an unknown one, may mean
         that it is settled there: no end, but a case.

Rule 5.  Where a host tells no dates, `settles_at` of the configuration ends its days by the clock.

Dates of the 1987 edition have no year: the shorter way round tells which of two is later.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from routing.clock import Now

CUT_OVER_MAX_S: Final = 600.0
_LEAP_YEAR: Final = 2024
_DAYS: Final = 366
_DIGITS: Final = 4


def is_later(one: str, other: str) -> bool:
    """Whether MMDD `one` is later than MMDD `other`; False if either is no date."""
    days = _day(one), _day(other)
    if days[0] is None or days[1] is None:
        return False
    return 0 < (days[0] - days[1]) % _DAYS < _DAYS // 2


def _day(text: str) -> int | None:
    if len(text) != _DIGITS or not (text.isascii() and text.isdigit()):
        return None
    try:
        return date(_LEAP_YEAR, int(text[:2]), int(text[2:])).timetuple().tm_yday
    except ValueError:
        return None


def date_at(now: Now, settles_at: str) -> str:
    """MMDD of the settlement date of a host whose days end at `settles_at` (HH:MM, UTC)."""
    utc = now.utc()
    ended = utc.strftime("%H:%M") >= settles_at
    return (utc + timedelta(days=ended)).strftime("%m%d")


class SettlementDay:
    """What one host told of its day."""

    def __init__(self) -> None:
        self.date = ""
        """MMDD; '' as long as the host told none."""
        self._cutting_over_until = 0.0

    def told(self, settlement_date: str) -> None:
        """The host named a date, or '' if its message had none."""
        if not settlement_date:
            return
        settlement_date = settlement_date[-_DIGITS:]
        if settlement_date == self.date:
            return
        if is_later(settlement_date, self.date) or (not self.date and _day(settlement_date)):
            self.date = settlement_date

    def cut_over_begins(self, now: float) -> None:
        """The host closes its day."""
        self._cutting_over_until = now + CUT_OVER_MAX_S

    def cut_over_ends(self) -> None:
        """The host's new day has begun."""
        self._cutting_over_until = 0.0

    def is_cutting_over(self, now: float) -> bool:
        """Whether new charges have to wait for the host's new day."""
        return now < self._cutting_over_until

    def has_settled(self, settlement_date: str) -> bool:
        """Whether the day of a charge is over."""
        return self.date != settlement_date and is_later(self.date, settlement_date)
