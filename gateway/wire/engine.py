"""The epoll driver: one Trio task awaits one nested epoll descriptor, then drains every socket.

No task, channel or cancel scope per connection or message.  A turn reads what is ready and hands
up whole frames; what comes down is queued per connection and written together.
"""

from __future__ import annotations

import errno
import fcntl
import select
import socket
import struct
import termios
from collections import Counter, deque
from typing import TYPE_CHECKING, Final, NamedTuple

import trio

from codec import FrameError
from gateway.wire.connection import Connection, SlowReaderError
from gateway.wire.port import Acknowledged, Closed, Frame, Lost

if TYPE_CHECKING:
    from gateway.clock import Clock
    from gateway.wire.port import WireEvent, WireLimits

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_READ_BYTES: Final = 65_536
_ACCEPTS_A_TURN: Final = 256
_EVENTS_A_TURN: Final = 1_024
_SWEEP_EVERY_S: Final = 1.0
_BACKLOG: Final = 4_096
_GONE: Final = select.EPOLLERR | select.EPOLLHUP
_WOULD_BLOCK: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK})


class _Watch(NamedTuple):
    """An answer whose acknowledgement is waited for."""

    at: float
    since: float
    conn: int
    tag: int


class Engine:
    """Terminal and host sockets of one process."""

    def __init__(self, limits: WireLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._epoll = select.epoll()
        self._listeners: dict[int, tuple[socket.socket, str]] = {}
        self._sockets: dict[int, socket.socket] = {}
        self._connections: dict[int, Connection] = {}
        self._by_fd: dict[int, Connection] = {}
        self._dirty: dict[int, None] = {}
        self._watches: deque[_Watch] = deque()
        self._watched: Counter[int] = Counter()
        self._events: list[WireEvent] = []
        self._last_id = 0
        self._next_sweep = 0.0
        self.refused: Counter[str] = Counter()
        """Connections ended or not accepted, by reason."""
        self.frames_in = 0
        self.frames_out = 0

    # Connections come and go

    def listen(self, name: str, host: str, port: int) -> socket.socket:
        """Accept terminals of listener `name`.  Raises OSError when the address can't be had."""
        sock = socket.create_server((host, port), backlog=_BACKLOG)
        sock.setblocking(False)
        self._listeners[sock.fileno()] = (sock, name)
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        return sock

    def stop_listening(self) -> None:
        """Accept nobody any more."""
        for sock, _ in self._listeners.values():
            self._epoll.unregister(sock.fileno())
            sock.close()
        self._listeners.clear()

    async def connect(self, address: str, port: int, peer: str, timeout_s: float) -> int | None:
        """Connect to a host; None if it could not be done in time."""
        try:
            with trio.fail_after(timeout_s):
                stream = await trio.open_tcp_stream(address, port)
        except (OSError, trio.TooSlowError):
            return None
        sock = socket.socket(fileno=stream.socket.detach())
        # Closed means closed, also by a killed process: else the kernel would go on sending what
        # it still holds, and a charge might arrive after its reversal.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        # And what the host's TCP does not acknowledge for long is given up with its link.
        unacknowledged_ms = int(self._limits.link_unacknowledged_s * 1_000)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unacknowledged_ms)
        return self.adopt(sock, peer)

    def adopt(self, sock: socket.socket, peer: str, *, accepted: bool = False) -> int:
        """Take over a connected socket; returns the connection's id.

        Clocks run against those that were `accepted`; whoever made the others watches them.
        """
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._last_id += 1
        connection = Connection(self._last_id, peer, self._limits, self._clock.now().monotonic)
        self._sockets[connection.id] = sock
        self._connections[connection.id] = connection
        self._by_fd[sock.fileno()] = connection
        connection.accepted = accepted
        connection.interest = select.EPOLLIN
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        return connection.id

    def peer(self, conn: int) -> str:
        """The listener or host that a connection belongs to; '' if it is gone."""
        connection = self._connections.get(conn)
        return connection.peer if connection is not None else ""

    def __len__(self) -> int:
        return len(self._connections)

    def close(self, conn: int, why: str) -> None:
        """End a connection; a `Lost` follows."""
        connection = self._connections.get(conn)
        if connection is not None:
            self._lose(connection, why)

    def _forget(self, connection: Connection) -> None:
        del self._connections[connection.id]
        sock = self._sockets.pop(connection.id)
        del self._by_fd[sock.fileno()]
        self._dirty.pop(connection.id, None)
        self._epoll.unregister(sock.fileno())
        sock.close()

    def close_all(self) -> None:
        """End everything, listeners and the descriptor itself included."""
        self.stop_listening()
        for connection in list(self._connections.values()):
            self._forget(connection)
        self._epoll.close()

    def _lose(self, connection: Connection, why: str) -> None:
        self.refused[why] += 1
        self._forget(connection)
        self._events.append(Lost(connection.id, why))

    # One turn

    async def turn(self, wait_s: float) -> list[WireEvent]:
        """What happened; waits at most `wait_s` for it."""
        if self._events:
            await trio.lowlevel.checkpoint()
        else:
            with trio.move_on_after(wait_s):
                await trio.lowlevel.wait_readable(self._epoll.fileno())
        now = self._clock.now().monotonic
        for fd, mask in self._epoll.poll(0, _EVENTS_A_TURN):
            if fd in self._listeners:
                self._accept(fd)
            else:
                self._ready(fd, mask, now)
        self._check_watches(now)
        if now >= self._next_sweep:
            self._sweep(now)
        events, self._events = self._events, []
        return events

    def _accept(self, fd: int) -> None:
        sock, name = self._listeners[fd]
        for _ in range(_ACCEPTS_A_TURN):
            try:
                accepted, _ = sock.accept()
            except OSError as error:
                if error.errno not in _WOULD_BLOCK:
                    # No descriptor is free: asking again at once would only burn the processor.
                    self.refused["accept failed"] += 1
                    self._epoll.modify(fd, 0)
                return
            if len(self._connections) >= self._limits.connections_max:
                self.refused["connections_max"] += 1
                accepted.close()
                continue
            self.adopt(accepted, name, accepted=True)

    def _ready(self, fd: int, mask: int, now: float) -> None:
        connection = self._by_fd.get(fd)
        if connection is None:
            return
        if mask & select.EPOLLOUT:
            self._write(connection)
        if mask & select.EPOLLIN and not connection.closed:
            self._read(connection, now)
        elif mask & _GONE and connection.id in self._connections:
            self._lose(connection, "reset")

    def _read(self, connection: Connection, now: float) -> None:
        sock = self._sockets.get(connection.id)
        if sock is None:
            return
        try:
            data = sock.recv(_READ_BYTES)
        except OSError as error:
            if error.errno not in _WOULD_BLOCK:
                self._lose(connection, "reset")
            return
        if not data:
            self._ended(connection)
            return
        try:
            frames = connection.received(data, now)
        except FrameError:
            self._lose(connection, "not a frame")
            return
        self.frames_in += len(frames)
        self._events += [Frame(connection.id, connection.peer, each) for each in frames]

    def _ended(self, connection: Connection) -> None:
        """The other side sends no more.  While an answer is unproven a reset may still follow."""
        if self._watched[connection.id]:
            connection.closed = True
            self._await(connection, 0)
            self._events.append(Closed(connection.id))
        else:
            self._lose(connection, "ended")

    def _sweep(self, now: float) -> None:
        self._next_sweep = now + _SWEEP_EVERY_S
        for fd in self._listeners:
            self._epoll.modify(fd, select.EPOLLIN)
        accepted = (each for each in self._connections.values() if each.accepted)
        overdue = [(each, each.overdue(now)) for each in accepted]
        for connection, why in overdue:
            if why is not None:
                self._lose(connection, why)

    # Sending

    def send(self, conn: int, data: bytes, tag: int = 0) -> bool:
        """Queue a frame; False if the connection is gone or its other side has ended."""
        connection = self._connections.get(conn)
        if connection is None or connection.closed:
            return False
        try:
            connection.queue(data)
        except SlowReaderError:
            self._lose(connection, "waiting_bytes_max")
            return False
        self._dirty[conn] = None
        self.frames_out += 1
        if tag:
            now = self._clock.now().monotonic
            settles = now + self._limits.acknowledgement_settles_s
            self._watches.append(_Watch(settles, now, conn, tag))
            self._watched[conn] += 1
        return True

    def flush(self) -> None:
        """Write what was queued since the last flush, each connection's frames together."""
        dirty, self._dirty = self._dirty, {}
        for conn in dirty:
            connection = self._connections.get(conn)
            if connection is not None:
                self._write(connection)

    def _write(self, connection: Connection) -> None:
        sock = self._sockets[connection.id]
        try:
            sent = sock.send(connection.out)
            del connection.out[:sent]
        except OSError as error:
            if error.errno not in _WOULD_BLOCK:
                self._lose(connection, "reset")
                return
        readable = 0 if connection.closed else select.EPOLLIN
        self._await(connection, readable | (select.EPOLLOUT if connection.out else 0))

    def _await(self, connection: Connection, interest: int) -> None:
        """Have epoll report `interest`; nearly always it does already."""
        if connection.interest != interest:
            connection.interest = interest
            self._epoll.modify(self._sockets[connection.id].fileno(), interest)

    # Proofs of delivery

    def _check_watches(self, now: float) -> None:
        watches = self._watches
        while watches and watches[0].at <= now:
            watch = watches.popleft()
            self._watched[watch.conn] -= 1
            if not self._watched[watch.conn]:
                del self._watched[watch.conn]
            connection = self._connections.get(watch.conn)
            if connection is not None:
                self._check(connection, watch, now)

    def _check(self, connection: Connection, watch: _Watch, now: float) -> None:
        if not connection.out and not self._unacknowledged(connection):
            self._events.append(Acknowledged(watch.conn, watch.tag))
            if connection.closed and not self._watched[watch.conn]:
                self._lose(connection, "ended")
        elif now - watch.since > self._limits.unacknowledged_s:
            self._lose(connection, "answer not acknowledged")
        else:
            later = now + self._limits.acknowledgement_settles_s
            self._watches.append(watch._replace(at=later))
            self._watched[watch.conn] += 1

    def _unacknowledged(self, connection: Connection) -> int:
        """Bytes that the other side's TCP has not acknowledged yet (SIOCOUTQ)."""
        answer = fcntl.ioctl(self._sockets[connection.id].fileno(), termios.TIOCOUTQ, b"\0" * 4)
        return int.from_bytes(answer, "little")
