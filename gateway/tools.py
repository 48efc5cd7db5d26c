"""What every part of the running gateway is given: a clock, a worker, numbers, a log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, TypeVarTuple

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

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


@dataclass(frozen=True, slots=True)
class Tools:
    """All that a part may use besides what it is about."""

    clock: Clock
    metrics: Metrics
    log: Log
    offload: Offload = trio.to_thread.run_sync
    """Runs what blocks beside the turns, and waits for its result."""
    journaling: Offload = trio.to_thread.run_sync
    """The same for the journal's writer: one call after the other."""
