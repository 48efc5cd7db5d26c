"""One of two that take turns: a gateway as a setup wants it, or the floor; each with its host."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bench.processes import WARMUP_S, Processes
from bench.setups import RELAY, Setup, workplace
from gateway.journal.redo import FILE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

_FLOOR_WARMUP_S: Final = 0.2
"""It has no caches to fill and no journal to grow."""
_SETTLES_S: Final = 1.0
_SETTLES_MAX: Final = 10
"""So often a gateway carries its maximum for so long before it counts as settled."""


class Side(NamedTuple):
    """What runs, and how to put load on it."""

    processes: Processes
    pid: int
    warmup_s: float

    def load(self, terminals: int, seconds: float, *, rate: float = 0) -> dict[str, Any]:
        """One run of the load generator, as `Processes.load` tells."""
        return self.processes.load(terminals, seconds, self.pid, rate=rate, warmup_s=self.warmup_s)


@contextmanager
def running(setup: Setup | None) -> Iterator[Side]:
    """A fresh host, gateway and journal; without a setup, the floor."""
    with workplace() as folder, Processes(Path(folder), setup or RELAY) as processes:
        processes.host()
        if setup is None:
            yield Side(processes, processes.floor().pid, _FLOOR_WARMUP_S)
        else:
            yield Side(processes, processes.gateway().pid, WARMUP_S)


def one(
    setup: Setup | None, terminals: int, seconds: float, *, rate: float = 0, settled: bool = False
) -> dict[str, Any]:
    """One run on fresh processes, or on such as have settled under full load; with a journal, by
    how much the gateway's own metrics grew, too.
    """
    with running(setup) as side:
        before: dict[str, float] = {}
        if settled:
            _settle(side, terminals)
            before = side.processes.metrics()
        load = side.load(terminals, seconds, rate=rate)
        if setup and setup.journal != "none":
            after = side.processes.metrics()
            load["metrics"] = {name: after[name] - before.get(name, 0.0) for name in after}
        return load


def _settle(side: Side, terminals: int) -> None:
    """Full load until the redo log's files have the size that they keep: no sync has to tell the
    disk a new one.
    """
    for _ in range(_SETTLES_MAX):
        sizes = [file.stat().st_size for file in side.processes.folder.glob("*-redo?")]
        if all(size >= FILE_BYTES for size in sizes):
            return
        side.load(terminals, _SETTLES_S)


def maximum(setup: Setup, terminals: int, seconds: float, rounds: int) -> list[float]:
    """Charges a second that it carries, closed-loop, run after run."""
    with running(setup) as side:
        return [float(side.load(terminals, seconds)["tps"]) for _ in range(rounds)]
