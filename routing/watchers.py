"""Who is told of charges that move.

Nearly all charges go one way, from sent over approved to served, and next to nobody has to hear of
that: so each watcher says for which moves it is there, and the others cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from routing.states import Event, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routing.charge import Charge
    from routing.clock import Now

MOVED_ON: Final = frozenset(State) - {State.APPROVED}
"""For who has to hear of each charge, but not of each move: an approved one does not stay so."""
Watcher = Callable[["Charge", State, Event, "Now"], None]
"""A charge, the state before, what happened, and when."""


class Watchers:
    """Told of a charge that changed its state, once the step is on record; in their order."""

    def __init__(self) -> None:
        self._of: dict[State, dict[State, list[Watcher]]]
        self._of = {before: {after: [] for after in State} for before in State}

    def add(
        self,
        watcher: Watcher,
        *,
        before: Iterable[State] = State,
        after: Iterable[State] = State,
    ) -> None:
        """Have `watcher` told of every move from one of `before` to one of `after`."""
        reached = tuple(after)
        for state in before:
            for each in reached:
                self._of[state][each].append(watcher)

    def of(self, before: State, after: State) -> list[Watcher]:
        """Who is there for this move."""
        return self._of[before][after]
