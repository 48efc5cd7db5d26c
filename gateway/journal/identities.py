"""Identities of charges: which are known.  The newest are asked of memory, all others of a table.

An index written with each charge would cost more than the charge: each terminal's identities lie
together, so the charges of a commit would each rewrite a page of their own.  So memory gathers
identities in groups of those that will lie together, and once it holds RUN of them, each batch
gives the table as many as it brings, group by group, in the order in which the groups began.
Nothing is ever sorted, and what a batch does depends neither on the file nor on what is held.

A group is a terminal's identities whose STANs have all but the last two digits alike: that is a
page or two of the table, so a busy terminal's groups and those of many that trade rarely leave
mixed as they came, and no batch is all of the one or the other kind.

Rule: the identity of every charge whose id is `up_to` or less is in the table, that of any other in
the table or in memory.  It is seen at a glance: memory takes ids in ascending order only (whatever
comes late goes into the table at once), so the first id of a group is its least, and that of the
first group the least of all, but for what may be left of the group that leaves.  `up_to` is durable
with a batch after the one that made it true, and a new life first puts into the table whatever is
past it: memory then has nothing that the table lacks.
"""

from __future__ import annotations

from collections import deque
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from gateway.journal import _identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import apsw

RUN: Final = 131_072
"""Identities that memory gathers; no more but those of a batch.  Each takes 160 bytes where
terminals are busy, 450 where each is of another one.  Twice as many may be past `up_to`, since
groups grow while they wait: a new life puts them into the table within a second."""
FILLED_AT_ONCE: Final = 4
"""Rows of the table that are written with each new charge, at most: one, and more where a group
ends so."""
LOOKS: Final = 16
"""How often `up_to` is written while RUN charges come: each time is a page."""
FILL: Final = "REPLACE INTO charge_identity(identity,id)VALUES(?,?)"
FILLED: Final = "UPDATE identified SET up_to=?"
IN_TABLE: Final = "SELECT id FROM charge_identity WHERE identity = ?"
ARE_IN_TABLE: Final = (
    "SELECT identity FROM charge_identity WHERE identity IN (SELECT value FROM json_each(?))"
)
BEGIN_SO: Final = "SELECT id FROM charge_identity WHERE identity >= ? AND identity < ?"
GREATEST: Final = (
    "SELECT identity FROM charge_identity WHERE identity >= ? AND identity < ?"
    " ORDER BY identity DESC LIMIT 1"
)
NEXT: Final = (
    "SELECT identity FROM charge_identity WHERE identity > ? AND identity < ?"
    " ORDER BY identity LIMIT 1"
)
_CATCH_UP: Final = """
INSERT OR IGNORE INTO charge_identity
    SELECT identity, id FROM charge_record WHERE id > (SELECT up_to FROM identified)
    ORDER BY identity;
UPDATE identified SET up_to = (SELECT coalesce(max(id), 0) FROM charge_record);
"""
_UP_TO: Final = "SELECT up_to FROM identified"
_STAN: Final = 3
"""Bars up to its end."""
_LAST_DIGITS: Final = 2
"""Of a STAN: those in which the identities of a group differ."""


def caught_up(db: apsw.Connection) -> int:
    """Put all identities into the table; the id up to which they are there."""
    with db:
        db.execute(_CATCH_UP)
    (up_to,) = next(db.execute(_UP_TO))
    return int(up_to)


def group_of(identity: str) -> str:
    """What the identities of its group begin with: merchant|terminal|STAN, but the last digits.

    Says the same of whatever begins with merchant|terminal|STAN|.
    """
    return _identity.cut(identity, _STAN, _LAST_DIGITS)


def past(prefix: str) -> str:
    """The least text greater than all that begin so."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else "\U0010ffff"


class Identities:
    """What memory knows that the table lacks; changed only once a batch is durable."""

    def __init__(self, up_to: int, run: int) -> None:
        self._run = run
        self._up_to = up_to
        """As it is written."""
        self._newest = up_to
        """The greatest id that was held."""
        self._held = 0
        self._groups: dict[str, dict[str, int]] = {}
        """Ids by identity, those by `group_of`."""
        self._order: deque[str] = deque()
        """The groups, as they began: what is taken from a dict's beginning leaves a gap there,
        over which whoever looks for its first key must go each time."""
        self._leaving: dict[str, int] = {}
        """A group of which a part is in the table."""

    def late(self, opened: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        """Rows for FILL of charges (identity, id) that come after greater ids were held."""
        late, newest = [], self._newest
        for each in opened:
            if each[1] > newest:
                newest = each[1]
            else:
                late.append(each)
        return late

    def due(self, count: int) -> list[tuple[str, int]]:
        """Rows for FILL, to be written with a batch of so many new charges."""
        most = FILLED_AT_ONCE * count
        too_many = min(self._held + count - self._run, most)
        due: list[tuple[str, int]] = []
        if too_many > 0:
            for group in self._first():
                due += islice(group.items(), most - len(due))
                if len(due) >= too_many:
                    break
        return due

    def _first(self) -> Iterator[dict[str, int]]:
        """All groups, in the order in which they go into the table."""
        return chain((self._leaving,), map(self._groups.__getitem__, self._order))

    def up_to(self) -> list[tuple[int]]:
        """Rows for FILLED: one, if there is something new to say."""
        least = [next(iter(group.values())) for group in islice(self._first(), 2) if group]
        if not least or min(least) - 1 - self._up_to < max(self._run // LOOKS, 1):
            return []
        return [(min(least) - 1,)]

    def hold(
        self,
        opened: Sequence[tuple[str, int]],
        due: Sequence[tuple[str, int]],
        up_to: Sequence[tuple[int]],
    ) -> None:
        """These charges and rows are durable."""
        self._let_go(due)
        for (number,) in up_to:
            self._up_to = number
        for identity, number in opened:
            if number > self._newest:
                self._newest = number
                self._gather(identity, number)

    def _let_go(self, due: Sequence[tuple[str, int]]) -> None:
        """Of the first groups, as they are in the table."""
        left = len(due)
        self._held -= left
        while left:
            if not self._leaving:
                first = self._order.popleft()
                self._leaving = self._groups[first]
                # Another thread may ask `of`: it finds the group here or there.
                del self._groups[first]
            if left < len(self._leaving):
                for identity, _ in due[-left:]:
                    del self._leaving[identity]
                return
            left -= len(self._leaving)
            self._leaving = {}

    def _gather(self, identity: str, number: int) -> None:
        name = group_of(identity)
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = {}
            self._order.append(name)
        group[identity] = number
        self._held += 1

    def of(self, identity: str) -> int | None:
        """The charge with this identity, if the table lacks it."""
        group = self._groups.get(group_of(identity))
        number = None if group is None else group.get(identity)
        return self._leaving.get(identity) if number is None else number

    def next(self, identity: str, before: str) -> str:
        """The least identity between these two of a group, of those that the table lacks; if there
        is none, `before`.
        """
        group = self._groups.get(group_of(identity), {})
        held = chain(self._leaving, group)
        return min((each for each in held if identity < each < before), default=before)

    def beginning(self, prefix: str) -> list[int]:
        """The charges with identities that begin so, of those that the table lacks."""
        groups = self._first()
        if prefix.count("|") > _LAST_DIGITS:
            groups = iter((self._leaving, self._groups.get(group_of(prefix), {})))
        return [
            number
            for group in groups
            for identity, number in group.items()
            if identity.startswith(prefix)
        ]
