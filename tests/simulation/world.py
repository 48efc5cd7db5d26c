"""One seeded world from its first sale to the last check."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import trio

from gateway.audit import Audit
from gateway.journal import JournalError
from tests.simulation.acquirer import Acquirer
from tests.simulation.agenda import Agenda, SimClock
from tests.simulation.bounds import SMALL_WINDOW_BYTES, few_effects, fills, tiny
from tests.simulation.chance import Chance
from tests.simulation.checkers import Checkers, Violation
from tests.simulation.disk import Disk, DiskFiles
from tests.simulation.faults import Faults, Severity
from tests.simulation.hosts import SimHost
from tests.simulation.keys import KEYED, KEYED_HOST, HostsKeys, SlowCustody, keys_file
from tests.simulation.process import VAULT_KEY, GatewayProcess
from tests.simulation.second import SecondAccounts
from tests.simulation.settling import Settling
from tests.simulation.story import Told
from tests.simulation.street import (
    DIALECTS,
    HEALS_WITHIN_S,
    KEYS,
    REGISTRY,
    SHOPS,
    WRAPPED,
    Line,
    config,
    registry,
)
from tests.simulation.terminals import Terminal
from tests.simulation.wires import End, Weather, Wire

if TYPE_CHECKING:
    from gateway.audit import Report
    from tests.simulation.events import Impostor

TRAFFIC_S: Final = 120.0
_SETTLES_S: Final = 120.0
"""Time that terminals get to settle their last sale, before healing is measured."""
_LOOKS_EVERY_S: Final = 5.0
_LOOKS_CLOSELY_EVERY_S: Final = 0.1
_CALM_LOOKS: Final = 2
"""A lost connection may still make a terminal sell once more, to prove the sale before."""
ACQUIRERS: Final = 4
"""In one of so many worlds the acquirer's people are at work, too."""
SEVERAL_ACCOUNTS: Final = (32, 9)
"""One of 32 worlds, that with this rest, has merchants with several accounts."""
_HAS_FIRST: Final = 0.7
"""Share of worlds in which the gateway begins with the clearing house's MAC key."""
REPLACED: Final = 0.7
"""Share of the terminals that are gone for good whose number another terminal gets."""


@dataclass(slots=True)
class Outcome:
    """What one seed brought."""

    seed: int
    violations: list[Violation] = field(default_factory=list)
    terminals: tuple[str, ...] = ()
    charges: int = 0
    reversals: int = 0
    kills: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    """Looks at which a bound of the gateway was reached, by its name."""
    virtual_s: float = 0.0
    wall_s: float = 0.0
    trace: str = ""
    story: list[Told] = field(default_factory=list)


