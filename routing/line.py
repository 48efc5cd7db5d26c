"""A terminal's connection as routing sees it: what waits on it, and who speaks over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing.tombstones import terminal_of

if TYPE_CHECKING:
    from codec import Message
    from routing.book import Shelf
    from routing.charge_record import Charge


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

    def processing_code_of(self, request: Message) -> str:
        """DE 3 of its request: nearly always that of the one before."""
        if not request.holds(3, self.processing_code):
            self.processing_code = request.text(3)
        return self.processing_code


def speaker_of(request: Message) -> Speaker:
    """Whose request it is."""
    return Speaker(request.text(42), request.text(41), terminal_of(request), request.text(3))


class Line:
    """One connection, from its first message until it is gone."""

    def __init__(self, conn: int, shelves: dict[str, Shelf]) -> None:
        """`shelves`: of the terminals that are known already, by merchant|terminal."""
        self.conn = conn
        self._shelves = shelves
        self._charge: Charge | None = None
        """Whose answer it waits for, or was handed: nearly always there is no other."""
        self._others: list[Charge] = []
        self._speaker: Speaker | None = None

    def speaker_of(self, request: Message) -> Speaker:
        """Whose request it is: nearly always whose the one before was."""
        speaker = self._speaker
        if speaker is None or not speaker.says(request):
            speaker = self._speaker = self._known(speaker_of(request), request)
        return speaker

    def _known(self, speaker: Speaker, request: Message) -> Speaker:
        """The same terminal as its charges know it already."""
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
