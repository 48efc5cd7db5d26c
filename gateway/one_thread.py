"""One thread that does what blocks, call after call: for the journal, which has one writer anyway.

A fresh hand-over to Trio's pool of threads costs more than the commit of a few charges.
"""

from __future__ import annotations

from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

import outcome
import trio

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

_Call = tuple["Callable[[], Any]", "Callable[[outcome.Outcome[Any]], None]"]


class OneThread:
    """An `Offload`.  Its thread ends with the process; what was called is always done to its end,
    even if nobody waits for it any more.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call] = SimpleQueue()
        Thread(target=self._work, name=name, daemon=True).start()

    async def __call__(
        self, function: Callable[[*Arguments], Result], /, *arguments: *Arguments
    ) -> Result:
        """`function(*arguments)` in the thread."""
        token, task = trio.lowlevel.current_trio_token(), trio.lowlevel.current_task()

        def done(result: outcome.Outcome[Any]) -> None:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(trio.lowlevel.reschedule, task, result)

        def abort(raise_cancel: object) -> trio.lowlevel.Abort:
            del raise_cancel
            return trio.lowlevel.Abort.FAILED

        self._calls.put((lambda: function(*arguments), done))
        result: Result = await trio.lowlevel.wait_task_rescheduled(abort)
        return result

    def _work(self) -> None:
        while True:
            call, done = self._calls.get()
            done(outcome.capture(call))
