"""Log lines: one JSON object each, on stderr.  Callers give names and reasons, never values."""

from __future__ import annotations

import sys
import time
from typing import TextIO

import msgspec

_encode = msgspec.json.Encoder().encode


class Log:
    """Writes lines at or above no level: what is not worth an operator's eye is not logged."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr

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
        line = {"at": round(time.time(), 3), "level": level, "event": event, **facts}
        self._stream.write(_encode(line).decode() + "\n")
        self._stream.flush()
