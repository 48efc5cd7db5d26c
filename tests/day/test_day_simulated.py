"""The day in the simulator: the shipped gateway on virtual time, its disk and its network."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

from codec.framing import Framer, frame
from gateway.audit import Audit
from gateway.config import load
from gateway.keys.software import SoftwareCustody
from tests.day.bank import DayBank
from tests.day.script import TILLS, day, trouble
from tests.day.test_day import ISO_STREET, STREET
from tests.simulation.agenda import WALL_AT_START, Agenda, SimClock
from tests.simulation.chance import Chance
from tests.simulation.checkers import Checkers
from tests.simulation.disk import Disk, DiskFiles
from tests.simulation.process import VAULT_KEY, GatewayProcess
from tests.simulation.wires import End, Weather, Wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.audit import Report
    from gateway.config import Config
    from tests.day.bank import BankLink
    from tests.day.tills import Till

LISTENERS = {"unionpay-pos": "pos", "iso87-ascii": "iso"}
"""As the simulator's checkers call them."""
WAIT_S = 120.0


class SimLine:
    """A terminal's connection; the `Owner` of its end."""

    def __init__(self, end: End) -> None:
        self._end: End | None = end
        self._framer = Framer()
        self._heard: list[bytes] = []
        self._news = trio.Event()
        end.owner = self

    def readable(self, end: End) -> None:
        """Bytes came."""
        data = bytes(end.received)
        end.received.clear()
        self._heard += [bytes(each) for each in self._framer.feed(data)]
        self._news.set()

    def cut(self, end: End) -> None:
        """The connection was reset."""
        del end
        self._end = None

    async def say(self, message: bytes) -> None:
        """Send a message whose answer nobody waits for."""
        assert self._end is not None
        self._end.send(frame(message))

    async def ask(self, message: bytes) -> bytes:
        """Send a message and hear the next one."""
        await self.say(message)
        with trio.fail_after(WAIT_S):
            while not self._heard:
                self._news = trio.Event()
                await self._news.wait()
        return self._heard.pop(0)

    async def end(self) -> None:
        """Hang up."""
        if self._end is not None:
            self._end.close()
            self._end = None


class SimBank:
    """The bank's machine; the `Owner` of its ends."""

    def __init__(self, bank: DayBank) -> None:
        self._bank = bank
        self._links: dict[End, BankLink] = {}

    def accept(self, end: End) -> None:
        """A gateway connects."""
        end.owner = self
        self._links[end] = self._bank.link(end.send)

    def readable(self, end: End) -> None:
        """Bytes came, or the end of them."""
        data = bytes(end.received)
        end.received.clear()
        if end in self._links:
            self._links[end].feed(data)
        if end.ended:
            end.close()
            self.cut(end)

    def cut(self, end: End) -> None:
        """A link was reset."""
        link = self._links.pop(end, None)
        if link is not None:
            link.gone()


