"""Makes the story of a failing seed short: fewer terminals and faults, the same broken promise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tests.simulation.faults import EVENTS, HABITS, MOODS, WHOLE, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.simulation.world import Outcome

TRIES_MAX: Final = 150
"""Runs of the seed, each a second or less, that a short story is worth."""
_FOR_TERMINALS: Final = TRIES_MAX // 2
"""A crowd must not use them all up: the faults come after it."""


class Shrinker:
    """Takes away what the broken promise does not need."""

    def __init__(self, invariant: int, again: Callable[[Severity], Outcome]) -> None:
        self._invariant, self._again = invariant, again
        self._tries = 0
        self.best = Severity()

    def _still_breaks(self, milder: Severity) -> bool:
        """Whether it breaks under `milder` as well, which then is the best."""
        if self._tries >= TRIES_MAX:
            return False
        self._tries += 1
        if not any(x.invariant == self._invariant for x in self._again(milder).violations):
            return False
        self.best = milder
        return True

    def run(self, terminals: Sequence[str], suspect: str) -> Severity:
        """The mildest severity found; `suspect` is the terminal that the violation speaks of."""
        alone = replace(self.best, only=frozenset({suspect}))
        if not (suspect and self._still_breaks(alone)):
            self._fewer_terminals(list(terminals))
        self._fewer_faults([*WHOLE, *EVENTS, *MOODS, *HABITS])
        return self.best

    def _fewer_terminals(self, there: list[str]) -> None:
        """Without one half after the other, then quarters, and so on to single terminals."""
        size = len(there) // 2
        while size and self._tries < _FOR_TERMINALS:
            for begin in range(0, len(there), size):
                fewer = there[:begin] + there[begin + size :]
                if fewer and self._still_breaks(replace(self.best, only=frozenset(fewer))):
                    there = fewer
                    break
            else:
                size //= 2

    def _fewer_faults(self, there: list[str]) -> None:
        everything = frozenset(there)
        if self._still_breaks(replace(self.best, without=everything)):
            return
        for name in there:
            self._still_breaks(replace(self.best, without=self.best.without | {name}))
