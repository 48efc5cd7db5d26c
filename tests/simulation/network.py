"""The gateway's network port in the simulator: the shipped connection logic over simulated wires.

What the epoll driver does with the kernel is done here with `wires`; framing, limits, clocks and
proofs of delivery are `gateway.wire`'s `connection`, `crowd` and `deliveries` as shipped.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import trio

from codec import FrameError
from gateway.wire._outlet import Outlet
from gateway.wire.connection import Connection, SlowReaderError
from gateway.wire.crowd import Crowd
from gateway.wire.deliveries import Deliveries
from gateway.wire.port import Closed, Frame, Lost
from tests.simulation.agenda import Nap

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.wire.port import WireEvent, WireLimits
    from tests.simulation.agenda import Agenda, SimClock
    from tests.simulation.wires import End

SWEEP_EVERY_S: Final = 1.0
SHORTEST_WAIT_S: Final = 1e-6
"""Virtual time must pass: a shorter wait would be lost in rounding."""
SEND_WINDOW_BYTES: Final = 65_536
"""What this side's kernel takes of a connection before it is acknowledged."""


class SimNetwork(Outlet):
    """All connections of one life of the gateway; the `Owner` of their ends on its side."""

    def __init__(
        self,
        limits: WireLimits,
        agenda: Agenda,
        clock: SimClock,
        dial: Callable[[str, int], End | None],
        leaves: Callable[[str, bytes], None],
    ) -> None:
        self.window_bytes = SEND_WINDOW_BYTES
        self.ended: Counter[str] = Counter()
        """Connections that the gateway ended or refused, by why."""
        self._crowd = Crowd(limits)
        self._limits = limits
        self._clock = clock
        self._dial = dial
        self._leaves = leaves
        self._ends: dict[int, End] = {}
        self._ids: dict[End, int] = {}
        self._connections: dict[int, Connection] = {}
        self._readable: dict[End, None] = {}
        self._dirty: dict[int, None] = {}
        self._deliveries = Deliveries(limits)
        self._events: list[WireEvent] = []
        self._last_id = 0
        self._next_sweep = 0.0
        self._nap = Nap(agenda)
        self._acknowledged: dict[int, tuple[int, float]] = {}
        """Bytes that the host's TCP of each link has, and since when it is no more than that."""
        self._listens = True

    def __len__(self) -> int:
        return len(self._connections)

    # What the wires tell (Owner)

    def readable(self, end: End) -> None:
        """Bytes arrived at one of our ends."""
        self._readable[end] = None
        self._nap.wake()

    def cut(self, end: End) -> None:
        """One of our connections was reset."""
        connection = self._connections.get(self._ids.get(end, 0))
        if connection is not None:
            self._lose(connection, "reset")
            self._nap.wake()

    def adopt(self, end: End, peer: str, *, accepted: bool = False, source: str = "") -> int:
        """Take over an end; returns the connection's id."""
        self._last_id += 1
        conn = self._last_id
        connection = Connection(conn, peer, self._limits, self._clock.now().monotonic)
        connection.accepted = accepted
        if accepted:
            self._crowd.comes(connection, source)
        end.hard_close = not accepted
        self._connections[conn], self._ends[conn], self._ids[end] = connection, end, conn
        end.owner = self
        return conn

    def ends(self) -> list[End]:
        """Our ends of all connections, oldest first."""
        return list(self._ends.values())

    def accepts(self, source: str) -> bool:
        """Whether a terminal that connects from there now is accepted."""
        if not self._listens:
            return False
        why = self._crowd.refuses(source)
        if why is not None:
            self.ended[why] += 1
        return why is None

    def stop_listening(self) -> None:
        """Accept nobody any more."""
        self._listens = False

    def close_all(self) -> None:
        """The process ends."""
        self._listens = False
        for end in list(self._ends.values()):
            if end.open:
                end.close()

    def accepted(self) -> list[int]:
        """The connections that others made, the oldest first."""
        return [each.id for each in self._connections.values() if each.accepted]

    def connections(self) -> list[Connection]:
        """Every connection, oldest first."""
        return list(self._connections.values())

    # The port

    def wake(self) -> None:
        """Have `turn` return."""
        self._nap.wake()

    async def turn(self, wait_s: float) -> list[WireEvent]:
        """What happened; waits at most `wait_s` for it."""
        if self._events or self._readable:
            await trio.lowlevel.checkpoint()
        else:
            await self._nap.take(max(wait_s, SHORTEST_WAIT_S))
        return self.ready()

    def ready(self) -> list[WireEvent]:
        """What happened; waits for nothing."""
        now = self._clock.now().monotonic
        readable, self._readable = self._readable, {}
        for end in readable:
            self._read(end, now)
        self._look_at_deliveries(now)
        if now >= self._next_sweep:
            self._sweep(now)
        events, self._events = self._events, []
        return events

    async def connect(self, address: str, port: int, peer: str, timeout_s: float) -> int | None:
        """A new connection to a host."""
        await trio.sleep(0.002)
        end = self._dial(address, port)
        if end is None:
            await trio.sleep(timeout_s)
            return None
        return self.adopt(end, peer)

    def send(self, conn: int, data: bytes, tag: object = None) -> bool:
        """Queue a frame; False if the connection is gone or its other side has ended."""
        connection = self._connections.get(conn)
        if connection is None or connection.closed:
            return False
        try:
            connection.queue(data)
        except SlowReaderError:
            self._lose(connection, connection.slow)
            return False
        self._leaves(connection.peer, data)
        self._dirty[conn] = None
        if tag is not None:
            self._deliveries.sent(connection, tag)
        return True

    def peer(self, conn: int) -> str:
        """The listener or host that a connection belongs to; '' if it is gone."""
        connection = self._connections.get(conn)
        return connection.peer if connection is not None else ""

    def quality(self, conn: int) -> None:
        """Nobody measures here."""
        del conn

    def flush(self) -> None:
        """Hand what was queued to the kernel."""
        dirty, self._dirty = self._dirty, {}
        for conn in dirty:
            connection = self._connections.get(conn)
            if connection is not None:
                self._write(connection)
        self._deliveries.handed_over(self._clock.now().monotonic)

    def close(self, conn: int, why: str) -> None:
        """End a connection; a `Lost` follows."""
        connection = self._connections.get(conn)
        if connection is not None:
            self._lose(connection, why)

    # Inside

    def forget(self, peer: str) -> None:
        """Hosts don't connect to us here."""

    def _write(self, connection: Connection) -> None:
        end = self._ends[connection.id]
        room = max(self.window_bytes - end.in_flight, 0)
        data = connection.out[:room]
        connection.sent(len(data))
        if data:
            end.send(data)

    def _read(self, end: End, now: float) -> None:
        connection = self._connections.get(self._ids.get(end, 0))
        if connection is None or connection.closed:
            return
        data = bytes(end.received)
        end.received.clear()
        if data:
            try:
                frames = connection.received(data, now)
            except FrameError:
                assert connection.unreadable is not None
                self._lose(connection, connection.unreadable)
                return
            self._events += [Frame(connection.id, connection.peer, each) for each in frames]
        if end.ended:
            self._ended(connection)

    def _ended(self, connection: Connection) -> None:
        if connection.hear_end():
            self._events.append(Closed(connection.id))
        else:
            self._lose(connection, "ended")

    def _lose(self, connection: Connection, why: str) -> None:
        self.ended[why] += 1
        end = self._ends.pop(connection.id)
        del self._connections[connection.id], self._ids[end]
        if connection.accepted:
            self._crowd.leaves(connection)
        self._dirty.pop(connection.id, None)
        self._readable.pop(end, None)
        self._acknowledged.pop(connection.id, None)
        if end.open:
            end.close()
        self._events.append(Lost(connection.id, why))

    def _sweep(self, now: float) -> None:
        self._next_sweep = now + SWEEP_EVERY_S
        for connection in list(self._connections.values()):
            if connection.out:
                self._write(connection)
            if not connection.accepted:
                self._watch_link(connection, now)
                continue
            why = connection.overdue(now)
            if why is not None:
                self._lose(connection, why)

    def _watch_link(self, connection: Connection, now: float) -> None:
        """The kernel's TCP_USER_TIMEOUT."""
        end = self._ends[connection.id]
        has = end.sent - end.in_flight
        had, since = self._acknowledged.get(connection.id, (-1, now))
        if has != had or not end.in_flight:
            self._acknowledged[connection.id] = (has, now)
        elif now - since > self._limits.link_unacknowledged_s:
            self._lose(connection, "host acknowledges nothing")

    def _look_at_deliveries(self, now: float) -> None:
        while conn := self._deliveries.due(now):
            connection = self._connections.get(conn)
            if connection is None:
                self._deliveries.skip()
                continue
            has_all = self._deliveries.asks(connection) and self._has_all(connection)
            why = self._deliveries.look(connection, has_all, now, self._events)
            if why is not None:
                self._lose(connection, why)

    def _has_all(self, connection: Connection) -> bool:
        """Whether the other kernel has every byte now."""
        return not connection.out and not self._ends[connection.id].in_flight
