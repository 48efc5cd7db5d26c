"""A book: JSON lines, each in the file before anything else happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import msgspec

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_encode = msgspec.json.Encoder().encode


class Book:
    """Appends lines to a file, or to nothing.  A context manager.

    A line is one unbuffered write to a file opened for appending: a process that is killed leaves
    whole lines, and several processes may share one book.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else path.open("ab", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, line: Any) -> None:
        """Append one line: a dict or a `msgspec.Struct`."""
        if self._file is not None:
            self._file.write(_encode(line) + b"\n")


def read(path: Path) -> list[dict[str, Any]]:
    """Every line of a book."""
    with path.open("rb") as file:
        return [msgspec.json.decode(line) for line in file]
