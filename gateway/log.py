"""Log lines: one JSON object each, on stderr.  Callers give names and reasons, never values.

Lines of one event are limited, so that nobody fills a disk by sending garbage; what was left out is
counted, and the next line of that event says how many.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Final, TextIO

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

LINES_A_SECOND_MAX: Final = 20
"""Of one event."""

_encode = msgspec.json.Encoder().encode


class Log:
    """Writes lines at or above no level: what is not worth an operator's eye is not logged."""

    def __init__(self, stream: TextIO | None = None, wall: Callable[[], float] = time.time) -> None:
        self._stream = stream or sys.stderr
        self._wall = wall
        self._second = 0
        self._lines: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()

    def info(self, event: str, **facts: str | float) -> None:
        """Something that an operator may want to know."""
        self._write("info", event, facts)

    def warning(self, event: str, **facts: str | float) -> None:
        """Something that is not as it should be."""
        self._write("warning", event, facts)

    def error(self, event: str, **facts: str | float) -> None:
        """Something that keeps the gateway from its work."""
        self._write("error", event, facts)

    def _write(self, level: str, event: str, facts: dict[str, str | float]) -> None:
        at = self._wall()
        if self._over_limit(event, int(at)):
            self._left_out[event] += 1
            return
        line = {"at": round(at, 3), "level": level, "event": event, **facts}
        left_out = self._left_out.pop(event, 0)
        if left_out:
            line["left_out_before"] = left_out
        self._stream.write(_encode(line).decode() + "\n")
        self._stream.flush()

    def _over_limit(self, event: str, second: int) -> bool:
        if second != self._second:
            self._second = second
            self._lines.clear()
        self._lines[event] += 1
        return self._lines[event] > LINES_A_SECOND_MAX
