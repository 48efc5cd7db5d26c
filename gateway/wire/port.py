"""The network port: what happens on the wire, as the gateway's turn sees it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import msgspec

from gateway.wire._events import Acknowledged, Frame

__all__ = [
    "Acknowledged",
    "Closed",
    "Frame",
    "Lost",
    "Network",
    "Quality",
    "WireEvent",
    "WireLimits",
]


class Closed(NamedTuple):
    """The other side ended its sending; nothing can be handed to it any more."""

    conn: int


class Lost(NamedTuple):
    """The connection is gone: reset, refused by a limit, or closed with bytes unacknowledged."""

    conn: int
    why: str


class Quality(NamedTuple):
    """How good a connection is, as this side's TCP measured."""

    rtt_s: float
    """Round trip, smoothed."""
    resent: int
    """Segments that were sent again because no acknowledgement came."""


WireEvent = Frame | Closed | Lost | Acknowledged


class WireLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of one connection and of all; reaching one costs the offender."""

    connections_max: int = 18_000
    """Of terminals; links to hosts take no place."""
    connections_per_address_max: int = 4_500
    """Of one address; terminals behind one router or concentrator share theirs.  A quarter of all,
    so that no address alone can take every place."""
    handshake_s: float = 10.0
    """Time from the start of a connection to the end of its TLS handshake or proxy's header."""
    in_flight_per_terminal_max: int = 256
    """Requests of one connection that wait for their answer, enquiries included; routing refuses
    more with 91."""
    in_flight_max: int = 20_000
    """Requests of all connections that wait for an answer of a host; routing refuses more with 91.
    Reversals always go."""
    frame_bytes_max: int = 4_096
    first_frame_s: float = 30.0
    """A connection that has not sent its first whole frame by then is closed."""
    frame_completion_s: float = 10.0
    """Time from the first byte of a frame to its last."""
    idle_s: float = 600.0
    waiting_bytes_max: int = 262_144
    """Bytes that a slow reader may leave waiting here."""
    link_waiting_bytes_max: int = 16_777_216
    """The same towards a host; what may be in flight to it (`host.in_flight_max`) fits in here."""
    link_unacknowledged_s: float = 0.0
    """A link on which the host's TCP acknowledges nothing for so long is made anew: what it carried
    can't arrive after a reversal any more.  0: half of `reversal.reorder_margin_s`."""
    unacknowledged_s: float = 30.0
    """How long an answer may stay unacknowledged before its connection counts as lost."""
    acknowledgement_settles_s: float = 1.0
    """An acknowledged answer counts as delivered if no reset followed for so long."""


class Network(Protocol):
    """What the gateway needs of the wire.  All but `turn` and `connect` return at once."""

    def ready(self) -> list[WireEvent]:
        """What happened since the last call of this or `turn`."""
        ...

    def wake(self) -> None:
        """Have `turn` return, though nothing happened.  May be called from any thread."""
        ...

    async def turn(self, wait_s: float) -> list[WireEvent]:
        """What happened since the last call; waits at most `wait_s` seconds for something."""
        ...

    async def connect(self, address: str, port: int, peer: str, timeout_s: float) -> int | None:
        """A new connection to `peer`, or None if it could not be made in time."""
        ...

    def send(self, conn: int, data: bytes, tag: object = None) -> bool:
        """Queue a frame (without its length header).  False if `conn` is gone.

        With a `tag`, whatever that is, an `Acknowledged` that holds it or a `Lost` follows.
        """
        ...

    def peer(self, conn: int) -> str:
        """The listener or host that a connection belongs to; '' if it is gone."""
        ...

    def quality(self, conn: int) -> Quality | None:
        """How good a connection is; None if it is gone, or nobody measures."""
        ...

    def flush(self) -> None:
        """Hand what was queued to the sockets."""
        ...

    def close(self, conn: int, why: str) -> None:
        """End a connection; a `Lost` follows."""
        ...

    def forget(self, peer: str) -> None:
        """A host is gone for good: where it connects to us nobody waits for it any more."""
        ...
