"""What is held of one terminal, by the STANs of its charges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing import charge_record
from routing.line import Speaker

if TYPE_CHECKING:
    from routing.charge_record import Charge

_PLACES_MIN: Final = 8
"""A power of two, as the number of places always is."""
_TIMES: Final = 4
_BITS: Final = (1 << 40) - 1


class Shelf:
    """The charges of a terminal; what all of them say alike is held once.

    A terminal counts its STANs, so each charge has a place by the end of its STAN, and nearly
    always it is alone there: a dict would make a hash of each text.  Where places are too few, four
    times as many are begun, and what stands in those before moves over a place or two with each
    charge that comes: to look at all of them, from long ago, takes longer than all else that is
    done for a charge, and terminals that trade alike would all do so at the same moment.
    """

    def __init__(self, first: Charge) -> None:
        merchant, terminal = first.merchant, first.terminal
        self.speaker = Speaker(merchant, terminal, first.till, first.processing_code)
        self.count = 0
        self._places: list[Charge | dict[str, Charge] | None] = [None] * _PLACES_MIN
        """A charge; or a pile of them by their identity, the oldest first."""
        self._last = _PLACES_MIN - 1
        self._before: list[Charge | dict[str, Charge] | None] = []
        """The places of before, while something stands there: a quarter as many."""
        self._moved = 0
        """So many of them are empty."""
        self.unproven: tuple[Charge, ...] = ()
        """Approved, and without a proof of service."""
        self.is_gone = False
        """Nothing is held of this terminal any more; it gets a new shelf."""

    def take(self, charge: Charge) -> None:
        """One more charge of this terminal."""
        charge.shelf = self
        self._say_alike(charge)
        if self.count > self._last:
            self._grow()
        if self._before:
            self._move_on()
        self._put(charge, self._at(charge.stan))
        self.count += 1

    def _put(self, charge: Charge, at: int) -> None:
        held = self._places[at]
        if held is None:
            self._places[at] = charge
            return
        pile = {held.identity: held} if isinstance(held, charge_record.Charge) else held
        pile.pop(charge.identity, None)
        pile[charge.identity] = charge
        self._places[at] = pile

    def _grow(self) -> None:
        # Nothing is left in those of before: since they were, three charges came for each of them.
        self._before, self._moved = self._places, 0
        self._last = _TIMES * (self._last + 1) - 1
        self._places = [None] * (self._last + 1)

    def _move_on(self) -> None:
        """One more place of before is empty."""
        self._move(self._moved)
        self._moved += 1
        if self._moved == len(self._before):
            self._before = []

    def _move(self, at: int) -> None:
        """What stands there comes before whatever is put where it goes: none of it is put first."""
        held = self._before[at]
        if held is None:
            return
        self._before[at] = None
        if isinstance(held, charge_record.Charge):
            self._put(held, _number_of(held.stan) & self._last)
        else:
            for each in held.values():
                self._put(each, _number_of(each.stan) & self._last)

    def _at(self, stan: str) -> int:
        """The place of all with this STAN."""
        number = _number_of(stan)
        if self._before:
            self._move(number & (len(self._before) - 1))
        return number & self._last

    def _say_alike(self, charge: Charge) -> None:
        speaker = self.speaker
        if charge.till is not speaker.till:
            charge.till = speaker.till
            if charge.merchant == speaker.merchant and charge.terminal == speaker.terminal:
                charge.merchant, charge.terminal = speaker.merchant, speaker.terminal
        if charge.processing_code is speaker.processing_code:
            return
        if charge.processing_code == speaker.processing_code:
            charge.processing_code = speaker.processing_code
        else:
            speaker.processing_code = charge.processing_code

    def give(self, charge: Charge) -> None:
        """A charge is forgotten."""
        charge.shelf = None
        self.count -= 1
        at = self._at(charge.stan)
        held = self._places[at]
        if held is charge:
            self._places[at] = None
        elif held is not None and not isinstance(held, charge_record.Charge):
            if held.get(charge.identity) is charge:
                del held[charge.identity]
            if not held:
                self._places[at] = None

    def same_as(self, identity: str, stan: str) -> Charge | None:
        """The charge with this identity."""
        held = self._places[self._at(stan)]
        if held is None:
            return None
        if isinstance(held, charge_record.Charge):
            return held if held.identity == identity else None
        return held.get(identity)

    def with_stan(self, stan: str) -> list[Charge]:
        """The charges with this STAN, the newest first."""
        held = self._places[self._at(stan)]
        if held is None:
            return []
        pile = [held] if isinstance(held, charge_record.Charge) else list(held.values())
        return [each for each in reversed(pile) if each.stan == stan]

    def clear(self) -> None:
        """Nothing is held here any more."""
        self._places, self._last, self._before, self.count = [None], 0, [], 0
        self.unproven = ()

    def wants_proof(self, charge: Charge) -> None:
        """From now on `charge` is unproven."""
        if not self.unproven:
            self.unproven = (charge,)
        elif charge not in self.unproven:
            self.unproven = (*self.unproven, charge)

    def wants_none(self, charge: Charge) -> None:
        """`charge` is proven, or is undone."""
        if len(self.unproven) == 1 and self.unproven[0] is charge:
            self.unproven = ()
        elif self.unproven:
            self.unproven = tuple([each for each in self.unproven if each is not charge])


def _number_of(stan: str) -> int:
    """A number of any text; of two STANs in a row two in a row."""
    number = 0
    for char in stan:
        number = number * 10 + ord(char) & _BITS
    return number
