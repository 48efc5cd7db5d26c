"""Identities of charges: which are known.  The newest are asked of memory, all others of a table.

An index written with each charge would cost more than the charge: each terminal's identities lie
together, so the charges of a commit would each rewrite a page of their own.  So memory gathers
identities in groups of those that will lie together, and once it holds RUN of them, each batch
gives the table as many as it brings, group by group, in the order in which the groups began.
Nothing is ever sorted, and what a batch does depends neither on the file nor on what is held.

A group is a terminal's identities whose STANs have all but the last two digits alike: that is a
page or two of the table, so a busy terminal's groups and those of many that trade rarely leave
mixed as they came, and no batch is all of the one or the other kind.

Rules:

- Every durable charge's identity is in memory or in the table; what leaves memory is in the table
  before.  So whoever asks memory first and the table then misses none, and nobody need wait.
- The table has no identity of a charge that the tables lack: a group leaves without younger ones.
- The identity of every charge whose id is `up_to` or less is in the table.  It is seen at a glance:
  memory takes ids in ascending order only (whatever comes late goes into the table with its
  charge), so the first id of a group is its least, and that of the first group the least of all,
  but for groups of which a part has left.  `up_to` is durable with a batch after the one that
  made it true, and a new life first puts into the table whatever is past it: memory then has
  nothing that the table lacks.
"""

from __future__ import annotations

from collections import deque
from itertools import chain, islice
from threading import Lock
from typing import TYPE_CHECKING, Final

from gateway.journal import _identity

if TYPE_CHECKING:
    from collections.abc import Sequence

    import apsw

    from routing.records import Opened

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


def identified(db: apsw.Connection) -> int:
    """The id up to which all identities are in the table."""
    (up_to,) = next(db.execute(_UP_TO))
    return int(up_to)


def caught_up(db: apsw.Connection) -> int:
    """Put all identities into the table; the id up to which they are there."""
    with db:
        db.execute(_CATCH_UP)
    return identified(db)


def group_of(identity: str) -> str:
    """What the identities of its group begin with: merchant|terminal|STAN, but the last digits.

    Says the same of whatever begins with merchant|terminal|STAN|.
    """
    return _identity.cut(identity, _STAN, _LAST_DIGITS)


