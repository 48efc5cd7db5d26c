"""What came in, one event at a time: bytes become messages, MACs are checked, routing is asked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from codec import FrameError
from codec._wire import read
from gateway import macs_ahead
from gateway.wire._events import Acknowledged, Frame
from gateway.wire.port import Closed

if TYPE_CHECKING:
    from codec import Message
    from gateway.links import Links
    from gateway.mac_lane import MacLane
    from gateway.peer import AnyPeer
    from gateway.peers import Peers
    from gateway.tools import Tools
    from gateway.wire.port import Network, WireEvent
    from routing.clock import Now
    from routing.switch import Switch

WAITING_EFFECTS_MAX: Final = 100_000
"""Effects that wait for the journal before new requests are refused with 96: see
`routing.pressure`."""
_NETWORK_CLASS: Final = "8"
MALFORMED_MAX: Final = 10
"""Messages that can't be read before a connection that sends them is closed."""


class Intake:
    """The way from the wire to a decision."""

    def __init__(
        self,
        network: Network,
        switch: Switch,
        links: Links,
        peers: Peers,
        lane: MacLane | None,
        tools: Tools,
    ) -> None:
        self._network = network
        self._switch = switch
        self._links, self._to_hosts = links, links.hosts
        self._peers = peers
        self._lane = lane
        self._metrics, self._log = tools.metrics, tools.log
        self._malformed: Counter[int] = Counter()
        self._name_before = ""
        self._peer_before: AnyPeer | None = None
        """Whose the last frame of this turn was: often the next one's, too."""
        self._of_host_before = False

    def take(self, events: list[WireEvent], now: Now) -> None:
        """All that happened in a turn."""
        if macs_ahead.gained(self._peers):
            macs_ahead.of_frames(events, self._peers)
        self._name_before = ""
        for event in events:
            if isinstance(event, Frame):
                self._frame(event, now)
            elif isinstance(event, Acknowledged):
                self._acknowledged(event, now)
            elif isinstance(event, Closed):
                self._switch.terminal_closed(event.conn)
            else:
                self._lost(event.conn, event.why, now)

    def _acknowledged(self, event: Acknowledged, now: Now) -> None:
        self._switch.acknowledged(event.tag, event.conn, now)

    def _lost(self, conn: int, why: str, now: Now) -> None:
        self._malformed.pop(conn, None)
        host = self._links.lost(conn)
        if host:
            self._log.warning("host link lost", host=host, why=why)
            self._switch.link_down(host, conn, now)
        else:
            self._switch.terminal_lost(conn, now)

    def _frame(self, event: Frame, now: Now) -> None:
        conn, name, data = event.conn, event.peer, event.data
        peer = self._peer_before
        if peer is None or name is not self._name_before:
            peer = self._peers[name]
            self._name_before, self._peer_before = name, peer
            self._of_host_before = conn in self._to_hosts or name in self._switch.hosts
        try:
            message = event.message
            if message is None:
                message = read(data, peer.dialect)
        except FrameError as error:
            self._bad(conn, name, error)
            return
        of_host = self._of_host_before
        lane = None if of_host else self._lane
        if lane is not None and lane.takes(event, message):
            each_max = self._switch.life.settings.in_flight_per_connection_max
            lane.comes(event, message, self, each_max)
        elif of_host:
            good = peer.authentic(message)
            self._switch.from_host(name, conn, message, now, mac_good=good)
        else:
            self._asked(conn, name, message, now, peer.authentic(message))

    def checked(self, event: Frame, message: Message, good: bool, now: Now) -> None:
        """A terminal's message comes out of the lane; who is gone meanwhile asks again."""
        if self._network.peer(event.conn):
            self._asked(event.conn, event.peer, message, now, good)

    def unheard(self, event: Frame, message: Message, now: Now, *, may_wait: bool) -> bool:
        """A terminal's message whose MAC nobody checks now: whether it was answered all the same;
        who is gone needs no answer.
        """
        if not self._network.peer(event.conn):
            return True
        terminals = self._switch.terminals
        return terminals.unheard(event.conn, event.peer, message, now, may_wait=may_wait)

    def _asked(self, conn: int, name: str, message: Message, now: Now, good: bool) -> None:
        """A terminal asks something."""
        life = self._switch.life
        life.pressure.is_full = life.outbox.size() > WAITING_EFFECTS_MAX
        if message.is_of(_NETWORK_CLASS):
            self._measure(conn)
        self._switch.from_terminal(conn, name, message, now, mac_good=good)

    def _measure(self, conn: int) -> None:
        """A terminal speaks of itself, which is seldom: how good is its line?"""
        quality = self._network.quality(conn)
        if quality is not None:
            self._switch.office.signals.measured(conn, quality.rtt_s, quality.resent)

    def _bad(self, conn: int, name: str, error: FrameError) -> None:
        """It costs its sender alone: counted, logged without a value, at last disconnected."""
        self._metrics.malformed[name] += 1
        if not self._network.peer(conn):
            return
        self._malformed[conn] += 1
        self._log.warning("message can't be read", peer=name, why=str(error))
        if self._malformed[conn] >= MALFORMED_MAX and conn not in self._to_hosts:
            self._network.close(conn, "malformed messages")
