"""A transaction whose commit lets the turns go on while the disk syncs.

apsw's own `with connection` would hold the interpreter's lock until the sync is done; COMMIT as a
statement does not.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw


@contextmanager
def transaction(db: apsw.Connection) -> Iterator[None]:
    """Committed at its end; nothing of it stays after an error."""
    db.execute("BEGIN")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
