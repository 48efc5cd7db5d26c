"""Who is told of charges that move.

Nearly all charges go one way, from sent over approved to served, and next to nobody has to hear of
that: so each watcher says for which moves it is there, and the others cost nothing.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
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


class Told:
    """Who is told; those that are told of nearly every charge are of this class, so that C calls
    them itself.
    """

    @abstractmethod
    def moved(self, charge: Charge, before: State, event: Event, now: Now) -> None:
        """A charge came from the state `before` to the one it has now."""


class _ByCall(Told):
    """A watcher of any other kind."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def moved(self, charge: Charge, before: State, event: Event, now: Now) -> None:
        self._watcher(charge, before, event, now)


@dataclass
class Watching:
    """One watcher, the moves that it is there for, and whether it looks at all now."""

    watcher: Told
    before: frozenset[State]
    after: frozenset[State]
    looks: bool


class Watchers:
    """Told of a charge that changed its state, once the step is on record; in their order."""

    def __init__(self) -> None:
        self._all: list[Watching] = []
        self.changed: Callable[[], None] = lambda: None
        """Called when others are told than before."""
        self._arrange()

    def add(
        self,
        watcher: Watcher | Told,
        *,
        before: Iterable[State] = State,
        after: Iterable[State] = State,
        looks: bool = True,
    ) -> Watching:
        """Have `watcher` told of every move from one of `before` to one of `after`; one that
        `looks` only at times keeps its place among the others.
        """
        told = watcher if isinstance(watcher, Told) else _ByCall(watcher)
        watching = Watching(told, frozenset(before), frozenset(after), looks)
        self._all.append(watching)
        self._arrange()
        return watching

    def look(self, watching: Watching, looks: bool) -> None:
        """From now on a watcher has something to see, or nothing any more."""
        if watching.looks != looks:
            watching.looks = looks
            self._arrange()

    def _arrange(self) -> None:
        self._of = {
            before: {
                after: [
                    each.watcher
                    for each in self._all
                    if each.looks and before in each.before and after in each.after
                ]
                for after in State
            }
            for before in State
        }
        self.changed()

    def of(self, before: State, after: State) -> list[Told]:
        """Who is there for this move."""
        moves = self._of[before]
        return moves[after]
