"""The journal port: what the gateway needs of a journal, whatever stands behind it.

All methods block and are called from a worker thread, one at a time; `known` alone is called from
another one, while a batch may be on its way to the disk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routing.batches import Batch
    from routing.charge import Charge
    from routing.conventions import Original
    from routing.effects import Kept, Noted, Record, UnsettledLookup


class JournalError(Exception):
    """Nothing of the batch is durable.  The message names no value of any record."""


class FencedError(JournalError):
    """Another process with a later epoch owns these charges now: stop at once."""


class OutOfStepError(FencedError):
    """What is kept is of another version than this process knows: its memory is wrong.

    Trying again would not help; a new start reads what is true.
    """


@dataclass(slots=True)
class Recovery:
    """What an earlier life left behind."""

    epoch: int
    """This life's number, greater than that of every life before."""
    last_id: int = 0
    last_stans: dict[str, int] = field(default_factory=dict)
    """By host: where the numbering of STANs goes on."""
    charges: list[Charge] = field(default_factory=list)
    """Open charges and cases, and the newest ended ones, oldest first."""
    card_key: bytes = b""
    """Under which cards are hashed for counting; the same in every life on this journal."""
    entries: list[Noted] = field(default_factory=list)
    """Entries of the docket that may still matter, oldest first (see `gateway.journal.docket`)."""
    kept: list[Kept] = field(default_factory=list)
    """All that is kept beside charges, by kind and key (see `routing.keeper`)."""


class Journal(Protocol):
    """A durable record of charges."""

    @property
    def keeps_nothing(self) -> bool:
        """Nothing is ever durable here, so nothing waits for it."""
        ...

    def start(self, wall: float, *, ended_max: int) -> Recovery:
        """Begin a new life at `wall` and say what the last one left."""
        ...

    def append(self, records: Sequence[Record]) -> dict[int, Charge]:
        """Make all of `records` durable, or none; returns only after the disk has them.

        An entry of the docket whose kind has its key already is left out.  What is kept under
        another version than the record's before is an OutOfStepError.

        The result names new charges that were not taken, because an older one has the same
        identity, and the older ones.  Raises JournalError.
        """
        ...

    def find(self, wanted: Original | int | str) -> Charge | None:
        """The newest charge that a later message names, or the one with this id, or None.

        Raises JournalError.
        """
        ...

    def known(self, identities: Sequence[str]) -> set[str]:
        """Which of these identities a charge has whose record is durable, or nearly.

        Waits for no `append`.  Raises JournalError.
        """
        ...

    def batch(self, wanted: Batch) -> list[Charge]:
        """The charges, voids and refunds of a terminal's batch, oldest first.

        Raises JournalError.
        """
        ...

    def unsettled(self, wanted: UnsettledLookup) -> tuple[int, int]:
        """How many charges with a batch number stand unsettled, and their money.

        Raises JournalError.
        """
        ...

    def log_bytes(self) -> tuple[int, int]:
        """How much is written of what is durable and not yet where it is looked up, and the most;
        asked from any thread.
        """
        ...

    def close(self) -> None:
        """End; what was appended stays."""
        ...
