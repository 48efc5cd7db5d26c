"""The way of money to its end before an account or a terminal may go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing.accounts.asked import Outcome, Reply, refused
from routing.accounts.machine import Event
from routing.accounts.people import GATEWAY, May
from routing.accounts.refusals import Code, Refusal, codes_of

if TYPE_CHECKING:
    from routing.accounts.asked import Asked
    from routing.accounts.office import Office
    from routing.accounts.refusals import Obstacle
    from routing.accounts.request import AccountRequest
    from routing.accounts.standing import Standing
    from routing.clock import Now

SETTLED_BY_HAND: Final = "batch settled"
"""A report: the terminal is dead, and a person settled its batch with the host."""


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
    elif not office.accounts.is_asked(request.merchant, request.terminal):
        office.accounts.ask(request.merchant, request.terminal, drained)


def _blocked(office: Office, request: AccountRequest, obstacles: list[Obstacle], now: Now) -> None:
    """Show what it waits for, when that changes."""
    if codes_of(obstacles) != codes_of(request.obstacles):
        request.obstacles = obstacles
        office.progress.note(request, GATEWAY, "WAITS", now, codes=codes_of(obstacles))


def settle_by_hand(office: Office, request: AccountRequest, asked: Asked, now: Now) -> Reply:
    """Another person than the maker settled a dead terminal's batch, and says what shows it."""
    if not asked.record.evidence:
        return Reply(outcome=Outcome.WRONG_FIELD, wrong=("evidence",), request=request.id)
    if asked.who == request.maker or not office.people.may(asked.who, May.DECIDE, now.wall):
        office.denied(asked, SETTLED_BY_HAND, now)
        refusal = Refusal.of(Code.NO_PERMISSION, "another person who may decide")
        return refused(refusal, request=request.id, state=request.state)
    office.accounts.settled_by_hand(request.merchant, request.terminal, now)
    office.progress.note(request, asked.who, "BATCH SETTLED", now, remark=asked.record.evidence)
    return office.progress.reply(request)


def revoke_keys(
    office: Office, request: AccountRequest, terminal: str, who: str, now: Now, **how: bool
) -> None:
    """Revoke a terminal's keys as a step of a request; `how`: see `Registered.revoke_keys`."""
    device = (request.merchant, terminal)
    gone = office.registered.revoke_keys(device, who, now, **how)
    if gone:
        remark = f"{terminal}: {'; '.join(gone)}"
        office.progress.note(request, who, "KEYS REVOKED", now, remark=remark)
