"""The stage of a merchant's day: a whole gateway on real sockets, a terminal, a host, a clock.

Nothing is left to chance: the clock's wall time moves when the day says so, keys come from a seeded
stream.  So a day can be written down byte for byte, and every later run must say the same.
"""

from __future__ import annotations

import random
import socket
import time
from collections import deque
from contextlib import asynccontextmanager
from io import StringIO
from typing import TYPE_CHECKING, Final, NamedTuple

import trio

from codec import Framer, MacKey, Message, dialect, mac
from codec.framing import frame
from codec.keys import WorkingKeys, working_keys
from gateway.app import open_journal
from gateway.audit import Audit
from gateway.config import load
from gateway.doors import Doors
from gateway.keys.software import SoftwareCustody
from gateway.log import Log
from gateway.metrics import Metrics
from gateway.node import Node, recovered
from gateway.tools import Tools
from gateway.wire import Engine
from routing.clock import Now
from routing.entries import MerchantEntry, TerminalEntry
from routing.key_ring import KeyPlace, RingKey
from tests.gateway.custodies import KEK, sealed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path
    from typing import Any

    from gateway.clock import Clock
    from gateway.config import Config
    from routing.switch import Switch

MERCHANT: Final = "123456789012345"
TERMINAL: Final = "10000001"
TMK: Final = "31313131313131313232323232323232"
MORNING: Final = 1_790_000_000.0
WAIT_S: Final = 5.0
_MAC_FIELD: Final = 64
_NETWORK_CLASS: Final = "8"


class DayClock:
    """Runs as the machine's does; what time of day it is, the day says."""

    def __init__(self) -> None:
        self.wall = MORNING

    def now(self) -> Now:
        """This instant."""
        return Now(time.monotonic(), self.wall)


class Line(trio.abc.AsyncResource):
    """One side's connection to the gateway; everything that passes is written down."""

    def __init__(self, stream: trio.SocketStream, spoken: str, side: str, lines: list[str]) -> None:
        self._stream = stream
        self._dialect = dialect(spoken)
        self._side, self._lines = side, lines
        self._framer = Framer()
        self._frames: deque[bytes] = deque()

    async def says(self, message: Message) -> None:
        """Send a message to the gateway."""
        self._lines.append(f"{self._side}> {frame(message.raw).hex().upper()}")
        await self._stream.send_all(frame(message.raw))

    async def hears(self) -> Message:
        """The next message of the gateway's."""
        with trio.fail_after(WAIT_S):
            while not self._frames:
                self._frames.extend(self._framer.feed(await self._stream.receive_some(65_536)))
        body = self._frames.popleft()
        self._lines.append(f"{self._side}< {frame(body).hex().upper()}")
        return Message(body, self._dialect)

    async def aclose(self) -> None:
        """End the connection."""
        await trio.aclose_forcefully(self._stream)


class Till:
    """The terminal: it knows its TMK, and from its sign-in its working keys."""

    def __init__(self, line: Line, algorithm: Any) -> None:
        self._line, self._algorithm = line, algorithm
        self.key: MacKey | None = None

    def unwraps(self, field: bytes) -> WorkingKeys:
        """Take the keys of a sign-in's answer: their check values are good, or this raises."""
        keys = working_keys(bytes.fromhex(TMK), field)
        self.key = MacKey(self._algorithm, keys.mak)
        return keys

    async def says(self, message: Message) -> None:
        """Send a request, with its MAC where there must be one."""
        if message.mti[1] != _NETWORK_CLASS and self.key is not None:
            mac.sign(message, self.key)
        await self._line.says(message)

    async def hears(self) -> Message:
        """An answer, whose MAC is good."""
        answer = await self._line.hears()
        if answer.mti[1] == _NETWORK_CLASS or self.key is None:
            assert not answer.has(_MAC_FIELD)
        else:
            assert mac.verify(answer, self.key), "an answer with a wrong MAC"
        return answer

    async def asks(self, message: Message) -> Message:
        """A request and its answer."""
        await self.says(message)
        return await self.hears()


