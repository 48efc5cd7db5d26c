"""What a merchant's day looked like, and whether it looks like abuse: one look at each day's end.

Rule 1.  Many sales at night, of round amounts, given back again, or within one minute at one
         terminal, is an anomaly: audited, told, and, where the settings say so, a lock of the
         merchant's account services until two persons looked.
Rule 2.  Few sales show nothing.

Counts are of this life of the gateway: a day with a restart in it is judged by its longer part.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from routing.accounts import digest
from routing.keeper import AuditKind
from routing.states import State
from routing.watchers import Told

if TYPE_CHECKING:
    from routing.accounts.office import Office
    from routing.charge import Charge
    from routing.clock import Now
    from routing.states import Event

ANOMALIES: Final = ("night sales", "round amounts", "given back", "velocity")
ACCOUNT_CHECKS: Final = ("balance below zero", "contract ends", "licence ends")
MERCHANTS_MAX: Final = 20_000
"""Merchants whose day is counted; others' is not."""
_ROUND: Final = 10_000
"""Minor units of which an amount is a multiple that is round."""
_DAY_S: Final = 86_400.0
_MINUTE_S: Final = 60.0
_SOON_S: Final = 30 * _DAY_S
_BEGAN_STANDING: Final = frozenset({State.APPROVED, State.PRESUMED_SERVED, State.DELIVERED})


class _Pace:
    """How fast one terminal sells."""

    def __init__(self, day: _Day) -> None:
        self.day = day
        """Its merchant's."""
        self.minute = -1
        self.sales = 0
        """Within that minute."""


class _Day:
    """One merchant's."""

    def __init__(self) -> None:
        self.sales = self.money = self.night = self.round = 0
        self.given_back = 0
        """Money of refunds and voids."""
        self.most_a_minute = 0

    def note(self, charge: Charge, pace: _Pace, minute: int, at_night: bool) -> None:
        """A charge was approved."""
        money = charge.approved_amount or charge.amount
        if charge.undoes:
            self.given_back += money
            return
        self.sales += 1
        self.money += money
        self.round += money % _ROUND == 0
        self.night += at_night
        if pace.minute != minute:
            pace.minute, pace.sales = minute, 0
        pace.sales += 1
        self.most_a_minute = max(self.most_a_minute, pace.sales)


class Anomalies(Told):
    """The day's counts, and the look at its end."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._days: dict[str, _Day] = {}
        self._paces: dict[str, _Pace] = {}
        """By terminal (merchant|terminal), each of a merchant whose day is counted."""
        self._day = 0.0
        self._minute, self._minute_ends, self._is_night = -1, 0.0, False
        self.found: Counter[str] = Counter()
        """Anomalies of this life, by what they were."""
        self.alerts: Counter[str] = Counter()
        office.life.watchers.add(self, before=(State.SENT,), after=_BEGAN_STANDING)

    def moved(self, charge: Charge, before: State, event: Event, now: Now) -> None:
        """Counts it in its merchant's day."""
        del before, event
        pace = self._paces.get(charge.till)
        if pace is None:
            pace = self._new_pace(charge)
        if pace is None:
            return
        if not 0.0 < self._minute_ends - now.wall <= _MINUTE_S:
            self._begin_minute(now.wall)
        pace.day.note(charge, pace, self._minute, self._is_night)

    def _new_pace(self, charge: Charge) -> _Pace | None:
        day = self._days.get(charge.merchant)
        if day is None:
            if len(self._days) >= MERCHANTS_MAX:
                return None
            day = self._days[charge.merchant] = _Day()
        pace = self._paces[charge.till] = _Pace(day)
        return pace

    def _begin_minute(self, wall: float) -> None:
        self._minute = int(wall // _MINUTE_S)
        self._minute_ends = (self._minute + 1) * _MINUTE_S
        self._is_night = self._at_night(self._minute * _MINUTE_S)

    def _at_night(self, wall: float) -> bool:
        """By the clock of the rules then in force; to the minute, for each sale asks."""
        hour = (wall - self._office.book.at(wall).midnight(wall)) / 3_600.0
        begins, ends = self._office.settings.anomaly_night
        return begins <= hour < ends

    def tick(self, now: Now) -> None:
        """At midnight by the rules' clock, look at the day that ended."""
        midnight = self._office.book.at(now.wall).midnight(now.wall)
        if not self._day:
            self._day = midnight
        if midnight == self._day:
            return
        self._day = midnight
        for merchant, day in self._days.items():
            for what in self._of(day):
                self._tell(merchant, what, now)
        self._days, self._paces = {}, {}
        self._check_accounts(now)
        what = digest.told(self._office, now.wall)
        self._office.progress.alert("", "daily_digest", what, now)

    def _of(self, day: _Day) -> list[str]:
        settings = self._office.settings
        if day.sales < settings.anomaly_sales_min:
            return []
        share = settings.anomaly_share_max
        found = {
            "night sales": day.night > share * day.sales,
            "round amounts": day.round > share * day.sales,
            "given back": day.given_back > share * day.money,
            "velocity": day.most_a_minute > settings.anomaly_a_minute_max,
        }
        return [what for what, is_so in found.items() if is_so]

    def _tell(self, merchant: str, what: str, now: Now) -> None:
        self.found[what] += 1
        keeper = self._office.life.keeper
        keeper.audit(AuditKind.ANOMALY, merchant, now, said={"what": what})
        self._office.progress.alert(merchant, "anomaly", what, now)
        if self._office.settings.anomaly_locks:
            self._office.files.lock(merchant, f"anomaly: {what}", "", now)

    def _check_accounts(self, now: Now) -> None:
        """A merchant hears of what would stop its business before it does."""
        for dossier in self._office.files.all():
            contract = dossier.contract
            soon = contract is not None and now.wall < contract.ends < now.wall + _SOON_S
            ends = min(dossier.licences.values(), default=0.0)
            found = {
                "balance below zero": dossier.balance < 0,
                "contract ends": soon,
                "licence ends": bool(ends) and ends < now.wall + _SOON_S,
            }
            for what in (what for what, is_so in found.items() if is_so):
                self.alerts[what] += 1
                self._office.progress.alert(dossier.merchant, "account_check", what, now)
