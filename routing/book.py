"""The charges that are held in memory, and every way of finding one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from routing.chain import Chain
from routing.charge import OPEN_STATES, Charge, State
from routing.line import Line
from routing.numbered import Numbered
from routing.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routing.conventions import Original
    from routing.line import Habit

_SENT: Final = State.SENT
_HELD_OPEN = OPEN_STATES | {State.CASE}
_UNPROVEN = frozenset({State.APPROVED, State.DELIVERY_UNKNOWN, State.DELIVERED})
_ESCAPED: Final = re.compile(r"\\(.)")
_STAN: Final = 2
"""Which part of an identity it is, after merchant and terminal."""
_NEAR: Final = 4_096
"""Lines that are found without looking in a dict."""
_NEAR_WITHIN: Final = _NEAR - 1


class Place:
    """A state, as the book asks for it."""

    def __init__(self, state: State) -> None:
        self.is_open = state in _HELD_OPEN
        self.is_unproven = state in _UNPROVEN
        self.count = 0
        """How many charges in memory are in it."""


class ChargeBook:
    """Charges by id, by terminal (by their STAN, and while service is unproven), by connection.

    Open charges and cases are all here.  Ended ones stay until `ended_max` newer ones have ended;
    the journal knows the rest.
    """

    def __init__(self, *, ended_max: int) -> None:
        self._ended_max = ended_max
        self.forgets = False
        """The journal may hold charges that are not here any more."""
        self._by_id = Numbered()
        self._open = Chain()
        self._ended = Chain()
        """As they ended last."""
        self._shelves: dict[str, Shelf] = {}
        self._last_shelf: Shelf | None = None
        self._lines: dict[int, Line] = {}
        """Connections that said something and are still there."""
        self._lines_near: list[Line | None] = [None] * _NEAR
        """Of those the ones that spoke last, by the end of their number."""
        self._places = {state: Place(state) for state in State}
        self._sent = self._places[State.SENT]
        self.enquiries = 0
        """Enquiries that wait for their answer; they are no charges, and count as requests."""
        self._enquiring: dict[int, int] = {}
        """How many of those each connection has."""

    def __del__(self) -> None:
        # Charges, their shelf and their line hold each other, and Python's collector does not look
        # at them.
        for charge in self._open.all():
            self.leave_line(charge)
        self._open.clear()
        self._ended.clear()
        for shelf in self._shelves.values():
            shelf.clear()

    def add(self, charge: Charge) -> None:
        """Take a new charge, or one that comes back from the journal."""
        self._by_id.put(charge.id, charge)
        self.forgets |= len(self._by_id) >= self._ended_max
        shelf = self._shelf(charge.till)
        if shelf is None:
            shelf = self._shelves[charge.till] = Shelf(charge)
        shelf.take(charge)
        place = self._sent if charge.state is _SENT else self._places[charge.state]
        place.count += 1
        if place.is_unproven:
            shelf.wants_proof(charge)
        if place.is_open:
            self._open.join(charge)
        else:
            self._ends(charge)

    def moved(self, charge: Charge, before: State) -> None:
        """`charge` left the state `before` for the one it has now."""
        if charge.shelf is None:
            # It was forgotten while somebody held it, to make room for the others of its batch.
            twin = self._by_id.get(charge.id)
            if twin is not None:
                self.remove(twin)
            self.add(charge)
            return
        self.went(charge, self._places[before], self._places[charge.state])

    def went(self, charge: Charge, left: Place, place: Place) -> None:
        """The same of a charge that is here, for who has the places at hand."""
        shelf = charge.shelf
        left.count -= 1
        place.count += 1
        if shelf is not None:
            if place.is_unproven:
                shelf.wants_proof(charge)
            elif left.is_unproven:
                shelf.wants_none(charge)
        if not place.is_open:
            self._leave(charge)
            self._ends(charge)
        elif charge.has_ended:
            self._leave(charge)
            self._open.join(charge)

    def remove(self, charge: Charge) -> None:
        """Forget a charge: it ended long ago, or it turned out to be another's repeat."""
        shelf = charge.shelf
        if shelf is None:
            return
        self._by_id.drop(charge.id)
        self._places[charge.state].count -= 1
        self._leave(charge)
        shelf.wants_none(charge)
        shelf.give(charge)
        till = shelf.speaker.till
        if not shelf.count and self._shelves.get(till) is shelf:
            del self._shelves[till]
            self._last_shelf = None
            shelf.is_gone = True
        self.leave_line(charge)

    def get(self, charge_id: int) -> Charge | None:
        """The charge with this id."""
        return self._by_id.get(charge_id)

    def look_for(self, habit: Habit) -> None:
        """Have at hand what is held of who says this: more is asked of it in a moment."""
        shelf = habit.shelf
        if shelf is None or shelf.is_gone:
            shelf = habit.shelf = self._shelves.get(habit.speaker.till)
            if shelf is not None and shelf.speaker.is_the_same_as(habit.speaker):
                habit.speaker = shelf.speaker
        self._last_shelf = shelf

    def _shelf(self, till: str) -> Shelf | None:
        """A terminal's: it is asked for several times in a row."""
        last = self._last_shelf
        if last is None or last.speaker.till is not till:
            last = self._shelves.get(till)
            self._last_shelf = last
        return last

    def same_as(self, identity: str, till: str, stan: str) -> Charge | None:
        """The charge that a request with this identity, of this terminal, repeats."""
        shelf = self._shelf(till)
        return shelf.same_as(identity, stan) if shelf is not None else None

    def find(self, original: Original) -> Charge | None:
        """The newest charge that a reversal or confirmation names."""
        merchant, terminal, stan = map(_unescaped, original.prefix.split("|")[: _STAN + 1])
        shelf = self._shelves.get(f"{merchant}|{terminal}")
        candidates = shelf.with_stan(stan) if shelf is not None else ()
        return next((each for each in candidates if original.names(each)), None)

    def unproven(self, till: str) -> tuple[Charge, ...]:
        """Approved charges of a terminal (merchant|terminal) without a proof of service."""
        shelf = self._shelf(till)
        return shelf.unproven if shelf is not None else ()

    def on_conn(self, conn: int) -> list[Charge]:
        """Charges whose answer this connection waits for or was handed."""
        line = self._lines.get(conn)
        return line.charges() if line is not None else []

    def waiting(self) -> int:
        """Requests of all terminals that wait for a host's answer."""
        return self._sent.count + self.enquiries

    def load_of(self, line: Line) -> int:
        """How many charges this connection waits for, or has unproven answers of; and enquiries."""
        load = line.load()
        if self.enquiries:
            load += self._enquiring.get(line.conn, 0)
        return load

    def busiest(self) -> int:
        """The load of the connection that has most."""
        busiest = max(map(self.load_of, self._lines.values()), default=0)
        return max(busiest, *self._enquiring.values()) if self._enquiring else busiest

    def enquired(self, conn: int) -> None:
        """`conn` waits for the answer to an enquiry."""
        self.enquiries += 1
        self._enquiring[conn] = self._enquiring.get(conn, 0) + 1

    def enquiry_over(self, conn: int) -> None:
        """That answer came, or will not be waited for any more."""
        self.enquiries -= 1
        left = self._enquiring[conn] - 1
        if left:
            self._enquiring[conn] = left
        else:
            del self._enquiring[conn]

    def line(self, conn: int) -> Line:
        """A connection that just said something."""
        near = self._lines_near[conn & _NEAR_WITHIN]
        if near is not None and near.number == conn:
            return near
        line = self._lines.get(conn)
        if line is None:
            line = self._lines[conn] = Line(conn, self._shelves)
        self._lines_near[conn & _NEAR_WITHIN] = line
        return line

    def line_lost(self, conn: int) -> list[Charge]:
        """A connection is gone; returns the charges whose answer it was handed."""
        line = self._lines.pop(conn, None)
        if self._lines_near[conn & _NEAR_WITHIN] is line:
            self._lines_near[conn & _NEAR_WITHIN] = None
        return line.charges() if line is not None else []

    def join_line(self, charge: Charge, line: Line | None) -> None:
        """From now on `line` waits for the answer to `charge`."""
        self.leave_line(charge)
        charge.line = line
        if line is not None:
            line.joined_by(charge)

    def leave_line(self, charge: Charge) -> None:
        """Nobody waits for `charge` any more."""
        line = charge.line
        if line is not None:
            charge.line = None
            line.left_by(charge)

    def place(self, state: State) -> Place:
        """What the book has to know of a state."""
        return self._places[state]

    def count(self, state: State) -> int:
        """How many charges in memory are in `state`."""
        return self._places[state].count

    def newest(self) -> Iterator[Charge]:
        """Every charge in memory, newest first."""
        return self._by_id.newest()

    def open(self) -> list[Charge]:
        """Every charge that has not come to its end, cases included: they wait for a person."""
        return self._open.all()

    def __len__(self) -> int:
        return len(self._by_id)

    def _leave(self, charge: Charge) -> None:
        """It stands neither among the open charges nor among those that ended."""
        if charge.has_ended:
            charge.has_ended = False
            self._ended.leave(charge)
        else:
            self._open.leave(charge)

    def _ends(self, charge: Charge) -> None:
        """It came to its end, perhaps not for the first time: its last one counts."""
        charge.has_ended = True
        self._ended.join(charge)
        first = self._ended.first
        if self._ended.count > self._ended_max and first is not None:
            self.remove(first)


def _unescaped(text: str) -> str:
    """A part of an identity as the terminal said it."""
    return _ESCAPED.sub(lambda found: "|" if found[1] == "p" else found[1], text)
