"""The turns: read what is ready, decide for all of it, hand the decisions to the pipeline."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from codec import FrameError, Message
from gateway.wire.port import Acknowledged, Closed, Frame

if TYPE_CHECKING:
    from gateway.links import Links
    from gateway.mac_lane import MacLane
    from gateway.peers import Peers
    from gateway.pipeline import Pipeline
    from gateway.tools import Tools
    from gateway.wire.port import Network, WireEvent
    from routing.clock import Now
    from routing.switch import Switch

WAIT_S_MAX: Final = 0.1
"""How long a turn waits for bytes; other tasks' decisions get their deadlines looked at by then."""
HOSTS_EVERY_S: Final = 0.25
WAITING_EFFECTS_MAX: Final = 100_000
"""Effects that wait for the journal before terminals' messages are dropped unanswered; terminals
ask again.  Hosts' messages are never dropped."""
MALFORMED_MAX: Final = 10
"""Messages that can't be read before a connection that sends them is closed."""


class Turns:
    """What comes in, one turn after the other."""

    def __init__(
        self,
        network: Network,
        switch: Switch,
        pipeline: Pipeline,
        links: Links,
        peers: Peers,
        lane: MacLane,
        tools: Tools,
    ) -> None:
        self._network = network
        self._switch = switch
        self._pipeline = pipeline
        self._links = links
        self._peers = peers
        self._lane = lane
        self._clock, self._metrics, self._log = tools.clock, tools.metrics, tools.log
        self._malformed: Counter[int] = Counter()
        self._hosts_at = 0.0

    async def run(self) -> None:
        """Turn after turn, for ever."""
        while True:
            events = await self._network.turn(self._wait_s())
            now = self._clock.now()
            self._metrics.turned(now.monotonic)
            for event in events:
                self._take(event, now)
            self._switch.tick(now)
            if now.monotonic >= self._hosts_at:
                self._hosts_at = now.monotonic + HOSTS_EVERY_S
                self._switch.tick_hosts(now)
            self._pipeline.kick()

    def _wait_s(self) -> float:
        due = self._switch.life.deadlines.next_at()
        if due is None:
            return WAIT_S_MAX
        return min(max(due - self._clock.now().monotonic, 0.0), WAIT_S_MAX)

    def _take(self, event: WireEvent, now: Now) -> None:
        if isinstance(event, Frame):
            self._frame(event, now)
        elif isinstance(event, Acknowledged):
            self._switch.acknowledged(event.tag, event.conn, now)
        elif isinstance(event, Closed):
            self._switch.terminal_closed(event.conn)
        else:
            self._malformed.pop(event.conn, None)
            host = self._links.lost(event.conn)
            if host:
                self._log.warning("host link lost", host=host, why=event.why)
                self._switch.link_down(host, event.conn, now)
            else:
                self._switch.terminal_lost(event.conn, now)

    def _frame(self, event: Frame, now: Now) -> None:
        peer = self._peers[event.peer]
        try:
            message = Message(event.data, peer.dialect)
        except FrameError as error:
            self._bad(event, error)
            return
        if self._links.is_link(event.conn):
            good = peer.authentic(message)
            self._switch.from_host(event.peer, event.conn, message, now, mac_good=good)
        elif self._lane.takes(event, message):
            self._lane.comes(event, message)
        else:
            self._from_terminal(event, message, now, good=peer.authentic(message))

    def checked(self, event: Frame, message: Message, good: bool) -> None:
        """A terminal's message comes out of the lane; who is gone meanwhile asks again."""
        if self._network.peer(event.conn):
            self._from_terminal(event, message, self._clock.now(), good=good)

    def _from_terminal(self, event: Frame, message: Message, now: Now, *, good: bool) -> None:
        if len(self._switch.life.outbox) > WAITING_EFFECTS_MAX:
            self._metrics.dropped += 1
        else:
            self._switch.from_terminal(event.conn, event.peer, message, now, mac_good=good)

    def _bad(self, event: Frame, error: FrameError) -> None:
        """It costs its sender alone: counted, logged without a value, at last disconnected."""
        conn = event.conn
        self._metrics.malformed[event.peer] += 1
        if not self._network.peer(conn):
            return
        self._malformed[conn] += 1
        self._log.warning("message can't be read", peer=event.peer, why=str(error))
        if self._malformed[conn] >= MALFORMED_MAX and not self._links.is_link(conn):
            self._network.close(conn, "malformed messages")
