"""Whether a host has become slow: how long most of its answers took of late.

Its times are tallied from the start of the process on; here they are held against how they stood a
while ago, whenever somebody looks.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from routing.tally import Tally

WINDOW_S: Final = 60.0
"""How far back is looked; further where nobody has looked for longer."""
ANSWERS_MIN: Final = 20
"""Of fewer answers nothing is concluded."""
_MOST: Final = 0.95


class Latency:
    """One host's."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        nothing = [0.0] * len(tally.buckets())
        self._before = deque([(float("-inf"), nothing)])
        """When somebody looked, and what was counted up to each bound."""

    def is_slow(self, limit_s: float, now: float) -> bool:
        """Whether more than one answer in twenty took longer than `limit_s`, of late."""
        buckets = self._tally.buckets()
        counted = [count for _, count in buckets]
        while len(self._before) > 1 and self._before[1][0] <= now - WINDOW_S:
            self._before.popleft()
        before = self._before[0][1]
        if self._before[-1][0] <= now - WINDOW_S / 10:
            self._before.append((now, counted))
        answers = counted[-1] - before[-1]
        if answers < ANSWERS_MIN:
            return False
        within = [
            count - earlier
            for (bound, count), earlier in zip(buckets, before, strict=True)
            if float(bound) <= limit_s
        ]
        return (within[-1] if within else 0.0) < _MOST * answers
