"""Why a charge moves: who asked, and what an action may need of what happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from routing import tombstones

if TYPE_CHECKING:
    from codec import Message
    from routing.clock import Now
    from routing.states import Event


@dataclass
class Asker:
    """A terminal's connection and the request that came over it."""

    conn: int
    request: Message
    _till: str = field(default="", init=False)
    _stan: str = field(default="", init=False)

    def till(self) -> str:
        """Whose request it is: merchant|terminal."""
        if not self._till:
            self._till = tombstones.terminal_of(self.request)
        return self._till

    def stan(self) -> str:
        """DE 11 of the request; '' without it."""
        if not self._stan:
            self._stan = self.request.text(11)
        return self._stan


# Made for every charge, and field by field: a class called with arguments costs C five times that.


def asked(conn: int, request: Message) -> Asker:
    """Who has just asked."""
    asker = Asker.__new__(Asker)
    asker.conn, asker.request = conn, request
    asker._till = asker._stan = ""
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
