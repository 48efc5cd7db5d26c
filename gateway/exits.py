"""What may leave, leaves: asked for the last time, signed, handed to the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codec import mac
from gateway import macs_ahead
from routing.effects import ToHost, ToTerminal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codec import Message
    from gateway.clock import Clock
    from gateway.mac_lane import MacLane
    from gateway.peer import AnyPeer
    from gateway.peers import Peers
    from gateway.wire.port import Network
    from routing.effects import Send
    from routing.switch import Switch


class Exits:
    """The way from what is durable to the wire."""

    def __init__(
        self,
        switch: Switch,
        network: Network,
        peers: Peers,
        lane: MacLane | None,
        clock: Clock,
        otherwise: Callable[[Send], None],
    ) -> None:
        """`otherwise` does what is no message; that comes seldom."""
        self._switch = switch
        self._network = network
        self._peers = peers
        self._lane = lane
        self._clock = clock
        self._otherwise = otherwise
        self._name_before = ""
        self._peer_before: AnyPeer | None = None
        """Whom the last send of this batch went to: nearly always the next one's, too."""

    def release(self, sends: Sequence[Send]) -> None:
        """These leave now, in their order."""
        now = self._clock.now()
        self._forget_peers()
        if macs_ahead.gained(self._peers):
            macs_ahead.of_sends(sends, self._peers, self._network)
        for send in sends:
            if isinstance(send, ToTerminal) and self._takes_the_lane(send):
                continue
            if not self._switch.may_leave(send, now):
                continue
            if isinstance(send, ToTerminal):
                self._to_terminal(send)
            elif isinstance(send, ToHost):
                self._to_host(send)
            else:
                self._otherwise(send)
        self._network.flush()

    def _forget_peers(self) -> None:
        """Whom the sends of a moment ago went to may have other keys now."""
        self._name_before, self._peer_before = "", None

    def _takes_the_lane(self, send: ToTerminal) -> bool:
        lane = self._lane
        return lane is not None and lane.leaves(send, self._network.peer(send.conn))

    def hand(self, send: ToTerminal, field: bytes | None) -> None:
        """An answer comes out of the lane: with its MAC; b'': none can be made, and an approval
        without one is none; None: no module has its key any more.
        """
        now = self._clock.now()
        if not self._switch.may_leave(send, now):
            return
        if field is None or (not field and send.charge is None):
            self._forget_peers()
            self._to_terminal(send)
        elif field:
            mac.put(send.message, field)
            self._hand(send, send.message.raw)
        else:
            self._switch.undelivered(send, now)

    def flush(self) -> None:
        """A batch came out of the lane."""
        self._network.flush()

    def _to_terminal(self, send: ToTerminal) -> None:
        self._hand(send, self._signed(send.conn, send.message))

    def _hand(self, send: ToTerminal, raw: bytes) -> None:
        if self._network.send(send.conn, raw, send.charge):
            self._switch.handed(send)
        else:
            self._switch.undelivered(send, self._clock.now())

    def _to_host(self, send: ToHost) -> None:
        if not self._network.send(send.link, self._signed(send.link, send.message)):
            self._switch.unsent(send, self._clock.now())

    def _signed(self, conn: int, message: Message) -> bytes:
        name = self._network.peer(conn)
        if name is not self._name_before:
            self._name_before, self._peer_before = name, self._peers.get(name)
        peer = self._peer_before
        return peer.signed(message) if peer is not None else message.sent()
