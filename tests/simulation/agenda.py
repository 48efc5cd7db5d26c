"""Virtual time: what the world outside the gateway does next, and the gateway's clock.

The agenda is Trio's clock.  When no task can run it lets the world's next callbacks happen, and
time jumps to them; so nothing is scheduled, and nothing woken, for what only the world does.
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
_TRIO_S: Final = 1.0
STANDSTILL_S: Final = 0.01
LOOKS_MAX: Final = 20_000
"""So often may the gateway look at its clock within STANDSTILL_S; a busy street needs a tenth."""


class StandstillError(Exception):
    """The gateway goes round and round, and virtual time does not pass."""


class Agenda(trio.abc.Clock):
    """Callbacks by their virtual time, those of one time in the order in which they were made."""

    def __init__(self) -> None:
        self.now = 0.0
        """Virtual seconds since the run began."""
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0
        self._runnable: Any = ()

    def after(self, seconds: float, call: Callable[..., None], *arguments: Any) -> None:
        """Call so many seconds later, or next if `seconds` is 0."""
        self.at(self.now + seconds, call, *arguments)

    def at(self, time: float, call: Callable[..., None], *arguments: Any) -> None:
        """Call at a time, rounded up to the tick: so things meet in one turn of the gateway."""
        self.exactly(math.ceil(time * _TICKS_A_SECOND) / _TICKS_A_SECOND, call, *arguments)

    def exactly(self, time: float, call: Callable[..., None], *arguments: Any) -> None:
        """Call at a time."""
        self._count += 1
        heapq.heappush(self._heap, (time, self._count, call, arguments))

    # Trio's clock

    def start_clock(self) -> None:
        """The run begins."""
        core: Any = trio._core._run
        self._runnable = core.GLOBAL_RUN_CONTEXT.runner.runq

    def current_time(self) -> float:
        """Virtual time."""
        return self.now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """No task can run before `deadline`: the world goes on until one can, or time jumps."""
        if deadline == math.inf:
            return _TRIO_S  # before and after the run, Trio waits for itself
        heap = self._heap
        while heap and heap[0][0] <= deadline:
            at, _, call, arguments = heapq.heappop(heap)
            self.now = max(self.now, at)
            call(*arguments)
            if self._runnable and not (heap and heap[0][0] <= self.now):
                return 0.0
        self.now = max(self.now, deadline)
        return 0.0


class Nap:
    """A task's wait, until its time has come or it is woken."""

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self._task: trio.lowlevel.Task | None = None
        self._turn = 0

    async def take(self, seconds: float) -> None:
        """Wait so long, unless `wake` is called before."""
        self._turn += 1
        self._task = trio.lowlevel.current_task()
        self._agenda.exactly(self._agenda.now + seconds, self._over, self._turn)
        await trio.lowlevel.wait_task_rescheduled(self._abort)

    def wake(self) -> None:
        """End the wait, if there is one."""
        task, self._task = self._task, None
        if task is not None:
            trio.lowlevel.reschedule(task)

    def _over(self, turn: int) -> None:
        if turn == self._turn:
            self.wake()

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED


class SimClock:
    """The gateway's clock: monotonic since the machine's start, and a wall clock that may step."""

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self.booted_at = -1_000.0
        self.wall_offset = WALL_AT_START
        self._looks = 0
        self._since = 0.0

    def now(self) -> Now:
        """This instant.  Raises StandstillError."""
        now = self._agenda.now
        self._looks += 1
        if now - self._since > STANDSTILL_S:
            self._since, self._looks = now, 0
        elif self._looks > LOOKS_MAX:
            message = f"{LOOKS_MAX} looks at the clock within {STANDSTILL_S} s"
            raise StandstillError(message)
        return Now(now - self.booted_at, now + self.wall_offset)
