"""Keeps the connections to the hosts: makes them, and makes them anew when they are lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import trio

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from gateway.config import Host
    from gateway.pipeline import Pipeline
    from gateway.tools import Tools
    from gateway.wire.port import Network
    from routing.switch import Switch

_JITTER: Final = 0.25
"""Share of a pause that is random, so that links don't all come at once."""


@dataclass(eq=False)
class _Keeper:
    """Whoever keeps one link of a host."""

    host: Host
    conn: int = 0
    """The connection; 0 while there is none."""
    stopped: trio.Event = field(default_factory=trio.Event)
    """It makes no other when this one is lost."""


class Links:
    """The connections to all hosts; ids are those of the wire."""

    def __init__(self, network: Network, switch: Switch, tools: Tools, rng: random.Random) -> None:
        self._network = network
        self._switch = switch
        self._clock, self._log = tools.clock, tools.log
        self._rng = rng
        self.hosts: dict[int, str] = {}
        """The host that each of these connections leads to."""
        self._lost: dict[int, trio.Event] = {}
        self._keepers: list[_Keeper] = []
        self._beginners: list[_Keeper] = []
        """Keepers that wait for their task."""
        self._begin = trio.Event()
        self.losses: Counter[str] = Counter()
        """By host."""

    def __len__(self) -> int:
        return len(self.hosts)

    def lost(self, conn: int) -> str:
        """A connection is gone: the host that it led to, '' if it was a terminal's."""
        host = self.hosts.pop(conn, "")
        self.losses[host] += bool(host)
        gone = self._lost.pop(conn, None)
        if gone is not None:
            gone.set()
        return host

    # Which hosts there are

    def change(self, hosts: Sequence[Host]) -> None:
        """Keep the links of these hosts from now on.  Where a host's connections are to be made
        otherwise, others take over from those that it has; a host that is no longer named keeps
        its links until `routing` says that nothing of it is open.
        """
        named = {each.name: each for each in hosts}
        kept = {each.host.name: each.host for each in self._keepers}
        for name, host in named.items():
            if name not in kept:
                self._add(host)
            elif _connects_otherwise(kept[name], host):
                self._replace(name)
                self._add(host)
            else:
                for each in self._keepers:
                    each.host = host if each.host.name == name else each.host

    def _add(self, host: Host) -> None:
        new = [_Keeper(host) for _ in range(host.links)]
        self._keepers += new
        self._beginners += new
        self._begin.set()

    def _replace(self, name: str) -> None:
        old = [each for each in self._keepers if each.host.name == name]
        for each in old:
            each.stopped.set()
            self._keepers.remove(each)
        conns = [each.conn for each in old if each.conn]
        self._switch.departures.replace(name, conns, self._clock.now())

    async def run(self, pipeline: Pipeline) -> None:
        """A task for each link, now and whenever hosts change."""
        async with trio.open_nursery() as nursery:
            while True:
                self._begin = trio.Event()
                beginners, self._beginners = self._beginners, []
                for keeper in beginners:
                    nursery.start_soon(self._keep, keeper, pipeline)
                await self._begin.wait()

    # One link

    async def _keep(self, keeper: _Keeper, pipeline: Pipeline) -> None:
        """Connect, wait until it is lost, pause, again.

        Where the host connects to us there is nothing to pause for.
        """
        pause_s = keeper.host.reconnect_s
        while self._is_wanted(keeper):
            host = keeper.host
            conn = await self._network.connect(
                host.address, host.port, host.name, host.connect_timeout_s
            )
            if conn is not None:
                made_at = self._clock.now().monotonic
                await self._have(keeper, conn, pipeline)
                if self._clock.now().monotonic - made_at > host.reconnect_max_s:
                    pause_s = host.reconnect_s
                # Else it is lost as soon as it is made: the pauses go on growing.
            if not host.listen:
                with trio.move_on_after(pause_s * (1 + _JITTER * self._rng.random())):
                    await keeper.stopped.wait()
                pause_s = min(pause_s * 2, host.reconnect_max_s)
        if keeper in self._keepers:
            self._keepers.remove(keeper)
        if keeper.host.name not in self._switch.hosts:
            self._network.forget(keeper.host.name)

    def _is_wanted(self, keeper: _Keeper) -> bool:
        return not keeper.stopped.is_set() and keeper.host.name in self._switch.hosts

    async def _have(self, keeper: _Keeper, conn: int, pipeline: Pipeline) -> None:
        """Until this connection is lost."""
        if not self._is_wanted(keeper):
            self._network.close(conn, "replaced")
            return
        host = keeper.host.name
        gone = self._lost[conn] = trio.Event()
        self.hosts[conn], keeper.conn = host, conn
        self._switch.link_up(host, conn, self._clock.now())
        pipeline.kick()
        self._log.info("host link up", host=host)
        await gone.wait()
        keeper.conn = 0


def _connects_otherwise(one: Host, other: Host) -> bool:
    """Whether connections of one can't stand for those of the other."""
    how = ("address", "port", "listen", "allowed", "tls", "links")
    return any(getattr(one, each) != getattr(other, each) for each in how)
