"""The day over real sockets, at the street of `examples/`, with a real gateway's process."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import sys
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trio

from codec.framing import Framer, frame
from tests.day.bank import DayBank
from tests.day.script import TILLS, day

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.day.tills import Till

ROOT = Path(__file__).parents[2]
STREET = ROOT / "examples" / "street.toml"
AUTHORITY = ROOT / "examples" / "sample-authority.pem"
WAIT_S = 20.0
ISO_STREET = (
    "listener.0.dialect=iso87-ascii",
    "listener.0.mac.algorithm=x9.19",
    "listener.0.sign_in.mak_bytes=16",
)


class Wire:
    """A terminal's connection."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._framer = Framer()

    async def ask(self, message: bytes) -> bytes:
        """Send a message and hear the next one."""
        with trio.fail_after(WAIT_S):
            await self._stream.send_all(frame(message))
            while True:
                frames = self._framer.feed(await self._stream.receive_some(65_536))
                if frames:
                    return bytes(frames[0])

    async def end(self) -> None:
        """Hang up."""
        await trio.aclose_forcefully(self._stream)


class Street:
    """The gateway's process, and the doors to it."""

    def __init__(self, ports: dict[str, int], folder: Path, bank: DayBank) -> None:
        self.ports, self.folder, self.bank = ports, folder, bank

    @property
    def sets(self) -> list[str]:
        """The street on free ports, with its journal in the test's folder."""
        places = {
            "listener.0.port": self.ports["plain"],
            "listener.1.port": self.ports["tls"],
            "host.0.port": self.ports["bank"],
            "admin.port": self.ports["admin"],
            "journal.path": self.folder / "street.db",
        }
        return [f"{key}={value}" for key, value in places.items()]

    def command(self, *words: str) -> list[str]:
        """A command on this street."""
        verb, *rest = words
        sets = [part for each in self.sets for part in ("--set", each)]
        return [sys.executable, "-m", "gateway", verb, str(STREET), *rest, *sets]

    async def plain(self) -> Wire:
        """A terminal connects."""
        return Wire(await trio.open_tcp_stream("127.0.0.1", self.ports["plain"]))

    async def over_tls(self) -> Wire:
        """A terminal connects to the other listener."""
        stream = await trio.open_tcp_stream("127.0.0.1", self.ports["tls"])
        context = ssl.create_default_context(cafile=AUTHORITY)
        secured = trio.SSLStream(stream, context, server_hostname="localhost")
        await secured.do_handshake()
        return Wire(secured)

    async def metric(self, name: str) -> float:
        """A metric without labels."""
        async with httpx.AsyncClient() as http:
            text = (await http.get(f"http://127.0.0.1:{self.ports['admin']}/metrics")).text
        line = next(line for line in text.splitlines() if line.startswith(f"{name} "))
        return float(line.split()[1])

    async def rests(self) -> None:
        """Return once no charge waits for its delivery, and no reversal for its answer."""
        with trio.fail_after(WAIT_S):
            while await self.metric("gateway_open_charges"):  # noqa: ASYNC110 - another process
                await trio.sleep(0.02)

    async def run(self, *words: str) -> Any:
        """What a command prints as JSON."""
        done = await trio.run_process(
            self.command(*words, "--json"), cwd=self.folder, capture_stdout=True
        )
        return json.loads(done.stdout)


@asynccontextmanager
async def street(folder: Path, *overrides: str) -> AsyncIterator[Street]:
    """The street as it is in `examples/`, started from another folder."""
    free = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
    ports = dict(
        zip(("plain", "tls", "bank", "admin"), (s.getsockname()[1] for s in free), strict=True)
    )
    for each in free:
        each.close()
    bank = DayBank()
    made = Street(ports, folder, bank)
    sets = [part for each in overrides for part in ("--set", each)]
    async with trio.open_nursery() as nursery:
        serve_bank = partial(trio.serve_tcp, partial(_serve_link, bank), ports["bank"])
        await nursery.start(partial(serve_bank, host="127.0.0.1"))
        with (folder / "gateway.log").open("wb") as log:
            process = await trio.lowlevel.open_process(
                [*made.command("serve"), *sets],
                cwd=folder,
                stderr=log,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )
        try:
            await _ready(made, process)
            yield made
        finally:
            process.send_signal(signal.SIGTERM)
            with trio.CancelScope(shield=True), trio.move_on_after(WAIT_S) as late:
                await process.wait()
            if late.cancelled_caught:
                process.kill()
        assert process.returncode == 0, (folder / "gateway.log").read_text()
        nursery.cancel_scope.cancel()


async def _serve_link(bank: DayBank, stream: trio.SocketStream) -> None:
    out: trio.MemorySendChannel[bytes]
    out, waiting = trio.open_memory_channel[bytes](1_000)
    link = bank.link(out.send_nowait)
    async with trio.open_nursery() as nursery:

        async def speak() -> None:
            async for data in waiting:
                await stream.send_all(data)

        nursery.start_soon(speak)
        try:
            async for data in stream:
                link.feed(data)
        except trio.BrokenResourceError:
            pass
        link.gone()
        nursery.cancel_scope.cancel()


async def _ready(made: Street, process: trio.Process) -> None:
    with trio.fail_after(WAIT_S):
        async with httpx.AsyncClient() as http:
            while True:
                assert process.poll() is None, (made.folder / "gateway.log").read_text()
                try:
                    place = f"http://127.0.0.1:{made.ports['admin']}/readyz"
                    if (await http.get(place)).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await trio.sleep(0.05)


@pytest.mark.parametrize(
    ("dialect", "overrides"),
    [("unionpay-pos", ()), ("iso87-ascii", ISO_STREET)],
    ids=["unionpay-pos", "iso87-ascii"],
)
async def test_a_merchants_day(tmp_path: Path, dialect: str, overrides: tuple[str, ...]) -> None:
    async with street(tmp_path, *overrides) as where:
        wire = await where.plain()
        till: Till = TILLS[dialect]("10000001", wire, where.bank)
        await day(till, where.rests)
        await wire.end()
        report = await where.run("audit", "--final")
    assert report["violations"] == []
    assert report["open"] == report["cases"] == 0
