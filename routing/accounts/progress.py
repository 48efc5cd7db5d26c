"""Carries out what a case's table says: the only place where a request changes its state.

Each step is one turn's records: the request as it then stands, a line of the audit log, and the
notice to whoever must know.  A process that ends has taken a step or has not.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from routing.accounts import steps
from routing.accounts.asked import Outcome, Reply, refused
from routing.accounts.machine import Event
from routing.accounts.refusals import Code, Obstacle, Refusal, codes_of
from routing.accounts.request import Line
from routing.accounts.steps import Nudge
from routing.docket import Entry
from routing.keeper import AuditKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from routing.accounts.case import Case
    from routing.accounts.gate import Gate
    from routing.accounts.machine import Kind
    from routing.accounts.request import AccountRequest
    from routing.accounts.rules import RuleBook
    from routing.accounts.shelf import Shelf
    from routing.clock import Now
    from routing.docket import Docket
    from routing.lifecycle import Lifecycle

REFUSALS = frozenset(
    {Event.OBSTRUCTED, Event.REJECTED, Event.UPHELD, Event.TEST_FAILED}
    | {Event.PAPERS_MISSING, Event.CARD_REFUSED, Event.BANK_REFUSED}
)
"""Events that say no: they can't be without a coded reason."""
OPERATORS_MAX = 1_000
"""Operators whose mistakes are counted by name; others count together."""


class Progress:
    """Moves requests."""

    def __init__(self, life: Lifecycle, docket: Docket, shelf: Shelf, gate: Gate) -> None:
        self._life, self._docket = life, docket
        self._shelf, self._gate = shelf, gate
        self.cases: Mapping[Kind, Case] = {}
        self.book: RuleBook
        self.entered: Counter[tuple[str, str]] = Counter()
        """Steps of this life, by kind of request and state."""
        self.refusals: Counter[tuple[str, str]] = Counter()
        """Reasons of refusals, by kind of request and code."""
        self.mistakes: Counter[str] = Counter()
        """Refused messages by operator."""
        self.nudges: Counter[str] = Counter()

    def opened(self, request: AccountRequest, now: Now) -> None:
        """A new request is on the shelf."""
        self._arrived(request, request.maker, "OPENED", now)

    def apply(
        self,
        request: AccountRequest,
        event: Event,
        who: str,
        now: Now,
        *,
        remark: str = "",
        refusal: Refusal | None = None,
    ) -> bool:
        """Take the step that the table has for this; False if it has none.  A no needs `refusal`:
        raises ValueError without one.
        """
        case = self.cases[request.kind]
        step = case.machine.step(request.state, event)
        if step is None:
            return False
        if event in REFUSALS:
            if refusal is None:
                message = f"{event}: a refusal needs a coded reason"
                raise ValueError(message)
            request.obstacles = list(refusal.obstacles)
            self._count(request, refusal)
        else:
            request.obstacles = []
        request.state = step.next
        self._arrived(request, who, event, now, remark, codes_of(request.obstacles))
        for act in step.acts:
            case.acts[act](request, who, now)
        if step.acts:
            self._shelf.keep(request, now)
        return True

    def _arrived(
        self,
        request: AccountRequest,
        who: str,
        what: str,
        now: Now,
        remark: str = "",
        codes: str = "",
    ) -> None:
        case = self.cases[request.kind]
        place, rules = case.machine.places[request.state], self.book.at(now.wall)
        request.updated_at = now.wall
        steps.enter(request, place, rules, now.wall)
        self.bar(request)
        self.entered[request.kind, request.state] += 1
        self.note(request, who, what, now, remark=remark, codes=codes)
        self.tell(request, "step", now, codes=codes)

    def bar(self, request: AccountRequest) -> None:
        """Have the gate know what a request bars where it stands."""
        case = self.cases[request.kind]
        signs_in = case.machine.places[request.state].signs_in
        self._gate.set(request.subject, request.id, case.bars(request), signs_in=signs_in)

    def note(
        self,
        request: AccountRequest,
        who: str,
        what: str,
        now: Now,
        *,
        remark: str = "",
        codes: str = "",
    ) -> None:
        """A line of a request's story: durable and audited."""
        line = Line(now.wall, who, what, request.state, codes, remark)
        request.told(line)
        request.updated_at = now.wall
        said: dict[str, Any] = msgspec.to_builtins(line)
        del said["at"], said["who"]
        said |= {"kind": request.kind, "subject": request.subject}
        if request.rule_version:
            said["rules"] = request.rule_version
        self._life.keeper.audit(AuditKind.ACCOUNT_STEP, request.id, now, who=who, said=said)
        self._shelf.keep(request, now)

    def tell(self, request: AccountRequest, told: str, now: Now, *, codes: str = "") -> None:
        """A notice to whoever must act or wants to know."""
        if not self._life.settings.notices:
            return
        place = self.cases[request.kind].machine.places[request.state]
        said: dict[str, str | int | float] = {
            "told": f"account_{told}",
            "by": request.due,
            "request": request.id,
            "kind": request.kind,
            "state": request.state,
            "merchant": request.merchant,
            "terminal": request.terminal,
            "owner": place.owner,
            "contact": request.contact,
            "codes": codes,
            "title": place.title.en,
            "title_zh": place.title.zh,
            "next": place.next.en,
            "next_zh": place.next.zh,
        }
        key = f"{request.id}-{told}-{request.state}-{int(now.wall * 1000)}"
        self._docket.counts["notice", f"account_{told}"] += 1
        self._docket.note(Entry.NOTICE, now, key=key, said=said)

    def alert(self, merchant: str, told: str, what: str, now: Now) -> None:
        """A notice about a merchant that belongs to no request."""
        if self._life.settings.notices:
            said: dict[str, str | int | float] = {"told": told, "by": 0.0}
            said |= {"merchant": merchant, "what": what}
            key = f"{merchant}-{told}-{what}-{int(now.wall)}"
            self._docket.counts["notice", told] += 1
            self._docket.note(Entry.NOTICE, now, key=key, said=said)

    def nudge(self, request: AccountRequest, now: Now) -> None:
        """Remind and escalate, where it is time to."""
        what = steps.nudge(request, self.book.at(now.wall), now.wall)
        if what is None:
            return
        self.nudges[what] += 1
        self.note(request, "", what, now, remark="supervisor" if what is Nudge.OVERDUE else "")
        self.tell(request, what, now)

    def _count(self, request: AccountRequest, refusal: Refusal) -> None:
        for code in {each.code for each in refusal.obstacles}:
            self.refusals[request.kind, code] += 1

    def mistake(self, who: str) -> None:
        """An operator's message was refused."""
        known = who in self.mistakes or len(self.mistakes) < OPERATORS_MAX
        self.mistakes[who if known else "other"] += 1

    def reply(self, request: AccountRequest) -> Reply:
        """How a request now stands, as an answer."""
        place = self.cases[request.kind].machine.places[request.state]
        return Reply(
            outcome=Outcome.REFUSED if request.obstacles else Outcome.DONE,
            request=request.id,
            state=request.state,
            obstacles=tuple(request.obstacles),
            title=place.title,
            next=place.next,
            due=request.due,
            facts=self.cases[request.kind].shown(request),
        )

    @staticmethod
    def out_of_turn(request: AccountRequest, what: str) -> Reply:
        """The table has no such step."""
        about = f"{request.id} is {request.state}: not {what} now"
        refusal = Refusal([Obstacle(Code.DUPLICATE, about)])
        return refused(refusal, request=request.id, state=request.state)
