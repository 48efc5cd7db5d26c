"""How long things took, or how many they were: a histogram in plain integers, read when somebody
asks.
"""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MONEY_BACK_S: Final = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 86_400.0, 604_800.0)
REPLY_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
OWN_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class Count:
    """A number that changes with each charge: C counts without making a new object of it."""

    def __init__(self) -> None:
        self.n = 0

    def up(self) -> None:
        """One more."""
        self.n += 1

    def down(self) -> None:
        """One less."""
        self.n -= 1


class Tally:
    """Counts of what was no more than each bound, and of what was above the last."""

    def __init__(self, bounds: Sequence[float] = MONEY_BACK_S) -> None:
        self._bounds = tuple(bounds)
        self._last = Count()
        self._above, self._up_to = 0.0, 0.0
        """Whose bounds they are: nearly all take as long as the one before."""
        self._counts = [Count() for _ in range(len(bounds) + 1)]
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        """Something took so long."""
        if not self._above < seconds <= self._up_to:
            self._look(seconds)
        self._last.n += 1
        self.sum += seconds

    def _look(self, seconds: float) -> None:
        """Which count it belongs to."""
        at = bisect_left(self._bounds, seconds)
        self._last = self._counts[at]
        self._above = self._bounds[at - 1] if at else -inf
        self._up_to = self._bounds[at] if at < len(self._bounds) else inf

    @property
    def count(self) -> int:
        """How often."""
        return sum(each.n for each in self._counts)

    def buckets(self) -> list[tuple[str, float]]:
        """Bound and how many took no longer, cumulative; the last bound is +Inf."""
        total, found = 0, []
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count.n
            found.append((bound, float(total)))
        return found