class SimTown:
    """One gateway, one bank, and terminals that connect as a script says."""

    def __init__(self, dialect: str, folder: Path, seed: int) -> None:
        overrides = ISO_STREET if dialect == "iso87-ascii" else ()
        name = f"listener.0.name={LISTENERS[dialect]}"
        place = f"journal.path={folder / 'journal.db'}"
        key = f"journal.key_file={folder / 'key'}"
        quick = ("host.0.answer_timeout_s=2", "service.delivery_proof_s=20")
        self.config: Config = load(STREET, [*overrides, name, place, key, *quick])
        self._listener = LISTENERS[dialect]
        self._hash = hashlib.blake2b(digest_size=16)
        chance, self.agenda = Chance(seed), Agenda()
        self._weather = Weather(chance)
        self.checkers = Checkers(lambda: self.agenda.now, self._note)
        self.disk = Disk()
        self.bank = DayBank()
        self._bank = SimBank(self.bank)
        clock = SimClock(self.agenda)
        custody = SoftwareCustody(
            [bytes.fromhex((STREET.parent / "sample.kek").read_text())],
            fill=lambda memory: _filled(memory, chance.of("keys", len(self.bank.heard))),
            wall=lambda: WALL_AT_START + self.agenda.now,
        )
        self.process = GatewayProcess(
            self.config, self.agenda, clock, self.disk, chance.of("gateway"), self.checkers,
            self._dial,
        )  # fmt: skip
        self.process.custody = custody

    def _note(self, *words: object) -> None:
        self._hash.update(f"{self.agenda.now:.3f} {words}".encode())

    @property
    def trace(self) -> str:
        """What happened, in one word."""
        return self._hash.hexdigest()

    def _dial(self, address: str, port: int) -> End | None:
        del address, port
        wire = Wire(self.agenda, self._weather, "bank")
        self._bank.accept(wire.far)
        return wire.near

    async def plain(self) -> SimLine:
        """A terminal connects."""
        wire = Wire(self.agenda, self._weather, "10000001")
        assert self.process.network is not None
        self.process.network.adopt(wire.far, self._listener, accepted=True)
        return SimLine(wire.near)

    async def until(self, true: Callable[[], object]) -> None:
        """Return once something is so."""
        with trio.fail_after(WAIT_S):
            while not true():  # noqa: ASYNC110 - what is waited for is seen from outside
                await trio.sleep(0.05)

    def _is_ready(self) -> bool:
        switch = self.process.switch
        return switch is not None and bool(switch.hosts["bank"].links.usable())

    async def rests(self) -> None:
        """Return once no charge waits for its delivery, and no reversal for its answer."""

        def at_rest() -> bool:
            switch = self.process.switch
            return switch is not None and self._is_ready() and not switch.life.book.open()

        await self.until(at_rest)

    async def kill(self) -> None:
        """Kill the gateway, and return when its next life is ready."""
        self.process.kill()
        await self.until(lambda: self.process.switch is None)
        await self.until(self._is_ready)

    async def run(self, script: Callable[[SimTown], Awaitable[Till]]) -> None:
        """A gateway's lives, and in them the script."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.process.run)
            await self.until(self._is_ready)
            till = await script(self)
            for asked, answered in till.transcript:
                self._note(asked.hex(), answered.hex())
            await self.rests()
            nursery.cancel_scope.cancel()

    def audit(self) -> tuple[Report, str]:
        """The shipped audit over what is on the disk, and what is broken of its log."""
        self.process.stop()
        for name, file in self.disk.files.items():
            Path(name).write_bytes(file.data)
        key = self.config.journal.key_path
        key.write_text(VAULT_KEY.hex(), "ascii")
        key.chmod(0o600)
        with Audit(self.config) as books:
            return books.report(), books.log().broken


def _filled(memory: bytearray, rng: Any) -> None:
    memory[:] = rng.randbytes(len(memory))


async def a_day(town: SimTown) -> Till:
    """The day without trouble."""
    dialect = town.config.listener[0].dialect
    till: Till = TILLS[dialect]("10000001", await town.plain(), town.bank)
    await day(till, town.rests)
    await till.line.end()
    return till


async def a_day_of_trouble(town: SimTown) -> Till:
    """The other one."""
    return await trouble(town, town.config.listener[0].dialect)


def simulated(
    dialect: str, seed: int, script: Callable[[SimTown], Awaitable[Till]]
) -> tuple[str, int]:
    """Run it; what happened, in one word, and how often the gateway was killed."""
    core: Any = trio._core._run
    saved, flag = core._r.getstate(), core._ALLOW_DETERMINISTIC_SCHEDULING
    try:
        core._ALLOW_DETERMINISTIC_SCHEDULING = True
        core._r.seed(seed)
        with tempfile.TemporaryDirectory(prefix="isogate-day-") as folder:
            town = SimTown(dialect, Path(folder), seed)
            files = DiskFiles(town.disk)
            try:
                trio.run(town.run, script, clock=town.agenda)
            finally:
                files.unregister()
            report, broken = town.audit()
    finally:
        core._r.setstate(saved)
        core._ALLOW_DETERMINISTIC_SCHEDULING = flag
    assert town.checkers.violations == []
    assert (report.violations, report.open, report.cases, broken) == ([], 0, 0, "")
    assert report.money["charges"] == report.money["served"] + sum(
        report.money[end] for end in ("declined", "reversed", "refunded")
    )
    return town.trace, town.process.kills


@pytest.mark.parametrize("dialect", TILLS)
def test_a_merchants_day_is_the_same_each_time(dialect: str) -> None:
    first, _ = simulated(dialect, 1, a_day)
    again, _ = simulated(dialect, 1, a_day)
    assert first == again


@pytest.mark.parametrize("dialect", TILLS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_day_of_trouble_costs_nobody_money(dialect: str, seed: int) -> None:
    _, kills = simulated(dialect, seed, a_day_of_trouble)
    assert kills == 2
