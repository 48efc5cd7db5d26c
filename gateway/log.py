"""Log lines: one JSON object each, on stderr or in a file.  Callers give names and reasons.

What looks like a card number is masked in every line, whoever wrote it.  Lines of one event are
limited, so that nobody fills a disk by sending garbage; what was left out is counted, and the next
line of that event says how many.  The level can be changed while the gateway runs.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

import msgspec
import structlog

from codec import mask

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import EventDict

LINES_A_SECOND_MAX: Final = 20
"""Of one event; at level `debug` there is no bound: whoever asks for all gets all."""
Level = Literal["debug", "info", "warning", "error"]
LEVELS: Final[tuple[Level, ...]] = ("debug", "info", "warning", "error")
Fact = str | float | None


class LogSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is logged, and where."""

    level: Level = "info"
    """`debug` adds every step of every charge."""
    file: str = ""
    """Without it: stderr.  Opened anew at SIGHUP, so that it can be rotated."""


class Log:
    """Writes lines of its level and above."""

    def __init__(
        self,
        stream: TextIO | None = None,
        wall: Callable[[], float] = time.time,
        level: Level = "info",
    ) -> None:
        self.watchers: list[Callable[[], None]] = []
        """Told of each change of the level."""
        self.level = level
        self._stream = stream or sys.stderr
        self._path: Path | None = None
        self._wall = wall
        self._second = 0
        self._lines: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()
        self._lines_to = structlog.wrap_logger(
            None,
            processors=[self._dropped, self._limited, self._dated, _masked, self._written],
            wrapper_class=structlog.BoundLogger,
        )

    @classmethod
    def of(cls, settings: LogSettings) -> Log:
        """The log that a configuration asks for.  Raises OSError where its file can't be had."""
        log = cls(level=settings.level)
        if settings.file:
            log._path = Path(settings.file)
            log.reopen()
        return log

    def reopen(self) -> None:
        """Open the file anew: what is written from now on stands in the file of that name."""
        if self._path is not None:
            # It lives as long as the process does.
            opened = self._path.open("a", encoding="utf-8")
            if self._stream is not sys.stderr:
                self._stream.close()
            self._stream = opened

    def close(self) -> None:
        """End a log that has a file of its own."""
        if self._path is not None:
            self._stream.close()

    @property
    def level(self) -> Level:
        """What is written: this and above."""
        return self._level

    @level.setter
    def level(self, level: Level) -> None:
        self._level = level
        self._written_levels = frozenset(LEVELS[LEVELS.index(level) :])
        self.explains = level == "debug"
        """Whether each step of each charge is written."""
        for watcher in self.watchers:
            watcher()

    def writes(self, level: Level) -> bool:
        """Whether lines of this level are written."""
        return level in self._written_levels

    def debug(self, event: str, **facts: Fact) -> None:
        """Something that explains one charge or request."""
        self._lines_to.debug(event, **facts)

    def info(self, event: str, **facts: Fact) -> None:
        """Something that an operator may want to know."""
        self._lines_to.info(event, **facts)

    def warning(self, event: str, **facts: Fact) -> None:
        """Something that is not as it should be."""
        self._lines_to.warning(event, **facts)

    def error(self, event: str, **facts: Fact) -> None:
        """Something that keeps the gateway from its work."""
        self._lines_to.error(event, **facts)

    # What a line passes, in this order

    def _dropped(self, _: Any, level: Any, line: EventDict) -> EventDict:
        if not self.writes(level):
            raise structlog.DropEvent
        return line

    def _limited(self, _: Any, level: str, line: EventDict) -> EventDict:
        event, second = line["event"], int(self._wall())
        if second != self._second:
            self._second = second
            self._lines.clear()
        self._lines[event] += 1
        if self._lines[event] > LINES_A_SECOND_MAX and level != "debug":
            self._left_out[event] += 1
            raise structlog.DropEvent
        left_out = self._left_out.pop(event, 0)
        if left_out:
            line["left_out_before"] = left_out
        return line

    def _dated(self, _: Any, level: str, line: EventDict) -> EventDict:
        event = line.pop("event")
        return {"at": round(self._wall(), 3), "level": level, "event": event, **line}

    def _written(self, _: Any, __: str, line: EventDict) -> EventDict:
        self._stream.write(msgspec.json.encode(line).decode() + "\n")
        self._stream.flush()
        raise structlog.DropEvent  # it is written; there is no other logger behind this one


def _masked(_: Any, __: str, line: EventDict) -> EventDict:
    return {key: _shown(value) for key, value in line.items() if value is not None}


def _shown(value: Any) -> Any:
    if isinstance(value, float):
        return value
    if isinstance(value, int):
        text = mask.text(str(value))
        return value if text == str(value) else text
    return mask.text(str(value))
