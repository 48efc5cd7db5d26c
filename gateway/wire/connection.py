"""The logic of one connection: frames cut, bytes waiting, clocks watched.  No socket here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codec.framing import Framer, frame

if TYPE_CHECKING:
    from gateway.wire.port import WireLimits


class SlowReaderError(Exception):
    """The other side leaves more bytes waiting than it may."""


class Connection:
    """One connection, from whichever side it was made.  Times are monotonic seconds."""

    __slots__ = (
        "_framer",
        "_limits",
        "accepted",
        "closed",
        "first_frame_at",
        "frame_began_at",
        "heard_at",
        "id",
        "interest",
        "opened_at",
        "out",
        "peer",
    )

    def __init__(self, conn_id: int, peer: str, limits: WireLimits, now: float) -> None:
        self.id = conn_id
        self.peer = peer
        """Name of the listener that accepted it, or of the host that it leads to."""
        self._limits = limits
        self._framer = Framer(limits.frame_bytes_max)
        self.opened_at = self.heard_at = now
        self.first_frame_at = 0.0
        self.frame_began_at = 0.0
        self.out = bytearray()
        self.interest = 0
        """What the driver has asked the kernel to report; only the driver reads it."""
        self.accepted = True
        """The other side made this connection."""
        self.closed = False
        """The other side has ended its sending."""

    def received(self, data: bytes, now: float) -> list[bytes]:
        """Bytes came: the whole frames among them.  Raises codec.FrameError."""
        self.heard_at = now
        frames = self._framer.feed(data)
        if frames and not self.first_frame_at:
            self.first_frame_at = now
        if not self._framer.buffered:
            self.frame_began_at = 0.0
        elif frames or not self.frame_began_at:
            self.frame_began_at = now
        return frames

    def queue(self, data: bytes) -> None:
        """A frame is to be sent.  Raises SlowReaderError when too much is waiting already."""
        limits = self._limits
        most = limits.waiting_bytes_max if self.accepted else limits.link_waiting_bytes_max
        if len(self.out) + len(data) > most:
            raise SlowReaderError
        self.out += frame(data)

    def overdue(self, now: float) -> str | None:
        """Which clock ran out, if one did."""
        limits = self._limits
        if self.frame_began_at and now - self.frame_began_at > limits.frame_completion_s:
            return "frame not completed in time"
        if not self.first_frame_at and now - self.opened_at > limits.first_frame_s:
            return "no first frame in time"
        if now - self.heard_at > limits.idle_s:
            return "idle"
        return None
