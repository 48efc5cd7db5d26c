"""Virtual time: what the world outside the gateway does next, and the gateway's clock.

Everything but the gateway's own tasks is a callback at a time, a whole number of milliseconds.
"""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING, Any, Final

import trio

from routing.clock import Now

if TYPE_CHECKING:
    from collections.abc import Callable

_TICKS_A_SECOND: Final = 1_000
WALL_AT_START: Final = 1_790_000_000.0


class Agenda:
    """Callbacks by their virtual time, those of one time in the order in which they were made."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0
        self._nap = trio.CancelScope()

    @property
    def now(self) -> float:
        """Virtual seconds since the run began."""
        return trio.current_time()

    def after(self, seconds: float, call: Callable[..., None], *arguments: Any) -> None:
        """Call so many seconds later, or next if `seconds` is 0."""
        self.at(trio.current_time() + seconds, call, *arguments)

    def at(self, time: float, call: Callable[..., None], *arguments: Any) -> None:
        """Call at a time, rounded up to the tick."""
        at = math.ceil(time * _TICKS_A_SECOND) / _TICKS_A_SECOND
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, call, arguments))
        self._nap.deadline = min(self._nap.deadline, at)

    async def run(self) -> None:
        """Let things happen, for ever."""
        heap = self._heap
        while True:
            now = trio.current_time()
            while heap and heap[0][0] <= now:
                _, _, call, arguments = heapq.heappop(heap)
                call(*arguments)
            self._nap = trio.CancelScope(deadline=heap[0][0] if heap else math.inf)
            with self._nap:
                await trio.sleep_forever()


class SimClock:
    """The gateway's clock: monotonic since the machine's start, and a wall clock that may step."""

    def __init__(self) -> None:
        self.booted_at = -1_000.0
        self.wall_offset = WALL_AT_START

    def now(self) -> Now:
        """This instant."""
        now = trio.current_time()
        return Now(now - self.booted_at, now + self.wall_offset)
