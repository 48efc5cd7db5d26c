"""A terminal's connection as routing sees it: what waits on it, and who speaks over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codec.likeness import Likeness
from routing.conventions.base import beginning_of, first_mti
from routing.tombstones import terminal_of

if TYPE_CHECKING:
    from codec import Message
    from routing.charge_record import Charge
    from routing.conventions import Convention
    from routing.shelf import Shelf


class Speaker:
    """A terminal, by what its requests say alike: those texts are made once, not for each."""

    def __init__(self, merchant: str, terminal: str, till: str, processing_code: str) -> None:
        self.merchant, self.terminal = merchant, terminal
        self.till = till
        """merchant|terminal."""
        self.processing_code = processing_code
        """What its last charge was."""

    def says(self, request: Message) -> bool:
        """Whether a request is this terminal's."""
        return request.holds(42, self.merchant) and request.holds(41, self.terminal)

    def is_the_same_as(self, other: Speaker) -> bool:
        """Names with a bar in them may make the same `till` of two terminals."""
        return self.merchant == other.merchant and self.terminal == other.terminal

    def processing_code_of(self, request: Message) -> str:
        """DE 3 of its request: nearly always that of the one before."""
        if not request.holds(3, self.processing_code):
            self.processing_code = request.text(3)
        return self.processing_code


def speaker_of(request: Message) -> Speaker:
    """Whose request it is."""
    return Speaker(request.text(42), request.text(41), terminal_of(request), request.text(3))


class Habit:
    """What a request says, found out once for all that say the same: those of one terminal which
    differ in no more than number, time, amount and card.
    """

    def __init__(self, request: Message, convention: Convention, speaker: Speaker) -> None:
        self.alike = Likeness(request, convention.alike)
        self.wish = convention.wish(request)
        self.mti = first_mti(request.mti)
        self.is_complete = convention.missing(request) is None
        self.speaker = speaker
        self.beginning = beginning_of(request)
        """Of the identities of its charges."""
        self.processing_code = speaker.processing_code_of(request)
        self.currency = convention.currency_of(request)
        """As far as it says it alike (`says_currency_alike`)."""
        self.shelf: Shelf | None = None
        """Of that terminal, once the book has found it; that shelf may be gone since."""


class Line:
    """One connection, from its first message until it is gone."""

    def __init__(self, conn: int, shelves: dict[str, Shelf]) -> None:
        """`shelves`: of the terminals that are known already, by merchant|terminal."""
        self.conn = self.number = conn
        """`number` is the same for C."""
        self._shelves = shelves
        self._charge: Charge | None = None
        """Whose answer it waits for, or was handed: nearly always there is no other."""
        self._others: list[Charge] = []
        self._habit: Habit | None = None
        """Of the last request."""
        self._other_habit: Habit | None = None
        """Of the last one that was not like that: a terminal may confirm each sale."""

    def habit_of(self, request: Message, convention: Convention) -> Habit:
        """What a request says: nearly always what the one before said."""
        last, other = self._habit, self._other_habit
        if last is not None and last.alike.fits(request):
            return last
        if other is None or not other.alike.fits(request):
            other = Habit(request, convention, self._speaker_of(request, last))
        self._habit, self._other_habit = other, last
        return other

    def _speaker_of(self, request: Message, last: Habit | None) -> Speaker:
        """Whose request it is: of the same terminal as the one before, or as its charges know it
        already.
        """
        if last is not None and last.speaker.says(request):
            return last.speaker
        speaker = speaker_of(request)
        shelf = self._shelves.get(speaker.till)
        return shelf.speaker if shelf is not None and shelf.speaker.says(request) else speaker

    def joined_by(self, charge: Charge) -> None:
        """From now on it waits for this charge's answer, too."""
        if self._charge is None:
            self._charge = charge
        else:
            self._others.append(charge)

    def left_by(self, charge: Charge) -> None:
        """And for this one's no more."""
        if self._charge is not charge:
            self._others.remove(charge)
        else:
            self._charge = self._others.pop(0) if self._others else None

    def load(self) -> int:
        """How many charges it waits for, or was handed the answer of."""
        return len(self._others) + (self._charge is not None)

    def charges(self) -> list[Charge]:
        """Those charges."""
        return [self._charge, *self._others] if self._charge is not None else []
