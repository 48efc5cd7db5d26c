"""One thread that does what blocks, call after call: for the journal, which has one writer anyway.

A fresh hand-over to Trio's pool of threads costs more than the commit of a few charges, and telling
Trio of a result still a good part of that: so a call can also be begun, and its end be looked for.
"""

from __future__ import annotations

from contextlib import suppress
from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

import outcome
import trio

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

_Call = tuple["Callable[..., Any]", tuple[Any, ...], "Callable[[outcome.Outcome[Any]], None]"]
_Calls = SimpleQueue[_Call | None]


class OneThread:
    """A `Writer`.  Its thread ends with this object or with the process; what was called is always
    done to its end, even if nobody waits for it any more.
    """

    def __init__(self, name: str = "journal") -> None:
        self._calls: _Calls = SimpleQueue()
        self._ended: outcome.Outcome[Any] | None = None
        self._thread = Thread(target=_work, args=(self._calls,), name=name, daemon=True)

    def __del__(self) -> None:
        self._calls.put(None)

    def _call(self, call: _Call) -> None:
        if not self._thread.ident:
            self._thread.start()
        self._calls.put(call)

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

        self._call((function, arguments, done))
        result: Result = await trio.lowlevel.wait_task_rescheduled(abort)
        return result

    def begin(
        self,
        wake: Callable[[], None],
        function: Callable[[*Arguments], object],
        /,
        *arguments: *Arguments,
    ) -> None:
        """Begin `function(*arguments)` in the thread; `wake` is called there when it has ended."""

        def done(result: outcome.Outcome[Any]) -> None:
            self._ended = result
            wake()

        self._call((function, arguments, done))

    def ended(self) -> outcome.Outcome[Any] | None:
        """What came of the call that was begun, told once; None while it goes on."""
        told = self._ended
        if told is not None:
            self._ended = None
        return told

    def rest(self) -> None:
        """Return when nothing that was begun goes on any more."""
        if self._thread.ident:
            rests = Event()
            self._calls.put((rests.set, (), lambda _result: None))
            rests.wait()


def _work(calls: _Calls) -> None:
    while (call := calls.get()) is not None:
        function, arguments, done = call
        done(outcome.capture(function, *arguments))
        del call, function, arguments, done
