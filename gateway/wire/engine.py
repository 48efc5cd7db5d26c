"""The wire as the gateway's turn uses it: one Trio task awaits one nested epoll descriptor.

No task, channel or cancel scope per connection or message.  A turn reads what is ready and hands
up whole frames; what comes down is queued per connection and written together.  The driver under
this drains the sockets; here is what happens seldom: listening, connecting, waiting.
"""

from __future__ import annotations

import socket
import struct
from math import ceil
from typing import TYPE_CHECKING, Final, NamedTuple

import trio

from gateway.wire._driver import Driver
from gateway.wire.filters import Door, FilterError
from gateway.wire.port import Quality

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.clock import Clock
    from gateway.wire.port import WireEvent, WireLimits
    from gateway.wire.tls import Tls

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_BACKLOG: Final = 4_096
_HOST_BACKLOG: Final = 16
_TCP_INFO_BYTES: Final = 104
_RTT_AT: Final = 68
_RESENT_AT: Final = 100
"""Where Linux's `struct tcp_info` has them."""

OTHERS_WAIT_S_MAX: Final = 0.001
"""So long the turns may go on, or wait for the wire, before Trio's other tasks have their turn."""
_MS: Final = 1_000


def expecting(address: str, port: int) -> socket.socket:
    """A socket at which a host may connect to us.  Raises OSError when that can't be had."""
    return socket.create_server((address, port), backlog=_HOST_BACKLOG)


class _Expected(NamedTuple):
    """Where a host connects to us."""

    listener: trio.SocketListener
    allows: Callable[[str], bool]
    lock: trio.Lock


