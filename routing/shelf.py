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
    always it is alone there: a dict would make a hash of each text.
    """

    def __init__(self, first: Charge) -> None:
        merchant, terminal = first.merchant, first.terminal
        self.speaker = Speaker(merchant, terminal, first.till, first.processing_code)
        self.count = 0
        self._places: list[Charge | dict[str, Charge] | None] = [None] * _PLACES_MIN
        """A charge; or a pile of them by their identity, the oldest first."""
        self._last = _PLACES_MIN - 1
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
        self._put(charge)
        self.count += 1

    def _put(self, charge: Charge) -> None:
        at = _number_of(charge.stan) & self._last
        held = self._places[at]
        if held is None:
            self._places[at] = charge
            return
        pile = {held.identity: held} if isinstance(held, charge_record.Charge) else held
        pile.pop(charge.identity, None)
        pile[charge.identity] = charge
        self._places[at] = pile

    def _grow(self) -> None:
        """Four times as many places."""
        before = self._places
        self._last = _TIMES * (self._last + 1) - 1
        self._places = [None] * (self._last + 1)
        for held in before:
            if held is None:
                continue
            if isinstance(held, charge_record.Charge):
                self._put(held)
            else:
                for each in held.values():
                    self._put(each)

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
        at = _number_of(charge.stan) & self._last
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
        held = self._places[_number_of(stan) & self._last]
        if held is None:
            return None
        if isinstance(held, charge_record.Charge):
            return held if held.identity == identity else None
        return held.get(identity)

    def with_stan(self, stan: str) -> list[Charge]:
        """The charges with this STAN, the newest first."""
        held = self._places[_number_of(stan) & self._last]
        if held is None:
            return []
        pile = [held] if isinstance(held, charge_record.Charge) else list(held.values())
        return [each for each in reversed(pile) if each.stan == stan]

    def clear(self) -> None:
        """Nothing is held here any more."""
        self._places, self._last, self.count = [None], 0, 0
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
