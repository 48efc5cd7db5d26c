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

    def carry_out(self, first: int, batches: Sequence[Sequence[tuple[Any, ...]]]) -> int:
        """Statement `first` for each row of the first of `batches`, the next for those of the next,
        and so on.  Ends at the first that takes values and changes fewer rows of tables than it is
        given: its place, or -1.  Raises apsw.Error.
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

    def carry_out(self, first: int, batches: Sequence[Sequence[tuple[Any, ...]]]) -> int:
        """See `Statements`."""
        for at, rows in enumerate(batches, first):
            if rows:
                before = self._db.total_changes()
                self._db.executemany(self._texts[at], rows)
                if rows[0] and self._db.total_changes() - before < len(rows):
                    return at
        return -1

    def close(self) -> None:
        """Nothing is kept here."""


def prepared(db: apsw.Connection, texts: tuple[str, ...]) -> Statements:
    """The better way that there is.  Raises apsw.Error."""
    try:
        return _statements.Statements(db, texts)
    except (apsw.ExtensionLoadingError, AttributeError):
        return ThroughApsw(db, texts)
