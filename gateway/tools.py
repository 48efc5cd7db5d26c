"""What every part of the running gateway is given: a clock, a worker, numbers, a log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, TypeVarTuple

import trio

from gateway.one_thread import OneThread

if TYPE_CHECKING:
    from collections.abc import Callable

    import outcome

    from gateway.clock import Clock
    from gateway.log import Log
    from gateway.metrics import Metrics


Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


class Offload(Protocol):
    """A way to call something that blocks without stopping the turns."""

    async def __call__(
        self, function: Callable[[*Arguments], Result], /, *arguments: *Arguments
    ) -> Result:
        """`function(*arguments)`, somewhere else."""
        ...


class Writer(Offload, Protocol):
    """The same for one call after the other, and also without a task that waits for its end."""

    def begin(
        self,
        wake: Callable[[], None],
        function: Callable[[*Arguments], object],
        /,
        *arguments: *Arguments,
    ) -> None:
        """Begin `function(*arguments)`; `wake` is called when it has ended, perhaps elsewhere."""
        ...

    def ended(self) -> outcome.Outcome[Any] | None:
        """What came of the call that was begun, told once; None while it goes on."""
        ...

    def rest(self) -> None:
        """Return when nothing that was begun goes on any more; for the end."""
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """All that a part may use besides what it is about."""

    clock: Clock
    metrics: Metrics
    log: Log
    offload: Offload = trio.to_thread.run_sync
    """Runs what blocks beside the turns, and waits for its result."""
    journaling: Writer = field(default_factory=OneThread)
    """The same for the journal's writer."""
