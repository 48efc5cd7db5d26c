"""Complaints and support cases: somebody is not content or does not get on, and is answered.

Rule 1.  Anybody who is known may complain or ask for support; it can be about a request.
Rule 2.  Another person answers, within the time that the rules give; silence is escalated.
Rule 3.  It ends when who complained is content; who is not has it opened again.
Rule 4.  A case with a vendor names whom to reach there.  Work on site is a terminal's, and is
         answered with the number of its work order, also by a technician.

A complaint about a charge that was not served is another thing: see `isogate complaint`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from routing.accounts.asked import Asked, Outcome, Reply, refused
from routing.accounts.case import Case
from routing.accounts.machine import Event, Kind, Machine, Place, Step
from routing.accounts.obstacles import permission
from routing.accounts.people import May, Role
from routing.accounts.refusals import Code, Refusal, Words

if TYPE_CHECKING:
    from routing.accounts.request import AccountRequest
    from routing.clock import Now

OPEN: Final = "OPEN"
ANSWERED: Final = "ANSWERED"
CLOSED: Final = "CLOSED"
OBSTRUCTED: Final = "OBSTRUCTED"
CATEGORIES: Final = (
    "support",
    "delay",
    "refusal",
    "fee",
    "device",
    "settlement",
    "staff",
    "vendor",
    "on-site",
    "other",
)
VENDOR: Final = "vendor"
ON_SITE: Final = "on-site"
_BEGINS: Final = ("complaint", "support")

_E = Event
MACHINE: Final = Machine(
    Kind.COMPLAINT,
    Words("complaint or support case", "投诉或支持工单"),
    OPEN,
    {
        OPEN: Place(
            Words("waits for an answer", "等待答复"),
            Role.CLERK,
            "work",
            Words("You will be answered by the due time.", "将在期限前答复。"),
        ),
        ANSWERED: Place(
            Words("answered", "已答复"),
            Role.MERCHANT,
            "fix",
            Words("Accept the answer, or have it opened again.", "请确认答复或重新提出。"),
        ),
        CLOSED: Place(Words("closed", "已关闭")),
        OBSTRUCTED: Place(Words("may not be asked for", "不可申请")),
    },
    {
        OPEN: {
            _E.PASSED: Step(OPEN),
            _E.OBSTRUCTED: Step(OBSTRUCTED),
            _E.ANSWERED: Step(ANSWERED),
            _E.WITHDRAWN: Step(CLOSED),
        },
        ANSWERED: {
            _E.ACCEPTED: Step(CLOSED),
            _E.APPEALED: Step(OPEN),
            _E.WITHDRAWN: Step(CLOSED),
        },
    },
)


class Complaints(Case):
    """The case."""

    machine: ClassVar = MACHINE
    may: ClassVar = May.COMPLAIN
    rules: ClassVar = (permission,)
    needs_token: ClassVar = False
    asks_journal: ClassVar = False

    def takes(self, asked: Asked) -> Kind | None:
        """`complaint:<category>` or `support` in `what`."""
        return Kind.COMPLAINT if asked.record.what.partition(":")[0] in _BEGINS else None

    def knows(self, request: AccountRequest) -> bool:
        """Whoever is known may complain about anything."""
        del request
        return True

    def begin(self, request: AccountRequest, asked: Asked) -> tuple[str, ...]:
        """About what, and about which request."""
        begins, _, category = asked.record.what.partition(":")
        category = category or ("support" if begins == "support" else "other")
        about = asked.record.request
        if category not in CATEGORIES:
            return ("what",)
        if about and self.office.shelf.get(about) is None:
            return ("request",)
        needed = {"reason": True, "contact": category == VENDOR, "terminal": category == ON_SITE}
        missing = [name for name, is_so in needed.items() if is_so and not getattr(request, name)]
        if missing:
            return tuple(missing)
        request.facts |= {"category": category, "about": about}
        if about:
            # One for each request that it is about, and for each subject without one.
            request.facts["subject"] = request.subject
            request.terminal = request.terminal or f"@{about}"
        return ()

    def report(self, request: AccountRequest, asked: Asked, now: Now) -> Reply:
        """Somebody answers it."""
        if asked.record.what != "answer" or request.state != OPEN:
            return self.office.progress.out_of_turn(request, asked.record.what or "report")
        on_site, record = request.facts.get("category") == ON_SITE, asked.record
        if not record.reason or (on_site and not record.evidence):
            wrong = ("evidence",) if record.reason else ("reason",)
            return Reply(outcome=Outcome.WRONG_FIELD, wrong=wrong, request=request.id)
        people = self.office.people
        allowed = (May.FILE, May.DECIDE, *((May.TEST,) if on_site else ()))
        may = any(people.may(asked.who, each, now.wall) for each in allowed)
        if asked.who == request.maker or not may:
            self.office.denied(asked, "answer", now)
            refusal = Refusal.of(Code.NO_PERMISSION, "another person answers")
            return refused(refusal, request=request.id, state=request.state)
        if on_site:
            request.facts["work_order"] = record.evidence
        remark = f"{record.evidence}: {record.reason}" if record.evidence else record.reason
        self.office.progress.apply(request, Event.ANSWERED, asked.who, now, remark=remark)
        return self.office.progress.reply(request)
