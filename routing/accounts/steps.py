"""Who must act by when: nothing is forgotten silently.

Rule 1.  A request that waits for a person has an owner (a role) and a time until which it is due.
Rule 2.  After a share of that time the owner is reminded, once; when it is over, the supervisor is
         told, and again after each further time of the same length.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from routing.accounts.machine import Place
    from routing.accounts.request import AccountRequest
    from routing.accounts.rules import RuleSet


class Nudge(StrEnum):
    """What is told of a request that waits."""

    REMINDER = "reminder"
    OVERDUE = "overdue"


def enter(request: AccountRequest, place: Place, rules: RuleSet, wall: float) -> None:
    """A request came to a place: from now on its time counts."""
    request.since = wall
    request.owner = place.owner
    request.due = wall + rules.due_s(request.kind, place.due) if place.due else 0.0
    request.reminded = request.escalated = 0.0


def nudge(request: AccountRequest, rules: RuleSet, wall: float) -> Nudge | None:
    """What is to be told now; noted in the request."""
    if not request.due:
        return None
    length = max(request.due - request.since, 1.0)
    if wall >= max(request.due, request.escalated + length):
        request.escalated = wall
        return Nudge.OVERDUE
    if not request.reminded and wall >= request.since + length * rules.remind_share:
        request.reminded = wall
        return Nudge.REMINDER
    return None


def is_overdue(request: AccountRequest, wall: float) -> bool:
    """Whether somebody should have acted by now."""
    return bool(request.due) and wall >= request.due