class Day:
    """What a day is played on."""

    def __init__(self, clock: DayClock, till: Till, host: Line, running: Running) -> None:
        self.clock, self.till, self.host = clock, till, host
        self.switch, self.settled = running.switch, running.node.pipeline.settled
        self.lines: list[str] = []

    def says(self, text: str) -> None:
        """A heading."""
        self.lines.append(f"\n# {text}")

    def passes(self, seconds: int) -> None:
        """Time passes."""
        self.clock.wall += seconds
        self.lines.append(f"+{seconds}s")

    async def until(self, done: Callable[[], Any]) -> None:
        """Wait for what the gateway does by itself."""
        with trio.fail_after(WAIT_S):
            while not done():  # noqa: ASYNC110 - seen from outside
                await trio.sleep(0.005)


def _config(folder: Path, text: str, port: int) -> Config:
    path = folder / "gateway.toml"
    with socket.create_server(("127.0.0.1", 0)) as free:
        listens = f"listener.0.port={free.getsockname()[1]}"
    path.write_text(text)
    (folder / "kek").write_text(KEK.hex())
    (folder / "kek").chmod(0o600)
    places = (f"journal.path={folder / 'day.db'}", f"keys.kek.file={folder / 'kek'}")
    return load(path, (*places, listens, f"host.0.port={port}"))


class Running(NamedTuple):
    """A gateway that runs."""

    config: Config
    switch: Switch
    node: Node


@asynccontextmanager
async def gateway(
    folder: Path, text: str, port: int, tills: Sequence[str], clock: Clock
) -> AsyncIterator[Running]:
    """A gateway of the configuration `text` in front of the host at `port`, whose terminals of
    MERCHANT all have the TMK.
    """
    config = _config(folder, text, port)
    tools = Tools(clock, Metrics(), Log(StringIO()))
    journal = open_journal(config, tools.log)
    custody = SoftwareCustody(
        [KEK],
        fill=_seeded(random.Random(8583)),  # noqa: S311 - the same keys each time
        wall=lambda: clock.now().wall,
    )
    try:
        switch = await recovered(config, journal, tools)
        await _register(switch, custody, tills, clock.now())
        engine = Engine(config.limits_of_wire(), clock)
        doors = Doors(config, engine, tools.log)
        doors.prepare_hosts()
        jitter = random.Random(1)  # noqa: S311 - no secret
        node = Node(config, switch, engine, journal, tools, jitter, custody)
        await node.restore_keys()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(node.run)
            doors.open()
            yield Running(config, switch, node)
            nursery.cancel_scope.cancel()
        engine.close_all()
    finally:
        journal.close()
    with Audit(config) as books:
        report = books.report()
    assert report.violations == []


@asynccontextmanager
async def day(folder: Path, text: str, algorithm: str) -> AsyncIterator[Day]:
    """A gateway with its one terminal and its host connected."""
    clock = DayClock()
    hosts = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = hosts[0].socket.getsockname()[1]
    lines: list[str] = []
    try:
        async with gateway(folder, text, port, [TERMINAL], clock) as running:
            config = running.config
            host = Line(await hosts[0].accept(), config.host[0].dialect, "host", lines)
            stream = await trio.open_tcp_stream("127.0.0.1", config.listener[0].port)
            line = Line(stream, config.listener[0].dialect, "till", lines)
            played = Day(clock, Till(line, algorithm), host, running)
            played.lines = lines
            async with line, host:
                yield played
    finally:
        await trio.aclose_forcefully(hosts[0])


async def _register(
    switch: Switch, custody: SoftwareCustody, tills: Sequence[str], now: Now
) -> None:
    entries = [TerminalEntry(merchant=MERCHANT, id=each) for each in tills]
    switch.life.registry.load([MerchantEntry(id=MERCHANT)], entries, "Ana", now)
    for entry in entries:
        master = await sealed(custody).known(TMK, "tmk", entry.till)
        place = KeyPlace("tmk", entry.till)
        key = RingKey(str(master), master.check, now.wall, "ceremony")
        if not switch.keys.was_revoked(place, key.check):
            switch.keys.hang(place, key, now, "Ana")


def _seeded(rng: random.Random) -> Callable[[bytearray], object]:
    def fill(memory: bytearray) -> None:
        memory[:] = rng.randbytes(len(memory))

    return fill
