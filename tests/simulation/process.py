"""The gateway's process in the simulator: it starts, is killed at any step, and starts again.

All that carries charges is as shipped: `Node`, recovery, the SQLite journal.  The ports are not.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import outcome
import trio

from gateway.desk.key_desk import hang_keys_of_file
from gateway.journal import JournalError
from gateway.journal.ground import Ground
from gateway.journal.sqlite import SqliteJournal
from gateway.journal.vault import Vault
from gateway.keys.opening import keys_in
from gateway.lifecycle import Lifecycle
from gateway.log import Log
from gateway.metrics import Metrics
from gateway.node import Node, recovered
from gateway.tools import Tools
from tests.simulation.agenda import Nap, StandstillError
from tests.simulation.disk import VFS_NAME, RedoFile
from tests.simulation.network import SEND_WINDOW_BYTES, SimNetwork

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from gateway.config import Config
    from gateway.journal.port import Recovery
    from gateway.keys.port import KeyCustody
    from routing.batches import Batch
    from routing.charge import Charge
    from routing.conventions import Original
    from routing.effects import Record, UnsettledLookup
    from routing.switch import Switch
    from tests.simulation.agenda import Agenda, SimClock
    from tests.simulation.checkers import Checkers
    from tests.simulation.disk import Disk
    from tests.simulation.wires import End, Wire

VAULT_KEY = bytes(range(32))
_IDENTITIES = 8
"""Gathered and put into their table at once; as shipped, hardly a life here would see it."""
_APPLY_EACH = 3
"""Commits that wait for the tables: most kills find some that are only in the redo log."""
_REDO_BYTES = 64 << 10
"""So its files take turns some times in each world."""


class _Paper:
    """Where the gateway's log goes; read at the end, for card data."""

    def __init__(self) -> None:
        self.text: list[str] = []

    def write(self, text: str) -> int:
        self.text.append(text)
        return len(text)

    def flush(self) -> None:
        pass


class WatchedJournal:
    """The shipped journal, with a checker looking at what it says is durable."""

    keeps_nothing = False

    def __init__(self, journal: SqliteJournal, disk: Disk, checkers: Checkers) -> None:
        self._journal, self._disk, self._checkers = journal, disk, checkers

    def start(self, wall: float, *, ended_max: int) -> Recovery:
        """As shipped."""
        return self._journal.start(wall, ended_max=ended_max)

    def append(self, records: Sequence[Record]) -> Mapping[int, Charge]:
        """As shipped; what a process appended that was killed meanwhile counts for nothing."""
        self._checkers.appending(records)
        known = self._journal.append(records)
        if self._disk.remains is None:
            self._checkers.appended(records, known, durable=self._disk.durable)
        return known

    def find(self, original: Original) -> Charge | None:
        """As shipped."""
        return self._journal.find(original)

    def known(self, identities: Sequence[str]) -> set[str]:
        """As shipped."""
        return self._journal.known(identities)

    def batch(self, wanted: Batch) -> list[Charge]:
        """As shipped."""
        return self._journal.batch(wanted)

    def unsettled(self, wanted: UnsettledLookup) -> tuple[int, int]:
        """As shipped."""
        return self._journal.unsettled(wanted)

    def log_bytes(self) -> tuple[int, int]:
        """As shipped."""
        return self._journal.log_bytes()

    def close(self) -> None:
        """As shipped."""
        self._journal.close()


