"""Makes the story of a failing seed short: fewer terminals and faults, the same broken promise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.simulation.faults import Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.checkers import Violation
    from tests.simulation.world import Outcome


def shrunk(seed: int, violation: Violation, again: Callable[[Severity], Outcome]) -> Severity:
    """The mildest severity found under which the same invariant of this seed still breaks."""
    del seed

    def breaks(severity: Severity) -> bool:
        return any(x.invariant == violation.invariant for x in again(severity).violations)

    best = Severity()
    for fewer in (1, 2, 3):
        if breaks(candidate := replace(best, terminals_max=fewer)):
            best = candidate
            break
    for event in sorted(best.events):
        if breaks(candidate := replace(best, events=best.events - {event})):
            best = candidate
    if breaks(candidate := replace(best, mishaps=0.0)):
        best = candidate
    return best
