"""Why a charge moves: who asked, and what an action may need of what happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from routing import line as lines
from routing.conventions.base import NO_WISH

if TYPE_CHECKING:
    from codec import Message
    from routing.clock import Now
    from routing.conventions import Convention
    from routing.conventions.base import Wish
    from routing.line import Line, Speaker
    from routing.states import Event

_UNREAD: Final = -2
"""Where no amount was read yet; -1 is one that can't be read."""


@dataclass
class Asker:
    """A terminal's connection and the request that came over it."""

    conn: int
    request: Message
    line: Line | None = None
    """The same connection; None where the answer is all that it is for."""
    wish: Wish = NO_WISH
    _speaker: Speaker | None = field(default=None, init=False)
    _stan: str = field(default="", init=False)
    _amount: int = field(default=_UNREAD, init=False)

    def speaker(self) -> Speaker:
        """Whose request it is."""
        speaker = self._speaker
        if speaker is None:
            line, request = self.line, self.request
            speaker = line.speaker_of(request) if line is not None else lines.speaker_of(request)
            self._speaker = speaker
        return speaker

    def till(self) -> str:
        """The same, as merchant|terminal."""
        return self.speaker().till

    def stan(self) -> str:
        """DE 11 of the request; '' without it."""
        if not self._stan:
            self._stan = self.request.text(11)
        return self._stan

    def amount(self, convention: Convention) -> int:
        """The minor units that it asks for, as `convention.amount` reads them."""
        if self._amount == _UNREAD:
            self._amount = convention.amount(self.request)
        return self._amount


# Made for every charge, and field by field: a class called with arguments costs C five times that.


def asked(line: Line, request: Message, wish: Wish) -> Asker:
    """Who has just asked, and for what."""
    asker = Asker.__new__(Asker)
    asker.conn, asker.request, asker.line = line.conn, request, line
    asker.wish = wish
    asker._speaker, asker._stan, asker._amount = None, "", _UNREAD
    return asker


@dataclass
class Cause:
    """What an action may need of that which made the charge move."""

    event: Event
    now: Now
    reply: Message | None
    asker: Asker | None


def caused(event: Event, now: Now, reply: Message | None, asker: Asker | None) -> Cause:
    """What has just happened."""
    cause = Cause.__new__(Cause)
    cause.event, cause.now, cause.reply, cause.asker = event, now, reply, asker
    return cause