def past(prefix: str) -> str:
    """The least text greater than all that begin so."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else "\U0010ffff"


class Identities:
    """What memory knows that the table lacks.  One thread gathers, another one sees to the table,
    and both ask.
    """

    def __init__(self, up_to: int, run: int) -> None:
        self._run = run
        self._up_to = up_to
        """As it is written."""
        self._newest = up_to
        """The greatest id that was gathered."""
        self._lock = Lock()
        """Held by who changes groups, or looks at all of one."""
        self._held = 0
        """In `_groups`."""
        self._groups: dict[str, dict[str, int]] = {}
        """Ids by identity, those by `group_of`."""
        self._order: deque[str] = deque()
        """The groups, as they began: what is taken from a dict's beginning leaves a gap there,
        over which whoever looks for its first key must go each time."""
        self._rests: dict[str, int] = {}
        """Groups of which the older part left, by their first ids; they stand anew at the end."""
        self._leave = 0
        """In `_leaving`."""
        self._leaving: dict[str, dict[str, int]] = {}
        """Groups, or parts of them, that go into the table next; nothing is gathered here."""
        self._in_charges = up_to
        """The tables have all charges up to this id, or will once a batch is written."""
        self._late: dict[str, int] = {}
        """What came after greater ids."""

    def gather(self, opened: Sequence[Opened]) -> list[tuple[str, int]]:
        """These charges are durable.  Rows for FILL, to be written with them: those that come after
        greater ids.
        """
        late: list[tuple[str, int]] = []
        with self._lock:
            for record in opened:
                identity, number = record.charge.identity, record.id
                if number > self._newest:
                    self._newest = number
                    self._join(identity, number)
                else:
                    self._late[identity] = number
                    late.append((identity, number))
        return late

    def _join(self, identity: str, number: int) -> None:
        name = group_of(identity)
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = {}
            self._order.append(name)
        group[identity] = number
        self._held += 1

    def due(self, count: int, last: int) -> list[tuple[str, int]]:
        """Rows for FILL, to be written with a batch of so many new charges, with which the tables
        have all charges up to id `last`.
        """
        most = FILLED_AT_ONCE * count
        self._in_charges = max(self._in_charges, last)
        with self._lock:
            too_many = min(self._held + self._leave - self._run, most)
            if too_many <= 0:
                return []
            for _ in range(len(self._order)):
                if self._leave >= too_many:
                    break
                self._let_leave(self._order.popleft())
            rows = chain.from_iterable(map(dict.items, self._leaving.values()))
            return list(islice(rows, most))

    def _let_leave(self, name: str) -> None:
        """A group, but for charges that the tables lack, which are what rests of it."""
        group, last = self._groups[name], self._in_charges
        self._rests.pop(name, None)
        rest: dict[str, int] = {}
        if next(reversed(group.values())) > last:
            rest = {each: number for each, number in group.items() if number > last}
            group = {each: number for each, number in group.items() if number <= last}
        if group:
            # Another thread may ask `of`: it finds them here or there.
            self._leaving[name] = {**self._leaving.get(name, {}), **group}
        if rest:
            self._groups[name] = rest
            self._rests[name] = next(iter(rest.values()))
            self._order.append(name)
        else:
            del self._groups[name]
        self._held -= len(group)
        self._leave += len(group)

    def up_to(self) -> list[tuple[int]]:
        """Rows for FILLED: one, if there is something new to say."""
        with self._lock:
            in_order = (self._groups[name] for name in self._order if name not in self._rests)
            groups = (*islice(in_order, 1), *self._leaving.values())
            least = [next(iter(each.values())) for each in groups]
            least += [*self._late.values(), *self._rests.values()]
        if not least or min(least) - 1 - self._up_to < max(self._run // LOOKS, 1):
            return []
        return [(min(least) - 1,)]

    def wrote(
        self,
        late: Sequence[tuple[str, int]],
        due: Sequence[tuple[str, int]],
        up_to: Sequence[tuple[int]],
    ) -> None:
        """These rows are in the table."""
        with self._lock:
            for identity, _ in late:
                del self._late[identity]
            for (number,) in up_to:
                self._up_to = number
            left = len(due)
            self._leave -= left
            while left:
                name, group = next(iter(self._leaving.items()))
                if left < len(group):
                    self._leaving[name] = dict(islice(group.items(), left, None))
                    return
                left -= len(group)
                del self._leaving[name]

    def of(self, identity: str) -> int | None:
        """The charge with this identity, if the table lacks it."""
        name = group_of(identity)
        for groups in (self._groups, self._leaving):
            group = groups.get(name)
            number = None if group is None else group.get(identity)
            if number is not None:
                return number
        return self._late.get(identity)

    def next(self, identity: str, before: str) -> str:
        """The least identity between these two of a group, of those that the table lacks; if there
        is none, `before`.
        """
        with self._lock:
            held = chain.from_iterable(self._of_group(group_of(identity)))
            return min((each for each in held if identity < each < before), default=before)

    def _of_group(self, name: str) -> tuple[dict[str, int], ...]:
        """Where identities of a group may be."""
        return self._groups.get(name, {}), self._leaving.get(name, {}), self._late

    def beginning(self, prefix: str) -> list[int]:
        """The charges with identities that begin so, of those that the table lacks."""
        with self._lock:
            if prefix.count("|") > _LAST_DIGITS:
                groups = self._of_group(group_of(prefix))
            else:
                groups = (*self._groups.values(), *self._leaving.values(), self._late)
            return [
                number
                for group in groups
                for identity, number in group.items()
                if identity.startswith(prefix)
            ]
