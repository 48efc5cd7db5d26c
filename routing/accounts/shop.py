"""What is done about a whole shop at once: an emergency, an inspection, a drill.

Rule 1.  In an emergency one person with the right to suspend takes every terminal of a shop out of
         business in one action.  Money still comes to its end; each terminal is looked at
         afterwards, and comes back by itself, as after any suspension.
Rule 2.  Inspections of terminals and drills of emergencies are on file, with what shows them.

Terminals are those that are registered, and those that were heard of where nobody is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing.accounts.asked import Outcome, Reply, refused
from routing.accounts.machine import Event
from routing.accounts.people import May
from routing.accounts.proposals import propose
from routing.accounts.refusals import Code, Refusal
from routing.accounts.why import Why
from routing.entries import TerminalState

if TYPE_CHECKING:
    from collections.abc import Callable

    from routing.accounts.asked import Asked
    from routing.accounts.office import Office
    from routing.clock import Now

SUSPEND: Final = "suspend shop"
INSPECTION: Final = "inspection"
DRILL: Final = "drill"
_NAMED_MAX: Final = 20


def suspend(office: Office, asked: Asked, now: Now) -> Reply:
    """Every terminal of a merchant sells nothing from now on (58)."""
    record = asked.record
    if not record.reason:
        return Reply(outcome=Outcome.WRONG_FIELD, wrong=("reason",))
    why = next((each for each in Why if each == record.kind), Why.VIOLATION)
    done: list[str] = []
    off = 0
    for terminal in terminals_of(office, record.merchant):
        request = propose(office, (record.merchant, terminal), why, record.reason, now)
        if request is None:
            told = refused(Refusal.of(Code.SYNC_PENDING, "too many requests"))
            return _with_facts(told, done, off)
        event, progress = Event.SUSPENDED, office.progress
        if progress.apply(request, event, asked.who, now, remark=record.reason):
            done.append(terminal)
        else:
            off += 1
    outcome = Outcome.DONE if done or off else Outcome.UNKNOWN
    return _with_facts(Reply(outcome=outcome), done, off)


def _with_facts(reply: Reply, done: list[str], off: int) -> Reply:
    named = ",".join(done[:_NAMED_MAX])
    facts = {"suspended": len(done), "terminals": named, "off already": off}
    return Reply(outcome=reply.outcome, obstacles=reply.obstacles, facts=facts)


def terminals_of(office: Office, merchant: str) -> list[str]:
    """Every terminal of a merchant that is known here and not gone for good."""
    registry, book = office.life.registry, office.life.book
    registered = registry.terminals(merchant)
    known = {each.id for each in registered if each.state is not TerminalState.RETIRED}
    if not registered:
        known = set(office.accounts.terminals_of(merchant))
        known |= {
            charge.terminal.rstrip()
            for charge in book.newest()
            if charge.merchant.rstrip() == merchant
        }
    return sorted(known)


def inspected(office: Office, asked: Asked, now: Now) -> Reply:
    """Somebody looked at a terminal where it stands, or had the emergency tried."""
    record = asked.record
    wrong = [] if record.evidence else ["evidence"]
    if record.what == INSPECTION and not record.terminal:
        wrong.append("terminal")
    if wrong:
        return Reply(outcome=Outcome.WRONG_FIELD, wrong=tuple(wrong))
    name = f"{record.what} {record.terminal}".strip()
    entry: dict[str, str | float | bool] = {"ok": record.ok, "evidence": record.evidence}
    entry |= {"at": now.wall, "by": asked.who}
    office.files.note(record.merchant, name, entry, asked.who, now)
    return Reply(facts={"on file": name})


DEEDS: Final[dict[str, tuple[May, Callable[[Office, Asked, Now], Reply]]]] = {
    SUSPEND: (May.SUSPEND, suspend),
    INSPECTION: (May.TEST, inspected),
    DRILL: (May.FILE, inspected),
}
"""By `what` of a change of a merchant's file: the right that it takes, and what does it."""
