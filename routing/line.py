"""A terminal's connection as routing sees it: what waits on it, and who speaks over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing.tombstones import terminal_of

if TYPE_CHECKING:
    from codec import Message
    from routing.charge_record import Charge


class Speaker:
    """A terminal, by what its requests say alike: those texts are made once, not for each."""

    def __init__(self, request: Message) -> None:
        self.merchant, self.terminal = request.text(42), request.text(41)
        self.till = terminal_of(request)
        """merchant|terminal."""
        self.processing_code = request.text(3)

    def says(self, request: Message) -> bool:
        """Whether a request is this terminal's."""
        return request.holds(42, self.merchant) and request.holds(41, self.terminal)

    def processing_code_of(self, request: Message) -> str:
        """DE 3 of its request: nearly always that of the one before."""
        if not request.holds(3, self.processing_code):
            self.processing_code = request.text(3)
        return self.processing_code


class Line:
    """One connection, from its first message until it is gone."""

    def __init__(self, conn: int) -> None:
        self.conn = conn
        self.charges: list[Charge] = []
        """Whose answer it waits for, or was handed."""
        self._speaker: Speaker | None = None

    def speaker_of(self, request: Message) -> Speaker:
        """Whose request it is: nearly always whose the one before was."""
        speaker = self._speaker
        if speaker is None or not speaker.says(request):
            speaker = self._speaker = Speaker(request)
        return speaker
