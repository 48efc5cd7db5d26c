"""Brings the tables up to date behind the commits: a thread of its own, soon after each.

No commit waits for the tables as long as the redo log has room; but a thread with its full share of
the core makes each of the others wait for its slice of time, again and again while it works.  So
this one works in the gaps that they leave (`gateway._gaps`), and is nicer than they are.  Where
that gets it too little, and the log needs room, it works without pauses; where even that is too
little, the log outgrows its size, and a commit brings the tables up to date itself.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from threading import Condition, Thread, get_native_id
from typing import TYPE_CHECKING, Final

from gateway._gaps import AT_ONCE, IN_GAPS
from gateway.journal.port import JournalError

if TYPE_CHECKING:
    from collections.abc import Callable

APPLY_AFTER_S: Final = 0.02
"""How long commits gather: nobody who asks the tables waits much longer."""
GATHER_S: Final = 0.25
"""The same where there are MANY: longer than most charges live where terminals are busy, so that
nearly each is written once."""
MANY: Final = 256
"""New charges within APPLY_AFTER_S."""
RETRY_S: Final = 0.5
NICE: Final = 8
"""At least, of 0 to 19: a sixth of the others' weight, what the tables need of a busy core."""


class Applier:
    """Calls `apply` soon after it was told that there is something.

    What it raises comes to nobody: who needs the tables calls `apply` as well, and is told.
    """

    def __init__(self, apply: Callable[[], None]) -> None:
        self._apply = apply
        self._state = Condition()
        self._wanted = self._soon = self._hurries = self._over = False
        self._hurry = ExitStack()
        """Without pauses, as long as it hurries."""
        self._opened = 0
        """New charges that wait."""
        self._thread = Thread(target=self._run, name="tables", daemon=True)
        self._thread.start()

    def tell(self, *, opened: int = 0, soon: bool = False, hurries: bool = False) -> None:
        """There is something to apply, `opened` new charges among it: if it should be soon, no more
        is gathered first, and if it hurries, there are no pauses either.
        """
        with self._state:
            if self._over:
                return
            self._opened += opened
            if hurries and not self._hurries:
                self._hurries = soon = True
                self._hurry.enter_context(AT_ONCE)
            if not self._wanted or (soon and not self._soon):
                self._wanted = True
                self._soon |= soon
                self._state.notify()

    def close(self) -> None:
        """Return when it does nothing any more."""
        with self._state:
            self._over = True
            self._state.notify()
        with AT_ONCE, self._hurry:
            self._thread.join()

    def _run(self) -> None:
        _be_nice()
        while (hurry := self._wanted_now()) is not None:
            try:
                with hurry, IN_GAPS:
                    self._apply()
            except JournalError:
                self.tell()
                self._rest(RETRY_S)

    def _wanted_now(self) -> ExitStack | None:
        """Return when there is something and time has passed: the hurry that ends with it; or None,
        if it is over.
        """
        with self._state:
            self._state.wait_for(lambda: self._wanted or self._over)
            self._gather(APPLY_AFTER_S)
            if self._opened >= MANY:
                self._gather(GATHER_S - APPLY_AFTER_S)
            self._wanted = self._soon = self._hurries = False
            self._opened = 0
            return None if self._over else self._hurry.pop_all()

    def _gather(self, seconds: float) -> None:
        self._state.wait_for(lambda: self._soon or self._over, seconds)

    def _rest(self, seconds: float) -> None:
        with self._state:
            self._state.wait_for(lambda: self._over, seconds)


def _be_nice() -> None:
    """This thread alone; as it was, where the system does not let us."""
    thread = get_native_id()
    with suppress(OSError):
        if os.getpriority(os.PRIO_PROCESS, thread) < NICE:
            os.setpriority(os.PRIO_PROCESS, thread, NICE)
