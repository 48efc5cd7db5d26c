"""The charges that are held in memory, and every way of finding one."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from routing.charge import OPEN_STATES, Charge, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routing.conventions import Original

_PREFIX_PARTS = 4
_HELD_OPEN = OPEN_STATES | {State.CASE}
_UNPROVEN = frozenset({State.APPROVED, State.DELIVERY_UNKNOWN, State.DELIVERED})


class _Place:
    """A state, as the book asks for it."""

    def __init__(self, state: State) -> None:
        self.is_open = state in _HELD_OPEN
        self.is_unproven = state in _UNPROVEN
        self.count = 0
        """How many charges in memory are in it."""


class ChargeBook:
    """Charges by id, by identity, by connection, and by terminal while service is unproven.

    Open charges and cases are all here.  Ended ones stay until `ended_max` newer ones have ended;
    the journal knows the rest.
    """

    def __init__(self, *, ended_max: int) -> None:
        self._ended_max = ended_max
        self.forgets = False
        """The journal may hold charges that are not here any more."""
        self._by_id: dict[int, Charge] = {}
        self._open: dict[int, Charge] = {}
        self._by_identity: dict[str, Charge] = {}
        self._by_prefix: dict[str, list[Charge]] = {}
        self._by_conn: dict[int, list[Charge]] = {}
        self._unproven: dict[str, list[Charge]] = {}
        self._ended: OrderedDict[int, None] = OrderedDict()
        self._places = {state: _Place(state) for state in State}
        self._sent = self._places[State.SENT]
        self.enquiries = 0
        """Enquiries that wait for their answer; they are no charges, and count as requests."""
        self._enquiring: dict[int, int] = {}
        """How many of those each connection has."""

    def add(self, charge: Charge) -> None:
        """Take a new charge, or one that comes back from the journal."""
        self._by_id[charge.id] = charge
        self.forgets |= len(self._by_id) >= self._ended_max
        self._by_identity[charge.identity] = charge
        prefix = prefix_of(charge.identity)
        same = self._by_prefix.get(prefix)
        if same is None:
            self._by_prefix[prefix] = [charge]
        else:
            same.append(charge)
        place = self._places[charge.state]
        place.count += 1
        self._enter(charge, place)

    def moved(self, charge: Charge, before: State) -> None:
        """`charge` left the state `before` for the one it has now."""
        if charge.id not in self._by_id and charge.identity not in self._by_identity:
            # It was forgotten while somebody held it, to make room for the others of its batch.
            self.add(charge)
            return
        place, left = self._places[charge.state], self._places[before]
        left.count -= 1
        place.count += 1
        if left.is_unproven and not place.is_unproven:
            self._forget_unproven(charge)
        self._enter(charge, place)

    def remove(self, charge: Charge) -> None:
        """Forget a charge: it ended long ago, or it turned out to be another's repeat."""
        self._by_id.pop(charge.id, None)
        if self._by_identity.get(charge.identity) is charge:
            del self._by_identity[charge.identity]
        prefix = prefix_of(charge.identity)
        same = self._by_prefix.get(prefix)
        if same is not None and charge in same:
            same.remove(charge)
        if not same:
            self._by_prefix.pop(prefix, None)
        self._places[charge.state].count -= 1
        self._open.pop(charge.id, None)
        self._ended.pop(charge.id, None)
        self._forget_unproven(charge)
        self.leave_conn(charge)

    def get(self, charge_id: int) -> Charge | None:
        """The charge with this id."""
        return self._by_id.get(charge_id)

    def same_as(self, identity: str) -> Charge | None:
        """The charge that a request with this identity repeats."""
        return self._by_identity.get(identity)

    def find(self, original: Original) -> Charge | None:
        """The newest charge that a reversal or confirmation names."""
        candidates = self._by_prefix.get(original.prefix, ())
        return next((charge for charge in reversed(candidates) if original.names(charge)), None)

    def unproven(self, terminal: str) -> list[Charge]:
        """Approved charges of a terminal (merchant|terminal) without a proof of service."""
        known = self._unproven.get(terminal)
        return known.copy() if known is not None else []

    def on_conn(self, conn: int) -> list[Charge]:
        """Charges whose answer this connection waits for or was handed."""
        known = self._by_conn.get(conn)
        return known.copy() if known is not None else []

    def waiting(self) -> int:
        """Requests of all terminals that wait for a host's answer."""
        return self._sent.count + self.enquiries

    def load_of(self, conn: int) -> int:
        """How many charges this connection waits for, or has unproven answers of; and enquiries."""
        known = self._by_conn.get(conn)
        load = len(known) if known is not None else 0
        if self.enquiries:
            load += self._enquiring.get(conn, 0)
        return load

    def busiest(self) -> int:
        """The load of the connection that has most."""
        return max(map(self.load_of, self._by_conn.keys() | self._enquiring.keys()), default=0)

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

    def join_conn(self, charge: Charge, conn: int) -> None:
        """From now on `conn` waits for the answer to `charge`."""
        self.leave_conn(charge)
        charge.conn = conn
        if not conn:
            return
        known = self._by_conn.get(conn)
        if known is None:
            self._by_conn[conn] = [charge]
        else:
            known.append(charge)

    def leave_conn(self, charge: Charge) -> None:
        """Nobody waits for `charge` any more."""
        if not charge.conn:
            return
        known = self._by_conn.get(charge.conn)
        if known is not None and charge in known:
            if len(known) == 1:
                del self._by_conn[charge.conn]
            else:
                known.remove(charge)
        charge.conn = 0

    def count(self, state: State) -> int:
        """How many charges in memory are in `state`."""
        return self._places[state].count

    def newest(self) -> Iterator[Charge]:
        """Every charge in memory, newest first."""
        return reversed(self._by_id.values())

    def open(self) -> list[Charge]:
        """Every charge that has not come to its end, cases included: they wait for a person."""
        return list(self._open.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def _enter(self, charge: Charge, place: _Place) -> None:
        if place.is_unproven:
            known = self._unproven.get(charge.till)
            if known is None:
                self._unproven[charge.till] = [charge]
            elif charge not in known:
                known.append(charge)
        if place.is_open:
            if charge.id not in self._open:
                self._open[charge.id] = charge
                self._ended.pop(charge.id, None)
        else:
            if self._open.pop(charge.id, None) is None:
                self._ended.pop(charge.id, None)
            self._ended[charge.id] = None
            if len(self._ended) > self._ended_max:
                self.remove(self._by_id[next(iter(self._ended))])

    def _forget_unproven(self, charge: Charge) -> None:
        known = self._unproven.get(charge.till)
        if known is not None and charge in known:
            if len(known) == 1:
                del self._unproven[charge.till]
            else:
                known.remove(charge)


def prefix_of(identity: str) -> str:
    """merchant|terminal|STAN|MTI class| of an identity."""
    parts = 0
    for at, char in enumerate(identity):
        if char == "|":
            parts += 1
            if parts == _PREFIX_PARTS:
                return identity[: at + 1]
    return identity
