"""The clock port: the one place where the running gateway reads the time."""

from __future__ import annotations

import time
from typing import Protocol

from routing.clock import Now

_monotonic, _wall = time.monotonic, time.time


class Clock(Protocol):
    """Where `Now` comes from."""

    def now(self) -> Now:
        """This instant."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Now:
        """This instant, monotonic and wall."""
        return Now(_monotonic(), _wall())
