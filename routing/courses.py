"""What each step of the table brings along in this gateway, found once and kept.

The table in `charge` says where a charge goes; who is told of that, what is counted, whether time
brings anything there: all of it follows from the two states.  Nearly all charges take the same few
steps, so what has to be known of one stands together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing import charge as table
from routing.conduct import TAKES_BACK
from routing.states import Action, Event, State
from routing.tally import Count

if TYPE_CHECKING:
    from routing.book import ChargeBook
    from routing.charge import Step
    from routing.watchers import Watchers

WAITS: Final = frozenset({State.SENT, State.DELIVERY_UNKNOWN, State.DELIVERED, State.REVERSAL_DUE})
"""States in which time brings something, see `Lifecycle.deadline`."""
_ANSWER_AWAITED: Final = frozenset({State.SENT, State.APPROVED})
"""States in which a terminal's connection waits for an answer, or for that to be delivered."""
_ENDS_OTHERWISE: Final = frozenset({State.REVERSAL_DUE, State.CASE})
"""What the table says of these may not be what can be done, see `Lifecycle`."""

_USUAL_MAX: Final = 4
"""Steps that are looked at before all others."""


class Course:
    """One step, taken from one state."""

    def __init__(self, cell: Step, before: State, event: Event, courses: Courses) -> None:
        after = cell.next
        self.before, self.event = before, event
        self.cell = cell
        self.moves = after is not before
        self.is_taking_back = event in TAKES_BACK
        self.may_be_otherwise = after in _ENDS_OTHERWISE
        self.is_answered = before is State.SENT
        self.rests = after not in WAITS
        self.leaves_conn = after not in _ANSWER_AWAITED
        self.left, self.place = courses.book.place(before), courses.book.place(after)
        self.entered = courses.entered[after]
        self.told = courses.watchers.of(before, after)
        self.only_relays = cell.actions == (Action.RELAY_ANSWER,)
        self.next: Course | None = None
        """The one that is looked at after this."""


class Courses:
    """The steps that charges have taken so far."""

    def __init__(self, book: ChargeBook, watchers: Watchers) -> None:
        self.book, self.watchers = book, watchers
        self.entered = {state: Count() for state in State}
        """How many charges came to each state in this life."""
        self.forget()
        watchers.changed = self.forget

    def forget(self) -> None:
        """Others are told of moves from now on."""
        self._taken: dict[State, dict[Event, Course]] = {state: {} for state in State}
        self._usual: Course | None = None
        """Those that charges took first, and that nearly all take, one after the other."""
        self._usual_count = 0

    def of(self, before: State, event: Event) -> Course:
        """What the table says of this pair."""
        usual = self._usual
        while usual is not None:
            if usual.event is event and usual.before is before:
                return usual
            usual = usual.next
        taken = self._taken[before]
        course = taken.get(event)
        if course is None:
            course = taken[event] = Course(table.step(before, event), before, event, self)
            if self._usual_count < _USUAL_MAX:
                self._usual_count += 1
                course.next, self._usual = self._usual, course
        return course

    def instead(self, cell: Step, before: State, event: Event) -> Course:
        """The same for a step that is taken instead of the table's."""
        return Course(cell, before, event, self)
