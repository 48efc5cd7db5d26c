"""Why a charge moves: who asked, and what an action may need of what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codec import Message
    from routing.clock import Now
    from routing.states import Event


@dataclass
class Asker:
    """A terminal's connection and the request that came over it."""

    conn: int
    request: Message


@dataclass
class Cause:
    """What an action may need of that which made the charge move."""

    event: Event
    now: Now
    reply: Message | None
    asker: Asker | None
