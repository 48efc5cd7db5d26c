"""Rule sets: what account requests must fulfil, by version, each valid from a day on.

Rule 1.  The set in force is the newest whose day has come; a request keeps the version that it was
         decided under, so that a later change rewrites no history.
Rule 2.  A new set comes by configuration, or from one person and another who confirms it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ANY: Final = "*"
_MINUTES_A_DAY: Final = 1_440
_DAYS_AHEAD_MAX: Final = 15
_HOUR_S: Final = 3_600.0
_MARK_MAX: Final = 100
_STANDARD_DUE_H: Final = {"review": 72.0, "fix": 168.0, "work": 24.0, "repair": 336.0}
_STANDARD_CARDS: Final = ("debit", "corporate")


class Window(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When requests are taken."""

    days: tuple[int, ...] = (1, 2, 3, 4, 5)
    """Of the week, Monday is 1."""
    opens: str = "00:00"
    closes: str = "24:00"

    def minutes(self) -> tuple[int, int]:
        """Both as minutes of the day."""
        return _minutes(self.opens), _minutes(self.closes)


class RuleSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of the rules."""

    version: str = "built in"
    valid_from: str = "1970-01-01"
    windows: dict[str, tuple[Window, ...]] = {}
    """By kind of request, or `*`; none: always open."""
    utc_offset_min: int = 480
    """Of the clock by which windows open."""
    documents: dict[str, tuple[str, ...]] = {}
    """Documents that a request needs, by `<kind>`, `<kind>@<region>` or `*`."""
    verifications: dict[str, tuple[str, ...]] = {}
    """Checks of the applicant that a request needs before its review, by merchant's risk or `*`."""
    approvals: dict[str, int] = {}
    """How many persons must approve, by merchant's risk; else one."""
    due_h: dict[str, float] = {}
    """Hours that a step may take, by its name in the state machines, or `<kind>.<name>`."""
    remind_share: float = 0.5
    """The owner is reminded after this share of the time, the supervisor when it is over."""
    software_min: str = ""
    """Terminals whose version digits are below can't send requests themselves."""
    clock_skew_max_s: float = 0.0
    """0: terminals' clocks are not looked at."""
    serials: tuple[str, ...] = ()
    """Beginnings of the serial numbers of devices that may be used; none: any."""
    qualification: dict[str, int] = {}
    """Items that the review for a second account marks (0 to 100), and the mark each must reach;
    `balance`, `disputes` and `contract` are marked by the books."""
    accounts_software_min: str = ""
    """Terminals with older software can't use a second account; '': nothing is asked."""
    abandon_days: float = 30.0
    """A request for a second account on which its merchant does nothing is given up; 0: never."""
    forbids: dict[str, str] = {}
    """Kinds of request that a regulation stops: kind, and the regulation's name."""
    settlement_cards: dict[str, tuple[str, ...]] = {}
    """Kinds of cards that money may be settled to, by `<merchant kind>@<region>`,
    `<merchant kind>`, `*@<region>` or `*`, the first that is there; none: debit and corporate.
    Never credit."""
    settlement_media: tuple[str, ...] = ()
    """What a settlement card must be read by (chip, stripe); none: anything."""
    account_age_days: int = 0
    """A merchant that is younger changes no settlement card."""
    cooling_h: float = 0.0
    """So long after a card began the next change waits, and large payouts to it are held."""
    large_payout: int = 0
    """Minor units of a day, from which on a payout to a new card is held and told; 0: never."""
    fee: dict[str, int] = {}
    """Minor units, by kind of request: told on enquiry."""
    days_expected: dict[str, int] = {}

    def start(self) -> float:
        """When it begins to hold."""
        day = datetime.fromisoformat(self.valid_from).replace(tzinfo=UTC)
        return day.timestamp() - self.utc_offset_min * 60.0

    def midnight(self, wall: float) -> float:
        """When today began, by the rules' clock."""
        offset_s = self.utc_offset_min * 60.0
        return (wall + offset_s) // 86_400.0 * 86_400.0 - offset_s

    def documents_for(self, kind: str, region: str) -> set[str]:
        """The documents that a request of this kind needs there."""
        keys = (_ANY, kind, f"{kind}@{region}")
        return {each for key in keys for each in self.documents.get(key, ())}

    def cards_for(self, kind: str, region: str) -> tuple[str, tuple[str, ...]]:
        """The rule on settlement cards of such a merchant, and the kinds that it allows."""
        for key in (f"{kind}@{region}", kind, f"{_ANY}@{region}", _ANY):
            if key in self.settlement_cards:
                return key, self.settlement_cards[key]
        return _ANY, _STANDARD_CARDS

    def verifications_for(self, risk: str) -> set[str]:
        """The checks that an applicant of this risk must pass."""
        return {
            *self.verifications.get(_ANY, ()),
            *self.verifications.get(risk, ()),
        }

    def due_s(self, kind: str, name: str) -> float:
        """How long a step may take."""
        hours = self.due_h.get(f"{kind}.{name}", self.due_h.get(name))
        return _HOUR_S * (hours if hours is not None else _STANDARD_DUE_H.get(name, 72.0))

    def opens_at(self, kind: str, wall: float) -> float:
        """0 if requests of this kind are taken now, else when they are next."""
        windows = self.windows.get(kind, self.windows.get(_ANY, ()))
        if not windows:
            return 0.0
        local = datetime.fromtimestamp(wall, UTC) + timedelta(minutes=self.utc_offset_min)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        since_midnight = (local - midnight).total_seconds() / 60.0
        ahead = []
        for window in windows:
            opens, closes = window.minutes()
            if local.isoweekday() in window.days and opens <= since_midnight < closes:
                return 0.0
            ahead += [
                day * _MINUTES_A_DAY + opens - since_midnight
                for day in range(_DAYS_AHEAD_MAX)
                if (midnight + timedelta(days=day)).isoweekday() in window.days
                and day * _MINUTES_A_DAY + opens > since_midnight
            ]
        return wall + min(ahead) * 60.0 if ahead else wall + _DAYS_AHEAD_MAX * 86_400.0

    def problems(self) -> Iterator[str]:
        """What can't work, key and why."""
        try:
            self.start()
        except ValueError:
            yield f"valid_from = {self.valid_from!r}: a day like 2026-07-01"
        for kind, windows in self.windows.items():
            for window in windows:
                try:
                    opens, closes = window.minutes()
                except ValueError:
                    yield f"windows.{kind}: opens and closes are times like 09:30"
                    continue
                if not 0 <= opens < closes <= _MINUTES_A_DAY:
                    yield f"windows.{kind}: opens before it closes, within a day"
                if not window.days or not all(1 <= day <= 7 for day in window.days):  # noqa: PLR2004
                    yield f"windows.{kind}.days: days of the week, 1 to 7"
        yield from self._problems_of_cards()
        if not all(0 < each <= _MARK_MAX for each in self.qualification.values()):
            yield f"qualification: marks to be reached, 1 to {_MARK_MAX}"
        if self.abandon_days < 0:
            yield f"abandon_days = {self.abandon_days}: 0 or more"
        if not 0 < self.remind_share < 1:
            yield f"remind_share = {self.remind_share}: between 0 and 1"

    def _problems_of_cards(self) -> Iterator[str]:
        for key, kinds in self.settlement_cards.items():
            if "credit" in kinds:
                yield f"settlement_cards.{key}: money is never settled to a credit card"
            if not set(kinds) <= {"debit", "corporate", "prepaid"}:
                yield f"settlement_cards.{key}: debit, corporate, prepaid"
        if not set(self.settlement_media) <= {"chip", "stripe"}:
            yield "settlement_media: chip, stripe"


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


class RuleBook:
    """All rule sets that are known."""

    def __init__(self, sets: Iterable[RuleSet]) -> None:
        self._sets = {each.version: each for each in (RuleSet(), *sets)}

    def at(self, wall: float) -> RuleSet:
        """The set in force: of several that begin on a day, the one that came last."""
        begun = [each for each in self.all() if each.start() <= wall]
        return begun[-1] if begun else self._sets[RuleSet().version]

    def add(self, rules: RuleSet) -> None:
        """One more; a known version stays as it is."""
        self._sets.setdefault(rules.version, rules)

    def knows(self, version: str) -> bool:
        """Whether there is such a version."""
        return version in self._sets

    def all(self) -> list[RuleSet]:
        """Every set, the oldest first."""
        return sorted(self._sets.values(), key=RuleSet.start)
