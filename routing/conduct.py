"""Who takes back too much: sales that were served, or delivered at least, and then reversed.

A reversal after a lost answer is the rule and is never counted.  One after the approval was
delivered means goods taken back, or a trick; beyond so many by one terminal or card within the
window, further ones become cases (`held_for_review`) that a person decides.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final

import msgspec

from routing.states import Event, State

if TYPE_CHECKING:
    from routing.cards import Cards
    from routing.charge import Charge
    from routing.clock import Now

DELIVERED: Final = frozenset({State.DELIVERED, State.PRESUMED_SERVED})
TAKES_BACK: Final = frozenset({Event.NOT_SERVED, Event.TERMINAL_REVERSAL})
KEYS_MAX: Final = 100_000
"""Terminals and cards whose reversals are remembered; the oldest are forgotten first."""


class AbuseSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many delivered sales may be taken back within the window; 0: any number."""

    window_s: float = 86_400.0
    terminal_reversals_max: int = 0
    card_reversals_max: int = 0


class Conduct:
    """What each terminal and card took back of late; `instead` turns one too many into a hold."""

    def __init__(self, settings: AbuseSettings, cards: Cards) -> None:
        self._settings = settings
        self._cards = cards
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self.held = 0
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._times)

    def counts(self, charge: Charge, before: State, event: Event) -> bool:
        """Whether such a step takes back what was delivered, and is counted."""
        if event not in TAKES_BACK or before not in DELIVERED or charge.undoes:
            return False
        return bool(self._settings.terminal_reversals_max or self._settings.card_reversals_max)

    def card_of(self, charge: Charge) -> str:
        """The card's hash, as `took_back` wants it."""
        return self._cards.hash(charge.pan)

    def instead(self, charge: Charge, event: Event, now: Now) -> Event:
        """`event`, or a hold where it is one too many; counts what passes."""
        if not self.counts(charge, charge.state, event):
            return event
        return self._counted(charge, event, now)

    def _counted(self, charge: Charge, event: Event, now: Now) -> Event:
        card = self.card_of(charge)
        if any(self._count(key, now.wall) >= most for key, most in self._keys(charge.till, card)):
            self.held += 1
            return Event.HELD_FOR_REVIEW
        self.took_back(charge.till, card, now.wall)
        return event

    def took_back(self, till: str, card: str, wall: float) -> None:
        """A delivered sale was taken back at `wall`, now or in an earlier life of the gateway."""
        for key, most in self._keys(till, card):
            times = self._times.setdefault(key, deque(maxlen=most))
            times.append(wall)
            self._times.move_to_end(key)
        while len(self._times) > KEYS_MAX:
            self._times.popitem(last=False)
            self.forgotten += 1

    def _keys(self, till: str, card: str) -> list[tuple[str, int]]:
        """What is counted of a reversal, and how many there may be."""
        keys = []
        if self._settings.terminal_reversals_max:
            keys.append((f"t|{till}", self._settings.terminal_reversals_max))
        if self._settings.card_reversals_max and card:
            keys.append((f"c|{card}", self._settings.card_reversals_max))
        return keys

    def _count(self, key: str, wall: float) -> int:
        times = self._times.get(key)
        if times is None:
            return 0
        while times and times[0] <= wall - self._settings.window_s:
            times.popleft()
        return len(times)
