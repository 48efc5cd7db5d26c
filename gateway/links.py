"""Keeps the connections to the hosts: makes them, and makes them anew when they are lost."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import trio

if TYPE_CHECKING:
    import random

    from gateway.config import Host
    from gateway.pipeline import Pipeline
    from gateway.tools import Tools
    from gateway.wire.port import Network
    from routing.switch import Switch

_JITTER: Final = 0.25
"""Share of a pause that is random, so that links don't all come at once."""


class Links:
    """The connections to all hosts; ids are those of the wire."""

    def __init__(self, network: Network, switch: Switch, tools: Tools, rng: random.Random) -> None:
        self._network = network
        self._switch = switch
        self._clock, self._log = tools.clock, tools.log
        self._rng = rng
        self._hosts: dict[int, str] = {}
        self._lost: dict[int, trio.Event] = {}
        self.losses: Counter[str] = Counter()
        """By host."""

    def __len__(self) -> int:
        return len(self._hosts)

    def is_link(self, conn: int) -> bool:
        """Whether this connection leads to a host."""
        return conn in self._hosts

    def lost(self, conn: int) -> str:
        """A connection is gone: the host that it led to, '' if it was a terminal's."""
        host = self._hosts.pop(conn, "")
        self.losses[host] += bool(host)
        gone = self._lost.pop(conn, None)
        if gone is not None:
            gone.set()
        return host

    async def keep(self, host: Host, pipeline: Pipeline) -> None:
        """One link of `host`, for ever: connect, wait until it is lost, pause, again.

        Where the host connects to us there is nothing to pause for.
        """
        pause_s, made_at = host.reconnect_s, 0.0
        while True:
            conn = await self._network.connect(
                host.address, host.port, host.name, host.connect_timeout_s
            )
            if conn is None and host.listen:
                continue
            if conn is None:
                await trio.sleep(pause_s * (1 + _JITTER * self._rng.random()))
                pause_s = min(pause_s * 2, host.reconnect_max_s)
                continue
            made_at = self._clock.now().monotonic
            gone = self._lost[conn] = trio.Event()
            self._hosts[conn] = host.name
            self._switch.link_up(host.name, conn, self._clock.now())
            pipeline.kick()
            self._log.info("host link up", host=host.name)
            await gone.wait()
            if self._clock.now().monotonic - made_at > host.reconnect_max_s:
                pause_s = (
                    host.reconnect_s
                )  # it had held; else it is lost again as soon as it is made
            if not host.listen:
                await trio.sleep(pause_s * (1 + _JITTER * self._rng.random()))
                pause_s = min(pause_s * 2, host.reconnect_max_s)
