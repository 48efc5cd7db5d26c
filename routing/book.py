"""The charges that are held in memory, and every way of finding one."""

from __future__ import annotations

import heapq
from collections import OrderedDict, defaultdict
from typing import TYPE_CHECKING, Protocol

from routing.charge import OPEN_STATES, Charge, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routing.conventions import Original

_PREFIX_LENGTH = 15 + 1 + 8 + 1 + 6 + 1 + 1 + 1
_UNPROVEN = frozenset({State.APPROVED, State.DELIVERY_UNKNOWN, State.DELIVERED})


class Timed(Protocol):
    """Something with one thing to do at a monotonic time (0: nothing)."""

    due: float


class Deadlines:
    """One structure for all deadlines.  Moving one later costs nothing until the old time comes."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timed]] = []
        self._count = 0

    def watch(self, item: Timed) -> None:
        """`item.due` was set: have it returned by `over` at that time."""
        self._count += 1
        heapq.heappush(self._heap, (item.due, self._count, item))

    def over(self, now: float) -> Iterator[Timed]:
        """The items whose time has come, each with `due` set back to 0."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            at, _, item = heapq.heappop(heap)
            if item.due == at:
                item.due = 0.0
                yield item

    def next_at(self) -> float | None:
        """When to look again; may be early, never late."""
        return self._heap[0][0] if self._heap else None


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
        self._by_prefix: defaultdict[str, list[Charge]] = defaultdict(list)
        self._by_conn: defaultdict[int, dict[int, Charge]] = defaultdict(dict)
        self._unproven: defaultdict[str, dict[int, Charge]] = defaultdict(dict)
        self._ended: OrderedDict[int, None] = OrderedDict()
        self._in_state: defaultdict[State, int] = defaultdict(int)

    def add(self, charge: Charge) -> None:
        """Take a new charge, or one that comes back from the journal."""
        self._by_id[charge.id] = charge
        self.forgets |= len(self._by_id) >= self._ended_max
        self._by_identity[charge.identity] = charge
        self._by_prefix[prefix_of(charge.identity)].append(charge)
        self._in_state[charge.state] += 1
        self._enter(charge)

    def moved(self, charge: Charge, before: State) -> None:
        """`charge` left the state `before` for the one it has now."""
        self._in_state[before] -= 1
        self._in_state[charge.state] += 1
        if before in _UNPROVEN and charge.state not in _UNPROVEN:
            self._forget_unproven(charge)
        self._enter(charge)

    def remove(self, charge: Charge) -> None:
        """Forget a charge: it ended long ago, or it turned out to be another's repeat."""
        self._by_id.pop(charge.id, None)
        if self._by_identity.get(charge.identity) is charge:
            del self._by_identity[charge.identity]
        prefix = prefix_of(charge.identity)
        same = self._by_prefix[prefix]
        if charge in same:
            same.remove(charge)
        if not same:
            del self._by_prefix[prefix]
        self._in_state[charge.state] -= 1
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
        return list(known.values()) if known else []

    def on_conn(self, conn: int) -> list[Charge]:
        """Charges whose answer this connection waits for or was handed."""
        known = self._by_conn.get(conn)
        return list(known.values()) if known else []

    def load_of(self, conn: int) -> int:
        """How many charges this connection waits for, or has unproven answers of."""
        return len(self._by_conn.get(conn, ()))

    def busiest(self) -> int:
        """The load of the connection that has most."""
        return max(map(len, self._by_conn.values()), default=0)

    def join_conn(self, charge: Charge, conn: int) -> None:
        """From now on `conn` waits for the answer to `charge`."""
        self.leave_conn(charge)
        charge.conn = conn
        if conn:
            self._by_conn[conn][charge.id] = charge

    def leave_conn(self, charge: Charge) -> None:
        """Nobody waits for `charge` any more."""
        known = self._by_conn.get(charge.conn)
        if known is not None:
            known.pop(charge.id, None)
            if not known:
                del self._by_conn[charge.conn]
        charge.conn = 0

    def count(self, state: State) -> int:
        """How many charges in memory are in `state`."""
        return self._in_state[state]

    def newest(self) -> Iterator[Charge]:
        """Every charge in memory, newest first."""
        return reversed(self._by_id.values())

    def open(self) -> list[Charge]:
        """Every charge that has not come to its end, cases included: they wait for a person."""
        return list(self._open.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def _enter(self, charge: Charge) -> None:
        if charge.state in _UNPROVEN:
            self._unproven[charge.till][charge.id] = charge
        if charge.state in OPEN_STATES or charge.state is State.CASE:
            self._open[charge.id] = charge
            self._ended.pop(charge.id, None)
        else:
            self._open.pop(charge.id, None)
            self._ended[charge.id] = None
            self._ended.move_to_end(charge.id)
            if len(self._ended) > self._ended_max:
                self.remove(self._by_id[next(iter(self._ended))])

    def _forget_unproven(self, charge: Charge) -> None:
        known = self._unproven.get(charge.till)
        if known is not None:
            known.pop(charge.id, None)
            if not known:
                del self._unproven[charge.till]


def prefix_of(identity: str) -> str:
    """merchant|terminal|STAN|MTI class| of an identity; all four are of fixed length."""
    return identity[:_PREFIX_LENGTH]
