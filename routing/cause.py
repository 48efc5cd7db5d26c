"""Why a charge moves: who asked, and what an action may need of what happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from routing import line as lines
from routing.tombstones import terminal_of

if TYPE_CHECKING:
    from codec import Message
    from routing.clock import Now
    from routing.conventions import Convention
    from routing.line import Habit, Line
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
    _habit: Habit | None = field(default=None, init=False)
    _stan: str = field(default="", init=False)
    _amount: int = field(default=_UNREAD, init=False)

    def habit(self, convention: Convention) -> Habit:
        """What the request says, as this convention understands it."""
        habit = self._habit
        if habit is None:
            request = self.request
            habit = self._habit = lines.Habit(request, convention, lines.speaker_of(request))
        return habit

    def till(self) -> str:
        """Whose request it is, as merchant|terminal."""
        habit = self._habit
        return habit.speaker.till if habit is not None else terminal_of(self.request)

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


def asked(line: Line, request: Message, habit: Habit) -> Asker:
    """Who has just asked, and what it says."""
    asker = Asker.__new__(Asker)
    asker.conn, asker.request, asker.line = line.conn, request, line
    asker._habit, asker._stan, asker._amount = habit, "", _UNREAD
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
