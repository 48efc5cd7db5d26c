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

    They are merged when somebody first asks for more than identities, which one thread at a time
    does.
    """

    def __init__(self) -> None:
        self.identities: dict[str, int] = {}
        """Of charges that were opened, their ids; of this life's alone."""
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
        opened: Sequence[Opened],
        others: tuple[Sequence[Noted], Sequence[Kept], Sequence[Audited]],
    ) -> None:
        """One more commit, as `gateway.journal.commits` makes it, which must stay as it is."""
        for record in opened:
            self.identities[record.charge.identity] = record.id
        noted, kept, audited = others
        self.noted += noted
        self.kept += kept
        self.audited += audited
        self._payloads.append(payload)
        self.number = number

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

    def next(self, identity: str, before: str) -> str:
        """The least identity of a charge opened in here between these two, or `before`."""
        held = self.identities
        return min((each for each in held if identity < each < before), default=before)

    def beginning(self, prefix: str) -> list[int]:
        """The charges opened in here with identities that begin so."""
        return [
            number for identity, number in self.identities.items() if identity.startswith(prefix)
        ]

    def row(self, number: int) -> tuple[Any, ...]:
        """A charge that was opened in here, as SELECT would find it."""
        row = dict(zip(INSERTED, self.merged().row(number), strict=True))
        return tuple(row[name] for name in COLUMNS)

    def inserts(self) -> Rows:
        """Rows for INSERT."""
        return self.merged().inserts()

    def updates(self) -> list[Rows]:
        """For each of UPDATES its rows."""
        return self.merged().updates()

    def __len__(self) -> int:
        """Charges."""
        return len(self.merged())
