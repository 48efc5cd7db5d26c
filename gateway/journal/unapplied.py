"""What is durable in the redo log and not yet in the tables, merged: one row for each charge.

A charge that goes well is opened, approved and served within milliseconds.  The redo log holds each
of these as it came; the tables, brought up to date less often, are written once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.journal._merged import Merged
from gateway.journal.rows import COLUMNS, INSERTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.journal._statements import Rows
    from routing.effects import Audited, Kept, Noted
    from routing.records import Opened


class Unapplied:
    """Commits that wait for the tables, in their order.

    They are merged when somebody first asks for charges, which one thread at a time does.
    """

    def __init__(self) -> None:
        self.opened = 0
        """Charges of this life that were opened in here."""
        self.last = 0
        """The greatest id of these."""
        self.late: list[tuple[str, int]] = []
        """Identity and id of those that came after greater ids."""
        self.noted: list[Noted] = []
        self.kept: list[Kept] = []
        self.audited: list[Audited] = []
        self.number = 0
        """Of the last commit in here; 0: there is none."""
        self._payloads: list[memoryview] = []
        self._merged = Merged()
        self._done = 0
        """How many of the payloads are merged."""

    def add(
        self,
        number: int,
        payload: memoryview,
        others: tuple[Sequence[Noted], Sequence[Kept], Sequence[Audited]],
    ) -> None:
        """One more commit, as `gateway.journal.commits` makes it, which must stay as it is."""
        noted, kept, audited = others
        self.noted += noted
        self.kept += kept
        self.audited += audited
        self._payloads.append(payload)
        self.number = number

    def opens(self, opened: Sequence[Opened], late: Sequence[tuple[str, int]]) -> None:
        """These charges were opened in a commit of this life."""
        for record in opened:
            self.last = max(self.last, record.id)
        self.opened += len(opened)
        self.late += late

    def merged(self) -> Merged:
        """All of its charges.  Raises DamagedError where a payload is none; who asks then again
        starts anew: half a payload is never taken for a whole one.
        """
        while self._done < len(self._payloads):
            try:
                self._merged.add(self._payloads[self._done])
            except BaseException:
                self._merged, self._done = Merged(), 0
                raise
            self._done += 1
        return self._merged

    def holds(self, number: int) -> bool:
        """Whether a charge was opened in here."""
        return self.merged().holds(number)

    def touches(self, number: int) -> bool:
        """Whether anything is new of a charge."""
        return self.merged().touches(number)

    def row(self, number: int) -> tuple[Any, ...]:
        """A charge that was opened in here, as SELECT would find it."""
        row = dict(zip(INSERTED, self.merged().row(number), strict=True))
        return tuple(row[name] for name in COLUMNS)

    def late_for(self, up_to: int) -> list[tuple[str, int]]:
        """Identity and id of the charges opened in here whose ids are no greater."""
        number, identity = INSERTED.index("id"), INSERTED.index("identity")
        return [(row[identity], row[number]) for row in self.inserts() if row[number] <= up_to]

    def inserts(self) -> Rows:
        """Rows for INSERT."""
        return self.merged().inserts()

    def updates(self) -> list[Rows]:
        """For each of UPDATES its rows."""
        return self.merged().updates()

    def __len__(self) -> int:
        """Charges."""
        return len(self.merged())
