"""The statements that write charges, prepared once and carried out a batch at a time.

SQLite itself does it (`_statements`), for a fifth of what a call of apsw for each row takes; where
the SQLite that apsw brings takes no extensions, apsw does it.  Neither behaves otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import apsw

from gateway.journal import _statements

if TYPE_CHECKING:
    from collections.abc import Sequence


class Statements(Protocol):
    """What both ways can do."""

    def carry_out(self, first: int, batches: Sequence[list[tuple[Any, ...]]]) -> int:
        """Statement `first` for each row of the first of `batches`, the next for those of the next,
        and so on; how many rows of tables changed.  Raises apsw.Error.
        """
        ...

    def close(self) -> None:
        """Before the connection is closed."""
        ...


class ThroughApsw:
    """One call for each row, and one that finds the statement."""

    def __init__(self, db: apsw.Connection, texts: tuple[str, ...]) -> None:
        self._db = db
        self._texts = texts

    def carry_out(self, first: int, batches: Sequence[list[tuple[Any, ...]]]) -> int:
        """See `Statements`."""
        before = self._db.total_changes()
        for at, rows in enumerate(batches, first):
            if rows:
                self._db.executemany(self._texts[at], rows)
        return self._db.total_changes() - before

    def close(self) -> None:
        """Nothing is kept here."""


def prepared(db: apsw.Connection, texts: tuple[str, ...]) -> Statements:
    """The better way that there is."""
    try:
        return _statements.Statements(db, texts)
    except (apsw.Error, AttributeError):
        return ThroughApsw(db, texts)