class Engine(Driver):
    """Terminal and host sockets of one process."""

    def __init__(self, limits: WireLimits, clock: Clock) -> None:
        super().__init__(limits, clock)
        self._limits, self._clock = limits, clock
        self._others_turn_at = 0.0
        self._listeners: list[socket.socket] = []
        self._secured: dict[str, Callable[[], Tls]] = {}
        self._expected: dict[str, _Expected] = {}

    def listen(
        self,
        name: str,
        host: str,
        port: int,
        door: Door | None = None,
        inherited: socket.socket | None = None,
    ) -> socket.socket:
        """Accept terminals of listener `name`, on a socket that listens already if there is one.

        Raises OSError when the address can't be had.
        """
        sock = inherited or socket.create_server((host, port), backlog=_BACKLOG)
        sock.setblocking(False)
        # What is accepted inherits it.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._listeners.append(sock)
        self.open_door(sock.fileno(), door or Door(name))
        return sock

    def secure(self, host: str, new_filter: Callable[[], Tls] | None) -> None:
        """Speak TLS on the links of a host that are made from now on, or none any more."""
        if new_filter is None:
            self._secured.pop(host, None)
        else:
            self._secured[host] = new_filter

    def expect(self, peer: str, sock: socket.socket, allows: Callable[[str], bool]) -> None:
        """Have a host connect to us at `sock`: its links are made by `connect`, which waits."""
        self.expect_no_more(peer)
        sock.setblocking(False)
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(sock))
        self._expected[peer] = _Expected(listener, allows, trio.Lock())

    def allow(self, peer: str, allows: Callable[[str], bool]) -> None:
        """From where a host may connect to us, from now on."""
        self._expected[peer] = self._expected[peer]._replace(allows=allows)

    def forget(self, peer: str) -> None:
        """A host is gone: nobody waits for it any more."""
        self._secured.pop(peer, None)
        self.expect_no_more(peer)

    def expect_no_more(self, peer: str) -> None:
        """A host does not connect to us any more."""
        expected = self._expected.pop(peer, None)
        if expected is not None:
            expected.listener.socket.close()

    def stop_listening(self) -> None:
        """Accept nobody any more."""
        self.shut_doors()
        for sock in self._listeners:
            sock.close()
        self._listeners.clear()

    async def connect(self, address: str, port: int, peer: str, timeout_s: float) -> int | None:
        """A link to a host, also if it is the host that connects; None if none came in time."""
        stream: trio.SocketStream | None = None
        tls: Tls | None = None
        try:
            with trio.fail_after(timeout_s):
                if peer in self._expected:
                    stream = await self._expected_one(peer)
                else:
                    stream = await trio.open_tcp_stream(address, port)
                if peer in self._secured:
                    tls = self._secured[peer]()
                    await _shake(stream, tls)
        except (
            OSError,
            trio.TooSlowError,
            trio.BrokenResourceError,
            trio.ClosedResourceError,  # another address is listened on meanwhile
        ) as error:
            self._not_linked(stream, error)
            return None
        except FilterError as error:
            self._not_linked(stream, error)
            return None
        # From here to the caller nothing waits: no frame can come before the link is known.
        return self.adopt_link(socket.socket(fileno=stream.socket.detach()), peer, tls)

    async def _expected_one(self, peer: str) -> trio.SocketStream:
        expected = self._expected[peer]
        async with expected.lock:  # several links of a host may wait for it
            while True:
                stream = await expected.listener.accept()
                source = stream.socket.getpeername()[0].removeprefix("::ffff:")
                if expected.allows(source):
                    return stream
                self.refused["host not allowed"] += 1
                stream.socket.close()

    def _not_linked(self, stream: trio.SocketStream | None, why: Exception) -> None:
        if stream is not None:
            stream.socket.close()
            self.refused[str(why) if isinstance(why, FilterError) else "no handshake in time"] += 1

    def adopt_link(self, sock: socket.socket, peer: str, tls: Tls | None = None) -> int:
        """Take over the connected socket of a host; returns the connection's id."""
        # Closed means closed, also by a killed process: else the kernel would go on sending what
        # it still holds, and a charge might arrive after its reversal.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        # And what the host's TCP does not acknowledge for long is given up with its link.
        unacknowledged_ms = int(self._limits.link_unacknowledged_s * 1_000)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unacknowledged_ms)
        return self.adopt(sock, peer, tls=tls)

    def adopt(
        self, sock: socket.socket, peer: str, *, accepted: bool = False, tls: Tls | None = None
    ) -> int:
        """Take over a connected socket; returns the connection's id.

        Clocks run against those that were `accepted`; whoever made the others watches them.
        """
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.adopt_descriptor(sock.detach(), peer, accepted, tls)

    def quality(self, conn: int) -> Quality | None:
        """How good a connection is; None if it is gone."""
        if not self.peer(conn):
            return None
        with socket.fromfd(self.fileno(conn), socket.AF_INET, socket.SOCK_STREAM) as sock:
            told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        (rtt_us,) = struct.unpack_from("=I", told, _RTT_AT)
        (resent,) = struct.unpack_from("=I", told, _RESENT_AT)
        return Quality(rtt_us / 1e6, resent)

    def close_all(self) -> None:
        """End everything, listeners and the descriptor itself included."""
        self.stop_listening()
        for expected in self._expected.values():
            expected.listener.socket.close()
        self.drop_all()

    async def turn(self, wait_s: float) -> list[WireEvent]:
        """What happened; waits at most `wait_s` for it.

        A look at Trio's other tasks (the links, whoever asks over HTTP) costs as much as a few
        messages: it comes when nothing happens, or when it is due.
        """
        left_s = min(self._others_turn_at - self._clock.now().monotonic, wait_s)
        if left_s <= 0 or not self.poll(ceil(left_s * _MS)):
            if self.poll():
                await trio.lowlevel.checkpoint()
            else:
                with trio.move_on_after(wait_s):
                    await trio.lowlevel.wait_readable(self.fileno())
                self.poll()
            self._others_turn_at = self._clock.now().monotonic + OTHERS_WAIT_S_MAX
        return self.taken()


async def _shake(stream: trio.SocketStream, tls: Tls) -> None:
    """The TLS handshake of a host link.  Raises FilterError or OSError."""
    done = tls.shake(b"")
    while True:
        answer = tls.output()
        if answer:
            await stream.send_all(answer)
        if done:
            return
        data = await stream.receive_some()
        if not data:
            raise FilterError("no TLS agreed")
        done = tls.shake(data)