class _Writer:
    """The journal's writer: inline, too, and nobody waits for it."""

    nursery: trio.Nursery

    def __init__(self, offload: Callable[..., Awaitable[Any]]) -> None:
        self._offload = offload
        self._ended: outcome.Outcome[Any] | None = None

    async def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """As everything else that takes time."""
        return await self._offload(function, *arguments)

    def begin(
        self, wake: Callable[[], None], function: Callable[..., Any], *arguments: Any
    ) -> None:
        """Begin a call."""
        self.nursery.start_soon(self._go_on, wake, function, arguments)

    async def _go_on(
        self, wake: Callable[[], None], function: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> None:
        try:
            self._ended = outcome.Value(await self._offload(function, *arguments))
        except JournalError as error:
            self._ended = outcome.Error(error)
        wake()

    def ended(self) -> outcome.Outcome[Any] | None:
        """What came of it, once."""
        told, self._ended = self._ended, None
        return told

    def rest(self) -> None:
        """What goes on ends with its life."""


class GatewayProcess:
    """One gateway after the other, on one disk."""

    def __init__(
        self,
        config: Config,
        agenda: Agenda,
        clock: SimClock,
        disk: Disk,
        rng: random.Random,
        checkers: Checkers,
        dial: Callable[[str, int], End | None],
    ) -> None:
        self.custody: KeyCustody | None = None
        """Who keeps the keys, where the configuration's terminals sign in."""
        self._config, self._agenda, self._clock = config, agenda, clock
        self._disk, self._rng, self._checkers, self._dial = disk, rng, checkers, dial
        self._scope = trio.CancelScope()
        self._power_cut = False
        self._told_to_stop = trio.Event()
        self._down_s = 1.0
        self._dead_wires: list[Wire] = []
        self._journal: WatchedJournal | None = None
        self.network: SimNetwork | None = None
        self.switch: Switch | None = None
        self.node: Node | None = None
        self.paper = _Paper()
        self._metrics = Metrics()
        self.kills = 0
        self.reached: Counter[str] = Counter()
        """How often a bound cost a terminal its message, or a connection its life, by its name."""
        self.window_bytes = SEND_WINDOW_BYTES
        self.stands_still = False
        self.commit_s = (0.0002, 0.004)

    async def run(self) -> None:
        """Life after life, for ever, or until time stands still."""
        while True:
            self._power_cut, self._told_to_stop = False, trio.Event()
            with trio.CancelScope() as self._scope:
                try:
                    await self._live()
                except* JournalError as errors:
                    self._checkers.note("START FAILS", type(errors.exceptions[0]).__name__)
                    self._down_s = 1.0
                except* Exception as errors:
                    self._report(errors)
                    self.stands_still = errors.subgroup(StandstillError) is not None
            self._die()
            if self.stands_still:
                return
            await trio.sleep(self._down_s)
            self._start_machine()

    def _report(self, errors: BaseExceptionGroup[Exception]) -> None:
        error: BaseException = errors
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        place = "" if where is None else f"{where.tb_frame.f_code.co_qualname}:{where.tb_lineno}"
        self._checkers.violated(9, f"the gateway died: {type(error).__name__} {error} in {place}")

    async def _live(self) -> None:
        self._metrics = Metrics()
        writer = _Writer(self._offload)
        tools = Tools(self._clock, self._metrics, Log(self.paper), self._offload, writer)  # type: ignore[arg-type]
        await self._offload(self._open_journal)
        assert self._journal is not None
        switch = await recovered(self._config, self._journal, tools)  # type: ignore[arg-type]
        network = SimNetwork(
            self._config.limits_of_wire(),
            self._agenda,
            self._clock,
            self._dial,
            self._checkers.leaves,
        )
        network.window_bytes = self.window_bytes
        if self.custody is not None:
            keys = keys_in(self._config.keys.file)
            await hang_keys_of_file(keys, self.custody, switch, self._clock)  # type: ignore[arg-type]
        node = Node(self._config, switch, network, self._journal, tools, self._rng, self.custody)  # type: ignore[arg-type]
        await node.restore_keys()
        lifecycle = Lifecycle(self._config, switch, network, node.pipeline, tools)  # type: ignore[arg-type]
        self.network, self.switch, self.node = network, switch, node
        self._checkers.note("life", switch.life.epoch)
        async with trio.open_nursery() as writer.nursery:
            nursery = writer.nursery
            nursery.start_soon(node.run)
            await self._told_to_stop.wait()
            await lifecycle.drain()
            nursery.cancel_scope.cancel()
        network.close_all()
        self._close_journal()

    def _close_journal(self) -> None:
        """As a process does that ends by itself."""
        self._disk.peace = True
        self.stop()
        self._disk.peace = False

    def _open_journal(self) -> None:
        why = ""
        try:
            journal = SqliteJournal(
                Path(self._config.journal.path),
                Vault(VAULT_KEY),
                ground=Ground(
                    vfs=VFS_NAME,
                    open_file=partial(RedoFile, self._disk),
                    file_bytes=_REDO_BYTES,
                    entropy=self._rng.randbytes,
                    run=_IDENTITIES,
                    apply_each=_APPLY_EACH,
                ),
            )
        except JournalError as error:
            # SQLite closes the file when the error lets it go: no fault may hit it then.
            why, self._disk.peace = str(error), True
        self._disk.peace = False
        if why:
            raise JournalError(why)
        self._journal = WatchedJournal(journal, self._disk, self._checkers)

    async def _offload(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run the journal inline; what takes time is the disk, before and after."""
        rng, nap = self._rng, Nap(self._agenda)
        await nap.take(rng.uniform(*self.commit_s))
        try:
            result = function(*arguments)
        finally:
            if self._disk.remains is not None:
                self.kill()
        await nap.take(rng.uniform(*self.commit_s))
        return result

    # The end of a life

    def kill(self, down_s: float = 1.0, *, power: bool = False) -> None:
        """SIGKILL, or a power cut; the next life begins after `down_s`."""
        self._down_s, self._power_cut = down_s, power
        self.kills += 1
        self._scope.cancel()

    def reload_with_links(self, links: int) -> None:
        """The running gateway gets a configuration with other links to its hosts."""
        if self.node is None:
            return
        hosts = tuple(msgspec.structs.replace(each, links=links) for each in self._config.host)
        config = msgspec.structs.replace(self._config, host=hosts)
        self.node.change(config, self.node.peers_of(config))

    def terminate(self, down_s: float) -> None:
        """SIGTERM: it drains and ends by itself; the next life begins after `down_s`."""
        self._down_s = down_s
        self._told_to_stop.set()

    def stop(self) -> None:
        """The run is over: close the journal as a last process would."""
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()

    def _die(self) -> None:
        if self.switch is not None:
            pressure = self.switch.life.pressure
            self.reached["effects that wait for the journal"] += pressure.refused
        network, self.network, self.switch, self.node = self.network, None, None, None
        self.reached += network.ended if network is not None else Counter()
        self._metrics = Metrics()
        ends = network.ends() if network is not None else []
        for end in ends:
            if self._power_cut:
                end.vanish()
                self._dead_wires.append(end.wire)
            else:
                end.close()
        journal, self._journal = self._journal, None
        self._disk.change_process(journal.close if journal is not None else lambda: None)
        if self._power_cut:
            self._disk.lose_power(self._rng)

    def _start_machine(self) -> None:
        if self._power_cut:
            self._clock.booted_at = self._agenda.now - 20.0
        for wire in self._dead_wires:
            wire.wake_dead_end()
        self._dead_wires.clear()
