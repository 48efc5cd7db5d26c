"""How the process itself does: ready or not, how late its loop is, its clock, its keys' ages."""

from __future__ import annotations

import resource
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import trio

from gateway.ops import machine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client import Metric as Family

    from gateway.config import Config, Host, Listener
    from gateway.doors import Doors
    from gateway.lifecycle import Lifecycle
    from gateway.ops.survey import Seen
    from gateway.tools import Tools

LAG_EVERY_S: Final = 0.1
_MEMORY: Final = Path("/proc/self/statm")


class HealthCollector:
    """What no single part of the gateway knows."""

    def __init__(self, config: Config, lifecycle: Lifecycle, doors: Doors, tools: Tools) -> None:
        self._lifecycle = lifecycle
        self._doors = doors
        self._clock, self._metrics = tools.clock, tools.metrics
        self._started = tools.clock.now().wall
        peers: Sequence[Listener | Host] = (*config.listener, *config.host)
        files = {each.name: each.mac.key_file for each in peers}
        self._keys_changed = {
            name: Path(file).stat().st_mtime for name, file in files.items() if file
        }

    async def run(self) -> None:
        """For ever: how much later than asked does the loop wake a task?"""
        asleep_since = self._clock.now().monotonic
        while True:
            await trio.sleep(LAG_EVERY_S)
            now = self._clock.now().monotonic
            self._metrics.loop_lag_s.add(max(now - asleep_since - LAG_EVERY_S, 0.0))
            asleep_since = now

    def collect(self, seen: Seen) -> Iterator[Family]:
        """Every metric, once."""
        del seen
        yield machine.READY.of(not self._lifecycle.not_ready_because())
        yield machine.CLOCK.of(self._clock.now().wall)
        yield machine.LAG.timed(self._metrics.loop_lag_s)
        yield machine.BUILD.by({version("isogate"): 1})
        yield machine.CERTIFICATE_ENDS.by(self._doors.certificates_end())
        yield machine.KEY_CHANGED.by(self._keys_changed)
        used = resource.getrusage(resource.RUSAGE_SELF)
        yield machine.CPU.of(used.ru_utime + used.ru_stime)
        pages = int(_MEMORY.read_text("ascii").split()[1])
        yield machine.RESIDENT.of(pages * resource.getpagesize())
        yield machine.STARTED.of(self._started)
