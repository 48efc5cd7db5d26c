"""Identities of charges: which are known.  The newest are asked of memory, all others of a table.

An index written with each charge would cost more than the charge: each terminal's identities lie
together, so the charges of a commit would each rewrite a page of their own.  So memory gathers
RUN identities, sorts them, and gives them to the table in that order, where many go to one page:
with each batch a few, until there are none, when it sorts what came meanwhile.

Rule: the identity of every charge whose id is `up_to` or less is in the table, that of any other in
the table or in memory.  `up_to` is durable with the batch that made it true, and a new life first
puts into the table whatever is past it: memory then has nothing that the table lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing.effects import OPENED

if TYPE_CHECKING:
    from collections.abc import Sequence

    import apsw

    from routing.effects import Opened

RUN: Final = 2_048
"""Identities that are sorted at once; memory holds no more than twice as many and a few batches."""
FILLED_AT_ONCE: Final = 4
"""Rows of the table that are written with each new charge."""
FILL: Final = "REPLACE INTO charge_identity(identity,id)VALUES(?,?)"
FILLED: Final = "UPDATE identified SET up_to=?"
IN_TABLE: Final = "SELECT id FROM charge_identity WHERE identity = ?"
ARE_IN_TABLE: Final = (
    "SELECT identity FROM charge_identity WHERE identity IN (SELECT value FROM json_each(?))"
)
BEGIN_SO: Final = "SELECT id FROM charge_identity WHERE identity >= ? AND identity < ?"
_CATCH_UP: Final = """
INSERT OR IGNORE INTO charge_identity
    SELECT identity, id FROM charge_record WHERE id > (SELECT up_to FROM identified)
    ORDER BY identity;
UPDATE identified SET up_to = (SELECT coalesce(max(id), 0) FROM charge_record);
"""
_UP_TO: Final = "SELECT up_to FROM identified"
_IDENTITY: Final = OPENED.index("identity")


def caught_up(db: apsw.Connection) -> int:
    """Put all identities into the table; the id up to which they are there."""
    with db:
        db.execute(_CATCH_UP)
    (up_to,) = next(db.execute(_UP_TO))
    return int(up_to)


class Identities:
    """What memory knows that the table lacks; changed only once a batch is durable."""

    def __init__(self, up_to: int, run: int) -> None:
        self._run = run
        self._up_to = up_to
        self._ids: dict[str, int] = {}
        """Of every identity that is not in the table."""
        self._next: list[str] = []
        """Those that go into the table next, the last one first."""

    def known(self, opened: Sequence[Opened]) -> dict[int, int]:
        """New charges whose identity another one has, in memory or among them, and these others."""
        known: dict[int, int] = {}
        new: dict[str, int] = {}
        for record in opened:
            identity = record.values[_IDENTITY]
            older = self._ids.get(identity)
            if older is None:
                older = new.setdefault(identity, record.id)
            if older != record.id:
                known[record.id] = older
        return known

    def late(self, opened: Sequence[Opened]) -> list[tuple[str, int]]:
        """Rows for FILL of charges that come after greater ids are in the table."""
        up_to = self._up_to
        return [(each.values[_IDENTITY], each.id) for each in opened if each.id <= up_to]

    def due(self, count: int) -> list[tuple[str, int]]:
        """Rows for FILL, to be written with a batch of so many new charges."""
        due = self._next[-1 : -FILLED_AT_ONCE * count - 1 : -1]
        return [(identity, self._ids[identity]) for identity in due]

    def up_to(self, opened: Sequence[Opened], due: Sequence[tuple[str, int]]) -> list[tuple[int]]:
        """Rows for FILLED: one, if these end a run."""
        if not due or len(due) < len(self._next):
            return []
        rest = self._ids.keys() - {identity for identity, _ in due}
        past = [*(self._ids[identity] for identity in rest), *(each.id for each in opened)]
        return [(max(self._up_to, min(past) - 1),)]

    def hold(
        self,
        opened: Sequence[Opened],
        due: Sequence[tuple[str, int]],
        up_to: Sequence[tuple[int]],
    ) -> None:
        """These charges and rows are durable."""
        for record in opened:
            if record.id > self._up_to:
                self._ids[record.values[_IDENTITY]] = record.id
        if due:
            del self._next[-len(due) :]
            for identity, _ in due:
                del self._ids[identity]
        for (number,) in up_to:
            self._up_to = number
        if not self._next and len(self._ids) >= self._run:
            self._next = sorted(self._ids, reverse=True)

    def of(self, identity: str) -> int | None:
        """The charge with this identity, if the table lacks it."""
        return self._ids.get(identity)

    def beginning(self, prefix: str) -> list[int]:
        """The charges with identities that begin so, of those that the table lacks."""
        return [number for identity, number in self._ids.items() if identity.startswith(prefix)]
