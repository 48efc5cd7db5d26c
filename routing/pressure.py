"""What is still taken when as much waits for the journal as may wait.

Rule 1.  Full is no reason to be silent, nor to let anybody wait: whatever begins something new
         (sales, voids, refunds, completions, enquiries, sign-ins, account requests) gets 96 at
         once, which waits for no record.
Rule 2.  What brings money to its end is taken: hosts' answers, terminals' reversals, confirmations
         and settlements; and a repeat gets the answer of its charge, never a refusal.
Rule 3.  So that one terminal can't fill the memory with those, its connection may have so many of
         them in one batch of the journal as it may have charges in flight; and all connections
         together, until `RESOLVING_EFFECTS_MAX` wait.  Above that a reversal, confirmation or
         settlement gets 96, too, which settles nothing: its terminal keeps it and asks again.  A
         repeat above it gets no answer, because a refusal would say that nothing was charged.
"""

from __future__ import annotations

from typing import Final

RESOLVING_EFFECTS_MAX: Final = 1_000_000
"""Effects that wait for the journal, what brings money to its end included; counted as those are
that new requests stop at.  Terminals that wait for their answers, one at a time, are far from it.
"""


class Pressure:
    """Whether the gateway is full, and what each connection had taken meanwhile."""

    def __init__(self) -> None:
        self.is_full = False
        self._taken: dict[int, int] = {}
        self.refused = 0
        """Messages that were told 96 because the gateway was full."""
        self.unanswered = 0
        """Messages that were told nothing because it was: repeats above the bounds."""

    def takes(self, conn: int, waiting: int, each_max: int) -> bool:
        """Whether one more message that brings money to its end is taken from this connection.
        `waiting`: effects that wait for the journal; `each_max`: such messages of a connection.
        """
        taken = self._taken.get(conn, 0)
        if taken >= each_max or waiting >= RESOLVING_EFFECTS_MAX:
            return False
        self._taken[conn] = taken + 1
        return True

    def batch_taken(self) -> None:
        """What waited is on its way to the disk: connections begin anew."""
        self.is_full = False
        if self._taken:
            self._taken.clear()
