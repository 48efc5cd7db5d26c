"""The day over real sockets, at the street of `examples/`, with a real gateway's process."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import sys
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trio

from codec.framing import Framer, frame
from tests.day.bank import DayBank
from tests.day.script import TILLS, day, trouble

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.day.tills import Till

ROOT = Path(__file__).parents[2]
STREET = ROOT / "examples" / "street.toml"
AUTHORITY = ROOT / "examples" / "sample-authority.pem"
WAIT_S = 20.0
OK = 200
REGISTERED = 22
"""One merchant, ten terminals and their keys, and that they were loaded: a line each."""
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

    async def say(self, message: bytes) -> None:
        """Send a message whose answer nobody waits for."""
        await self._stream.send_all(frame(message))

    async def ask(self, message: bytes) -> bytes:
        """Send a message and hear the next one."""
        with trio.fail_after(WAIT_S):
            await self.say(message)
            while True:
                frames = self._framer.feed(await self._stream.receive_some(65_536))
                if frames:
                    return bytes(frames[0])

    async def end(self) -> None:
        """Hang up."""
        await trio.aclose_forcefully(self._stream)


class Street:
    """The gateway's process, and the doors to it."""

    def __init__(
        self, ports: dict[str, int], folder: Path, bank: DayBank, overrides: tuple[str, ...]
    ) -> None:
        self.ports, self.folder, self.bank = ports, folder, bank
        self._overrides = overrides
        self._process: trio.Process | None = None

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
        return [*(f"{key}={value}" for key, value in places.items()), *self._overrides]

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

    async def until(self, true: Callable[[], object]) -> None:
        """Return once something is so."""
        with trio.fail_after(WAIT_S):
            while not true():  # noqa: ASYNC110 - what is waited for is seen from outside
                await trio.sleep(0.01)

    async def start(self) -> None:
        """A life of the gateway; returns when it is ready."""
        with (self.folder / "gateway.log").open("ab") as log:
            self._process = await trio.lowlevel.open_process(
                self.command("serve"),
                cwd=self.folder,
                stderr=log,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )
        await self._ready(self._process)

    async def kill(self) -> None:
        """Kill the gateway, and return when its next life is ready."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()
        await self.start()

    async def stop(self) -> int:
        """Tell it to stop; its exit status."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        with trio.CancelScope(shield=True), trio.move_on_after(WAIT_S) as late:
            await self._process.wait()
        if late.cancelled_caught:
            self._process.kill()
        return self._process.returncode or 0

    async def _ready(self, process: trio.Process) -> None:
        place = f"http://127.0.0.1:{self.ports['admin']}/readyz"
        with trio.fail_after(WAIT_S):
            async with httpx.AsyncClient() as http:
                while True:
                    assert process.poll() is None, (self.folder / "gateway.log").read_text()
                    with suppress(httpx.TransportError):
                        if (await http.get(place)).status_code == OK:
                            return
                    await trio.sleep(0.05)

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
    made = Street(ports, folder, bank, overrides)
    async with trio.open_nursery() as nursery:
        serve_bank = partial(trio.serve_tcp, partial(_serve_link, bank), ports["bank"])
        await nursery.start(partial(serve_bank, host="127.0.0.1"))
        try:
            await made.start()
            yield made
        finally:
            status = await made.stop()
        assert status == 0, (folder / "gateway.log").read_text()
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


DIALECTS = pytest.mark.parametrize(
    ("dialect", "overrides"),
    [("unionpay-pos", ()), ("iso87-ascii", ISO_STREET)],
    ids=["unionpay-pos", "iso87-ascii"],
)
QUICK = ("host.0.answer_timeout_s=1", "service.delivery_proof_s=3", "reversal.schedule_s=[0, 0.2]")


@DIALECTS
async def test_a_merchants_day(tmp_path: Path, dialect: str, overrides: tuple[str, ...]) -> None:
    async with street(tmp_path, *overrides) as town:
        till: Till = TILLS[dialect]("10000001", await town.plain(), town.bank)
        await day(till, town.rests)
        await till.line.end()
        report = await town.run("audit", "--final")
        log = await town.run("audit", "--log")
    assert (report["violations"], report["open"], report["cases"]) == ([], 0, 0)
    assert (report["voids"], report["refunds"]) == ({"served": 1}, {"served": 1})
    assert (log["broken"], log["lines"] > REGISTERED) == ("", True)


async def test_a_merchants_day_whose_settlement_has_no_macs(tmp_path: Path) -> None:
    """What an upload without them does not hold is a case, and not reversed."""
    async with street(tmp_path) as town:
        till: Till = TILLS["unionpay-pos"]("10000001", await town.plain(), town.bank)
        till.settles_bare = True
        await day(till, town.rests)
        await till.line.end()
        report = await town.run("audit", "--final")
    assert (report["violations"], report["open"], report["cases"]) == ([], 0, 1)


@DIALECTS
@pytest.mark.slow
async def test_a_day_of_trouble(tmp_path: Path, dialect: str, overrides: tuple[str, ...]) -> None:
    """Killed twice, as a process is killed."""
    async with street(tmp_path, *overrides, *QUICK) as town:
        await trouble(town, dialect)
        report = await town.run("audit", "--final")
    assert (report["violations"], report["open"], report["cases"]) == ([], 0, 0)
    assert (report["served"], report["reversed"]) == (5, 2)


async def test_the_street_over_tls_and_a_terminal_that_confirms(tmp_path: Path) -> None:
    """Terminals 06 to 10 have 3 s to confirm; silence is a reversal."""
    async with street(tmp_path) as town:
        till = TILLS["unionpay-pos"]("10000006", await town.over_tls(), town.bank)
        await till.signs_in("004")
        served, silent = till.sale(1_000), till.sale(2_000)
        await till.approved(served)
        await till.is_told(till.confirmation(served), "00")
        await till.approved(silent)
        await town.rests()
        await till.is_told(till.confirmation(silent), "22")
        stranger = TILLS["unionpay-pos"]("10000099", till.line, town.bank)
        await stranger.is_told(stranger.management("003"), "97")
        await till.line.end()
        report = await town.run("audit", "--final")
    assert (report["served"], report["reversed"], report["violations"]) == (1, 1, [])
    (reversal,) = [asked for asked, _ in town.bank.heard if asked.mti == "0420"]
    assert (reversal[4], reversal[41]) == (silent[4], "10000006")
