"""A request that moves no money on its way to a host and back: relayed, matched, never reversed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codec import Message
    from routing.deadlines import Due


@dataclass(slots=True, eq=False)
class Enquiry:
    """One enquiry in flight; it lives in memory only."""

    conn: int
    listener: str
    host: str
    request: Message
    sent: dict[int, str]
    key: int | str
    link: int
    due: Due | None = None
    """The end of its wait; None: it is over."""
