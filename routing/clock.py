"""The two readings of time that come in with every event; routing itself reads no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Now:
    """One instant: `monotonic` seconds for deadlines, `wall` (since the epoch) for records."""

    monotonic: float
    wall: float

    def utc(self) -> datetime:
        """The wall time as UTC."""
        return datetime.fromtimestamp(self.wall, UTC)

    def local(self) -> datetime:
        """The wall time in the machine's zone: what terminals print on receipts."""
        return datetime.fromtimestamp(self.wall).astimezone()


def de7(now: Now) -> str:
    """DE 7, transmission date and time: MMDDhhmmss in UTC."""
    return now.utc().strftime("%m%d%H%M%S")
