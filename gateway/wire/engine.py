"""The wire as the gateway's turn uses it: one Trio task awaits one nested epoll descriptor.

No task, channel or cancel scope per connection or message.  A turn reads what is ready and hands
up whole frames; what comes down is queued per connection and written together.  The driver under
this drains the sockets; here is what happens seldom: listening, connecting, waiting.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Final

import trio

from gateway.wire._driver import Driver
from gateway.wire.filters import Door

if TYPE_CHECKING:
    from gateway.clock import Clock
    from gateway.wire.port import WireEvent, WireLimits

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_BACKLOG: Final = 4_096


class Engine(Driver):
    """Terminal and host sockets of one process."""

    def __init__(self, limits: WireLimits, clock: Clock) -> None:
        super().__init__(limits, clock)
        self._limits = limits
        self._listeners: list[socket.socket] = []

    def listen(self, name: str, host: str, port: int) -> socket.socket:
        """Accept terminals of listener `name`.  Raises OSError when the address can't be had."""
        sock = socket.create_server((host, port), backlog=_BACKLOG)
        sock.setblocking(False)
        # What is accepted inherits it.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._listeners.append(sock)
        self.open_door(sock.fileno(), Door(name))
        return sock

    def stop_listening(self) -> None:
        """Accept nobody any more."""
        self.shut_doors()
        for sock in self._listeners:
            sock.close()
        self._listeners.clear()

    async def connect(self, address: str, port: int, peer: str, timeout_s: float) -> int | None:
        """Connect to a host; None if it could not be done in time."""
        try:
            with trio.fail_after(timeout_s):
                stream = await trio.open_tcp_stream(address, port)
        except (OSError, trio.TooSlowError):
            return None
        return self.adopt_link(socket.socket(fileno=stream.socket.detach()), peer)

    def adopt_link(self, sock: socket.socket, peer: str) -> int:
        """Take over the connected socket of a host; returns the connection's id."""
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
        return self.adopt_descriptor(sock.detach(), peer, accepted)

    def close_all(self) -> None:
        """End everything, listeners and the descriptor itself included."""
        self.stop_listening()
        self.drop_all()

    async def turn(self, wait_s: float) -> list[WireEvent]:
        """What happened; waits at most `wait_s` for it."""
        if self.poll():
            # Others get their turn, too: the journal, the links, whoever asks over HTTP.
            await trio.lowlevel.checkpoint()
        else:
            with trio.move_on_after(wait_s):
                await trio.lowlevel.wait_readable(self.fileno())
            self.poll()
        return self.taken()
