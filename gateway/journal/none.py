"""No journal at all: for measuring everything else.  Nothing survives a restart."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gateway.journal.port import Recovery
from gateway.journal.vault import KEY_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routing.batches import Batch
    from routing.charge import Charge
    from routing.conventions import Original
    from routing.effects import Record, UnsettledLookup


class NoJournal:
    """Takes every record and keeps none."""

    keeps_nothing = True

    def start(self, wall: float, *, ended_max: int) -> Recovery:
        """There never is an earlier life."""
        del wall, ended_max
        return Recovery(epoch=1, card_key=os.urandom(KEY_BYTES))

    def append(self, records: Sequence[Record]) -> dict[int, Charge]:
        """Nothing to do, and nothing that could be known already."""
        del records
        return {}

    def find(self, wanted: Original | int | str) -> Charge | None:
        """Memory was asked first; there is nothing else."""
        del wanted
        return None

    def known(self, identities: Sequence[str]) -> set[str]:
        """Memory was asked first."""
        del identities
        return set()

    def batch(self, wanted: Batch) -> list[Charge]:
        """Nothing was kept."""
        del wanted
        return []

    def unsettled(self, wanted: UnsettledLookup) -> tuple[int, int]:
        """Nothing was kept."""
        del wanted
        return 0, 0

    def log_bytes(self) -> tuple[int, int]:
        """There is no log."""
        return 0, 0

    def close(self) -> None:
        """Nothing to end."""
