"""What the gateway itself proposes: a terminal out of service, at once or when a person agrees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing.accounts.asked import Channel
from routing.accounts.machine import Event, Kind
from routing.accounts.people import GATEWAY
from routing.accounts.request import AccountRequest, subject_of

if TYPE_CHECKING:
    from routing.accounts.office import Office
    from routing.accounts.why import Why
    from routing.clock import Now


def propose(
    office: Office, subject: tuple[str, str], why: Why, reason: str, now: Now
) -> AccountRequest | None:
    """Have a terminal taken out of service, if a person agrees; the request that is under way."""
    merchant, terminal = subject
    known = office.shelf.under_way(Kind.DEACTIVATION, subject_of(merchant, terminal))
    if known is not None or office.shelf.is_full:
        return known
    request = AccountRequest(
        id=office.shelf.new_id(),
        kind=Kind.DEACTIVATION,
        merchant=merchant,
        terminal=terminal,
        state=office.cases[Kind.DEACTIVATION].machine.first,
        maker=GATEWAY,
        channel=Channel.GATEWAY,
        opened_at=now.wall,
        reason=reason,
        rule_version=office.book.at(now.wall).version,
        facts={"why": why},
    )
    office.progress.opened(request, now)
    office.progress.apply(request, Event.PASSED, GATEWAY, now)
    return request


def suspend(office: Office, subject: tuple[str, str], why: Why, reason: str, now: Now) -> None:
    """Take a terminal out of service at once; a person looks at it afterwards."""
    request = propose(office, subject, why, reason, now)
    if request is not None:
        office.progress.apply(request, Event.SUSPENDED, GATEWAY, now, remark=reason)
