"""The table of identities, as it is asked.

A connection of its own, beside the one that writes, waits for nobody: a commit that must look an
identity up would else wait until the tables have taken in what came in a quarter of a second.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from gateway.journal.identities import past

if TYPE_CHECKING:
    from collections.abc import Sequence

    import apsw

IN_TABLE: Final = "SELECT id FROM charge_identity WHERE identity = ?"
BEGIN_SO: Final = "SELECT id FROM charge_identity WHERE identity >= ? AND identity < ?"
GREATEST: Final = (
    "SELECT identity FROM charge_identity WHERE identity >= ? AND identity < ?"
    " ORDER BY identity DESC LIMIT 1"
)
_NEXT: Final = (
    "SELECT identity FROM charge_identity WHERE identity > ? AND identity < ?"
    " ORDER BY identity LIMIT 1"
)
_ARE_IN_TABLE: Final = (
    "SELECT identity FROM charge_identity WHERE identity IN (SELECT value FROM json_each(?))"
)


class IdentityTable:
    """Asked through one connection, by one thread at a time.  Raises apsw.Error."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db

    def of(self, identity: str) -> int | None:
        """The charge with this identity."""
        (number,) = next(self._db.execute(IN_TABLE, (identity,)), (None,))
        return number

    def which(self, identities: Sequence[str]) -> set[str]:
        """Those of them that a charge has."""
        return {each for (each,) in self._db.execute(_ARE_IN_TABLE, (json.dumps(identities),))}

    def greatest_of(self, beginning: str) -> str:
        """The greatest identity that begins so; '' if none does."""
        bounds = (beginning, past(beginning))
        (greatest,) = next(self._db.execute(GREATEST, bounds), ("",))
        return str(greatest)

    def next(self, identity: str, before: str) -> str:
        """The least identity between these two, or `before`."""
        (found,) = next(self._db.execute(_NEXT, (identity, before)), (before,))
        return str(found)

    def beginning(self, prefix: str) -> list[int]:
        """The charges with identities that begin so."""
        bounds = (prefix, past(prefix))
        return [number for (number,) in self._db.execute(BEGIN_SO, bounds)]
