"""The way of money to its end before an account or a terminal may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing.accounts.machine import Event
from routing.accounts.people import GATEWAY
from routing.accounts.refusals import codes_of

if TYPE_CHECKING:
    from routing.accounts.office import Office
    from routing.accounts.refusals import Obstacle
    from routing.accounts.request import AccountRequest
    from routing.accounts.standing import Standing
    from routing.clock import Now


def look(office: Office, request: AccountRequest, now: Now) -> None:
    """CLEARED if nothing of the subject's money is open any more; else show what is."""
    waits_in = request.state

    def drained(standing: Standing, now: Now) -> None:
        if request.state != waits_in:
            return  # it went on while the journal was asked
        obstacles = standing.obstacles()
        if obstacles:
            _blocked(office, request, obstacles, now)
        else:
            office.progress.apply(request, Event.CLEARED, GATEWAY, now)

    known = office.accounts.in_memory(request.merchant, request.terminal)
    if known.under_way:
        _blocked(office, request, known.obstacles(), now)
    else:
        office.accounts.ask(request.merchant, request.terminal, drained)


def _blocked(office: Office, request: AccountRequest, obstacles: list[Obstacle], now: Now) -> None:
    """Show what it waits for, when that changes."""
    if codes_of(obstacles) != codes_of(request.obstacles):
        request.obstacles = obstacles
        office.progress.note(request, GATEWAY, "WAITS", now, codes=codes_of(obstacles))