class World:
    """Everything of one seed."""

    def __init__(self, seed: int, folder: Path, *, tells: bool, severity: Severity) -> None:
        self._folder = folder
        self._tells = tells
        self._hash = hashlib.blake2b(digest_size=16)
        self.outcome = Outcome(seed)
        self.chance = Chance(seed)
        self.agenda = Agenda()
        self.clock = SimClock(self.agenda)
        self.weather = Weather(self.chance)
        self.checkers = Checkers(lambda: self.agenda.now, self.note)
        self.disk = Disk()
        self._faults = Faults(self.chance, severity)
        exchanges = self._faults.exchanging_keys()
        keys = HostsKeys(self.agenda, self.chance.of("keys", KEYED_HOST), changes=exchanges)
        self.hosts = {
            name: SimHost(
                name, DIALECTS[name], keys if name == KEYED_HOST else None,
                self.agenda, self.chance, self.checkers, self._faults.moods(name),
            )
            for name in ("bank", "clearing")
        }  # fmt: skip
        self._keyed = KEYED if self._faults.signing_in() else None
        for host in self.hosts.values():
            host.tells_days = self._faults.days()
        self._lags_s = self._faults.lags_s()
        self.terminals = self._street()
        self.outcome.terminals = tuple(each.name for each in self.terminals)
        self._config = config(
            folder, self._faults.limits(), keyed=self._keyed is not None, exchanges=exchanges
        )
        self.tiny = self._faults.tiny_bounds()
        if self.tiny:
            self._config = tiny(self._config, len(self.terminals))
        self.process = GatewayProcess(
            self._config, self.agenda, self.clock, self.disk, self.chance.of("gateway"),
            self.checkers, self._dial_host,
        )  # fmt: skip
        self._custody = SlowCustody(self.agenda, self.clock, self.chance.of("custody"))
        self.process.custody = self._custody
        acquirer = Acquirer(self.chance.of("acquirer"), self.checkers, self._standing)
        self._acquirer: Acquirer | SecondAccounts | None = None
        if seed % ACQUIRERS == ACQUIRERS - 1:
            self._acquirer = acquirer
        elif seed % SEVERAL_ACCOUNTS[0] == SEVERAL_ACCOUNTS[1]:
            second = SecondAccounts(self.chance.of("second accounts"), self.checkers)
            self._acquirer = second
        settling = Settling(self.chance.of("settling"), self.checkers)
        self._settling = settling if seed % ACQUIRERS == 1 else None
        if self.tiny:
            self.process.window_bytes = SMALL_WINDOW_BYTES

    def _street(self) -> list[Terminal]:
        everybody: list[Terminal] = []
        for listener, merchant, confirms, prefix in SHOPS:
            pause_s = self.chance.of("pause", merchant).choice((0.5, 3.0, 8.0))
            line = Line(
                listener, DIALECTS[listener], merchant, confirms, prefix, KEYS.get(listener),
                self.dial_gateway, self._gone, pause_s,
            )  # fmt: skip
            if self._keyed is not None and listener == "pos":
                line = replace(line, key=None, keyed=self._keyed)
            for _ in range(self._faults.terminals_of(merchant)):
                everybody.append(self._terminal(line, len(everybody) + 1, None))
        return [each for each in everybody if self._faults.is_there(each.name)]

    def _terminal(self, line: Line, number: int, replaced: Terminal | None) -> Terminal:
        place = 0 if replaced is None else replaced.place + 1
        rng = self.chance.of("terminal", number, place)
        habits = self._faults.habits(number, place)
        return Terminal(line, (number, place), self.agenda, rng, self.checkers, habits, replaced)

    def _gone(self, terminal: Terminal) -> None:
        """A terminal is gone for good; mostly another is put in its place."""
        rng = self.chance.of("replaced", terminal.number, terminal.place)
        if rng.random() < REPLACED:
            self.agenda.after(rng.uniform(1.0, 20.0), self._put_up, terminal)

    def _put_up(self, gone: Terminal) -> None:
        if self._faults.on:
            new = self._terminal(gone.line, gone.number, gone)
            self.terminals.append(new)
            new.begin()

    def _standing(self, till: str) -> list[Terminal]:
        return [x for x in self.terminals if f"{x.merchant}|{x.name}" == till]

    def note(self, *words: object) -> None:
        """A line of the trace."""
        now, told = self.agenda.now, tuple(map(str, words))
        self._hash.update(f"{now:.3f} {' '.join(told)}".encode())
        if self._tells:
            self.outcome.story.append(Told(now, told))

    # Who connects to whom

    def _dial_host(self, address: str, port: int) -> End | None:
        del address
        host = list(self.hosts.values())[port - 1]
        if self.agenda.now < self.weather.dark_until:
            return None
        wire = Wire(self.agenda, self.weather, host.name)
        return wire.near if host.accept(wire.far) else None

    def dial_gateway(self, terminal: Terminal | Impostor) -> End | None:
        """A connection to the gateway, if there is one now."""
        network = self.process.network
        is_dark = self.agenda.now < self.weather.dark_until
        if network is None or is_dark or not network.accepts(terminal.name):
            return None
        wire = Wire(self.agenda, self.weather, terminal.name, even_lags_s=self._lags_s)
        wire.near.owner = terminal
        network.adopt(wire.far, terminal.listener, accepted=True, source=terminal.name)
        return wire.near

    # The run

    async def run(self) -> None:
        """Traffic with faults, then healing, then the books."""
        await self._make_keys()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._look)
            nursery.start_soon(self._process, nursery.cancel_scope)
            for terminal in self.terminals:
                terminal.begin()
            self._faults.begin(self)
            self._ask_again()
            self._settle_again()
            await trio.sleep(TRAFFIC_S)
            self._faults.end(self)
            for terminal in self.terminals:
                terminal.close_shop()
            await self._heal()
            nursery.cancel_scope.cancel()
        self.outcome.virtual_s = self.agenda.now
        self._check()

    async def _make_keys(self) -> None:
        """What the gateway has before its first life."""
        tills = [f"{x.merchant}|{x.name}" for x in self.terminals if x.line.keyed is not None]
        has_first = self.chance.of("first key").random() < _HAS_FIRST
        text = await keys_file(self._custody, tills, has_first=has_first)
        (self._folder / WRAPPED).write_text(text, "utf-8")
        (self._folder / REGISTRY).write_text(registry(self.terminals), "utf-8")

    def _ask_again(self) -> None:
        """Somebody at the acquirer asks for something, while there is traffic."""
        if self._acquirer is None or not self._faults.on:
            return
        switch = self.process.switch
        tills = sorted({(each.merchant, each.name) for each in self.terminals})
        # Whoever asks over HTTP waits for the answer, which waits for the disk.
        if switch is not None and tills and not switch.has_effects:
            self._acquirer.acts(switch, tills, self.clock.now())
        self.agenda.after(self._acquirer.pause_s(), self._ask_again)

    def _settle_again(self) -> None:
        """Somebody changes a settlement card, or the bank answers, while there is traffic."""
        if self._settling is None or not self._faults.on:
            return
        switch, node = self.process.switch, self.process.node
        merchants = sorted({each.merchant for each in self.terminals})
        if switch is not None and node is not None and merchants and node.pipeline.idle:
            self._settling.acts(switch, merchants, self.clock.now())
        self.agenda.after(self._settling.pause_s(), self._settle_again)

    async def _process(self, all_of_it: trio.CancelScope) -> None:
        await self.process.run()
        all_of_it.cancel()

    async def _look(self) -> None:
        while True:
            await trio.sleep(_LOOKS_EVERY_S if not self.tiny else _LOOKS_CLOSELY_EVERY_S)
            switch, network = self.process.switch, self.process.network
            if switch is not None and network is not None:
                self.checkers.look(switch.life.book.open(), self.clock.now())
                if self._acquirer is not None:
                    self._acquirer.look(switch)
                if self._settling is not None:
                    self._settling.look(switch)
                self.checkers.bounds(fills(self._config, switch, network))

    async def _heal(self) -> None:
        calm = 0
        with trio.move_on_after(_SETTLES_S + HEALS_WITHIN_S):
            while calm < _CALM_LOOKS:
                await trio.sleep(_LOOKS_EVERY_S)
                calm = calm + 1 if self._is_healed() else 0

    def _is_healed(self) -> bool:
        switch = self.process.switch
        return (
            switch is not None
            and all(terminal.settled for terminal in self.terminals)
            and not switch.life.book.open()
        )

    def _check(self) -> None:
        self.process.stop()
        if not self.process.stands_still:
            self._compare_books()
        outcome = self.outcome
        outcome.violations = self.checkers.violations
        outcome.charges = len(self.checkers.decisions)
        outcome.reversals = self.checkers.reversals
        outcome.reached = self.checkers.reached + self.process.reached
        outcome.kills = self.process.kills
        outcome.trace = self._hash.hexdigest()

    def _compare_books(self) -> None:
        written = b"".join(bytes(file.data) for file in self.disk.files.values())
        self.checkers.card_data(self.terminals, written + "".join(self.process.paper.text).encode())
        try:
            report = self._audit()
        except JournalError as error:
            self.checkers.violated(5, f"nobody can read the journal: {error}")
        else:
            self.checkers.settle(self.terminals, report)

    def _audit(self) -> Report:
        """The shipped audit over what is on the disk."""
        for name, file in self.disk.files.items():
            Path(name).write_bytes(file.data)
        key = self._config.journal.key_path
        key.write_text(VAULT_KEY.hex(), "ascii")
        key.chmod(0o600)
        with Audit(self._config) as audit:
            report, broken = audit.report(each=True), audit.log().broken
        report.violations += [f"the audit log: {broken}"] if broken else []
        return report


def run(
    seed: int, *, tells: bool = False, severity: Severity | None = None, kind: type[World] = World
) -> Outcome:
    """Run one seed.  The same seed and code give the same trace in every process."""
    core: Any = trio._core._run
    saved, flag = core._r.getstate(), core._ALLOW_DETERMINISTIC_SCHEDULING
    began = time.perf_counter()
    try:
        core._ALLOW_DETERMINISTIC_SCHEDULING = True
        core._r.seed(seed)
        with tempfile.TemporaryDirectory(prefix="isogate-simulation-") as folder:
            world = kind(seed, Path(folder), tells=tells, severity=severity or Severity())
            files = DiskFiles(world.disk)
            try:
                with few_effects(tiny=world.tiny):
                    trio.run(world.run, clock=world.agenda)
            finally:
                files.unregister()
    finally:
        core._r.setstate(saved)
        core._ALLOW_DETERMINISTIC_SCHEDULING = flag
    world.outcome.wall_s = time.perf_counter() - began
    return world.outcome
