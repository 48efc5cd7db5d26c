"""What is durable in the redo log and not yet in the tables, merged: one row for each charge.

A charge that goes well is opened, approved and served within milliseconds.  The redo log holds each
of these as it came; the tables, brought up to date less often, are written once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.journal.rows import COLUMNS, INSERTED, UNMOVED, UPDATES
from routing.charge import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routing.effects import Audited, Kept, Noted

_SENT: Final = State.SENT


class Unapplied:
    """Commits that wait for the tables, in their order."""

    def __init__(self) -> None:
        self.identities: dict[str, int] = {}
        """Of charges that were opened, their ids."""
        self.noted: list[Noted] = []
        self.kept: list[Kept] = []
        self.audited: list[Audited] = []
        self.number = 0
        """Of the last commit in here; 0: there is none."""
        self._charges: dict[int, _Merged] = {}

    def add(
        self,
        number: int,
        opened: list[tuple[Any, ...]],
        moved: list[tuple[Any, ...]],
        others: tuple[Sequence[Noted], Sequence[Kept], Sequence[Audited]],
    ) -> None:
        """One more commit, with rows made by `gateway.journal.rows`."""
        self.number = number
        for row in opened:
            charge = self._charges[row[0]] = _Merged()
            charge.opened = row
            self.identities[row[1]] = row[0]
        for row in moved:
            known = self._charges.get(row[0])
            if known is None:
                known = self._charges[row[0]] = _Merged()
            known.step(row)
        noted, kept, audited = others
        self.noted += noted
        self.kept += kept
        self.audited += audited

    def holds(self, number: int) -> bool:
        """Whether a charge was opened in here."""
        charge = self._charges.get(number)
        return charge is not None and bool(charge.opened)

    def touches(self, number: int) -> bool:
        """Whether anything is new of a charge."""
        return number in self._charges

    def beginning(self, prefix: str) -> list[int]:
        """The charges opened in here with identities that begin so."""
        return [
            number for identity, number in self.identities.items() if identity.startswith(prefix)
        ]

    def row(self, number: int) -> tuple[Any, ...]:
        """A charge that was opened in here, as SELECT would find it."""
        row = dict(zip(INSERTED, self._inserted(number), strict=True))
        return tuple(row[name] for name in COLUMNS)

    def _inserted(self, number: int) -> tuple[Any, ...]:
        charge = self._charges[number]
        return charge.inserted()

    def inserts(self) -> list[tuple[Any, ...]]:
        """Rows for INSERT."""
        rows = []
        for each in self._charges.values():
            if each.opened:
                rows.append(each.inserted())  # noqa: PERF401 - in C, the loop's variable has a type
        return rows

    def updates(self) -> list[list[tuple[Any, ...]]]:
        """For each of UPDATES its rows."""
        rows: list[list[tuple[Any, ...]]] = [[] for _ in UPDATES]
        for number, each in self._charges.items():
            if not each.opened:
                each.update(number, rows)
        return rows

    def __len__(self) -> int:
        """Charges."""
        return len(self._charges)


class _Merged:
    """What is new of one charge."""

    def __init__(self) -> None:
        self.opened: tuple[Any, ...] = ()
        self.epoch = 0
        self.state: str = _SENT
        self.updated_at = 0.0
        self.steps = ""
        self.moved: str | None = None
        self.open: int | None = None

    def step(self, row: tuple[Any, ...]) -> None:
        """One more step."""
        _, self.epoch, self.state, self.updated_at, step, moved, is_open = row
        self.steps += step
        if moved is not None:
            self.moved = moved
        if is_open is not None:
            self.open = is_open

    def inserted(self) -> tuple[Any, ...]:
        """For INSERT."""
        number, identity, host, terminal, batch, sealed, epoch, opened = self.opened
        moved = UNMOVED if self.moved is None else self.moved
        is_open = 1 if self.open is None else self.open
        return (
            number, self.epoch or epoch, self.state, self.updated_at, is_open, identity,
            host, terminal, batch, sealed, opened, moved, self.steps,
        )  # fmt: skip

    def update(self, number: int, rows: list[list[tuple[Any, ...]]]) -> None:
        """To those of its statement."""
        row: tuple[Any, ...] = (self.epoch, self.state, self.updated_at, self.steps, number)
        which = 0
        if self.moved is not None:
            which, row = 2, row + (self.moved,)  # noqa: RUF005
        if self.open is not None:
            which, row = which + 1, row + (self.open,)  # noqa: RUF005 - joined at once
        rows[which].append(row)
