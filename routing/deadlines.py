"""When to look at what again: one structure for everything that waits for a time.

Nearly all wait for one of a few spans, so those of one span come due in the order in which they
were set: they stand in lanes, each in the order of its times.  What fits into no lane goes to a
heap.  Nearly all charges end long before their time would come, tens of thousands a second: so
whoever waits no more leaves its lane at once, and is held no longer.
"""

from __future__ import annotations

import heapq
from math import inf
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_LANES_MAX: Final = 8


class Timed(Protocol):
    """Something with at most one thing to do at a monotonic time."""

    due: Due | None
    """Its place here; None: nothing is to be done."""


class Due:
    """What waits for a time.  Whoever has it can give it back to `leave`."""

    at: float
    number: int
    """How many were set before: of two that wait for the same time the first one set is first."""
    item: Timed | None
    """Who waits; None: nobody any more."""
    lane: _Lane | None
    """Where it stands; None: in the heap."""
    earlier: Due | None
    later: Due | None


class _Lane:
    """What comes due in the order in which it was set."""

    def __init__(self) -> None:
        self.first: Due | None = None
        self.last: Due | None = None


class Deadlines:
    """All deadlines of one gateway."""

    def __init__(self) -> None:
        self._lanes: list[_Lane] = []
        self._heap: list[tuple[float, int, Due]] = []
        self._count = 0
        self._next_at = 0.0
        """The earliest time of all, or earlier; 0: look for it."""

    def __del__(self) -> None:
        # Who waits and its place hold each other, and Python's collector does not look at them.
        for lane in self._lanes:
            while lane.first is not None:
                self.leave(lane.first)
        for _, _, due in self._heap:
            due.item = None

    def __len__(self) -> int:
        return sum(1 for _ in self._all())

    def watch(self, item: Timed, at: float) -> Due:
        """Have `item` returned by `over` at that time, unless what this returns leaves before."""
        self._count += 1
        self._next_at = min(self._next_at, at)
        due = Due.__new__(Due)
        due.at, due.number, due.item = at, self._count, item
        lane = due.lane = self._lane_for(at)
        due.later = None
        if lane is None:
            due.earlier = None
            heapq.heappush(self._heap, (at, due.number, due))
            return due
        due.earlier = before = lane.last
        if before is None:
            lane.first = due
        else:
            before.later = due
        lane.last = due
        return due

    def leave(self, due: Due) -> None:
        """Nobody waits for this any more."""
        lane, before, after = due.lane, due.earlier, due.later
        due.item = due.lane = due.earlier = due.later = None
        if lane is None:
            return  # the heap drops it when its time comes
        if before is None:
            lane.first = after
        else:
            before.later = after
        if after is None:
            lane.last = before
        else:
            after.earlier = before

    def over(self, now: float) -> Iterator[Timed]:
        """The items whose time has come; each waits for nothing any more."""
        while self._next_at <= now:
            first = self._first()
            if first is None or first.at > now:
                self._next_at = first.at if first is not None else inf
                return
            item = first.item
            self.leave(first)
            if item is not None:
                item.due = None
                yield item

    def next_at(self) -> float | None:
        """When to look again."""
        first = self._first()
        return None if first is None else first.at

    def _lane_for(self, at: float) -> _Lane | None:
        for lane in self._lanes:
            last = lane.last
            if last is None or last.at <= at:
                return lane
        if len(self._lanes) == _LANES_MAX:
            return None
        lane = _Lane()
        self._lanes.append(lane)
        return lane

    def _first(self) -> Due | None:
        """What comes due first."""
        heap, first = self._heap, None
        while heap and heap[0][2].item is None:
            heapq.heappop(heap)
        if heap:
            first = heap[0][2]
        for lane in self._lanes:
            each = lane.first
            if each is not None and (first is None or _is_before(each, first)):
                first = each
        return first

    def _all(self) -> Iterator[Due]:
        for lane in self._lanes:
            each = lane.first
            while each is not None:
                yield each
                each = each.later
        yield from (due for _, _, due in self._heap if due.item is not None)


def _is_before(one: Due, other: Due) -> bool:
    return one.at < other.at or (one.at == other.at and one.number < other.number)
