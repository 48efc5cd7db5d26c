"""What persons decide and report: approvals, refusals, appeals, checks, files, grants.

Rule 1.  Whoever made a request, or approved it already, does not approve it.
Rule 2.  A rejection carries codes; whoever has none rejects nothing.
Rule 3.  An appeal is decided by another person than the refuser, with the role for it; what it
         waives is noted, and waived from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from routing.accounts.asked import Asked, Outcome, Reply, Verb, refused
from routing.accounts.dossier import Change
from routing.accounts.machine import Event
from routing.accounts.people import May
from routing.accounts.refusals import Code, Obstacle, Refusal
from routing.accounts.shop import DEEDS
from routing.accounts.standing import Standing
from routing.keeper import KeptKind

if TYPE_CHECKING:
    from routing.accounts.office import Office
    from routing.accounts.request import AccountRequest
    from routing.clock import Now

_EVENT: Final = {
    Verb.APPROVE: Event.APPROVED,
    Verb.REJECT: Event.REJECTED,
    Verb.COUNTER: Event.COUNTERED,
    Verb.ACCEPT: Event.ACCEPTED,
    Verb.WITHDRAW: Event.WITHDRAWN,
    Verb.APPEAL: Event.APPEALED,
}
_OF_THE_MAKER: Final = frozenset({Verb.ACCEPT, Verb.WITHDRAW, Verb.APPEAL})
_CHECKED: Final = "verified:"
"""Before the name of a check of the applicant, in a report's `what`."""


class Decisions:
    """Words on requests."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def decide(self, request: AccountRequest, asked: Asked, now: Now) -> Reply:
        """Approve, reject, counter, accept, withdraw, appeal."""
        machine = self._office.cases[request.kind].machine
        event = _EVENT[asked.verb]
        if asked.verb in (Verb.APPROVE, Verb.REJECT):
            on_appeal = machine.step(request.state, Event.UPHELD) is not None
            if on_appeal:
                event = Event.OVERTURNED if asked.verb is Verb.APPROVE else Event.UPHELD
        if machine.step(request.state, event) is None:
            return self._office.progress.out_of_turn(request, asked.verb)
        why_not = self._not_by(request, asked, event, now)
        if why_not is not None:
            self._office.denied(asked, why_not.obstacles[0].about, now)
            return refused(why_not, request=request.id, state=request.state)
        return self._decided(request, asked, event, now)

    def _not_by(
        self, request: AccountRequest, asked: Asked, event: Event, now: Now
    ) -> Refusal | None:
        """Why this person may not do this, if so."""
        who, people = asked.who, self._office.people
        if asked.verb in _OF_THE_MAKER:
            case = self._office.cases[request.kind]
            if who == request.maker or people.may(who, case.may_of(request), now.wall):
                return None
            return Refusal.of(Code.NO_PERMISSION, "for its maker")
        what = self._office.cases[request.kind].decided_by(request)
        if event in (Event.UPHELD, Event.OVERTURNED):
            what = May.APPEAL_DECIDE
        if who in (request.maker, *request.approvals):
            return Refusal.of(Code.NO_PERMISSION, "another person must decide")
        if what is May.APPEAL_DECIDE and who == request.refuser:
            return Refusal.of(Code.NO_PERMISSION, "the refuser decides no appeal")
        if not people.may(who, what, now.wall):
            return Refusal.of(Code.NO_PERMISSION, what)
        return None

    def _decided(self, request: AccountRequest, asked: Asked, event: Event, now: Now) -> Reply:
        progress, remark = self._office.progress, asked.record.reason
        refusal = None
        if event in (Event.REJECTED, Event.UPHELD):
            refusal = _refusal_in(asked)
            if refusal is None:
                return Reply(outcome=Outcome.WRONG_FIELD, wrong=("what",), request=request.id)
            request.refuser = asked.who
        if event is Event.COUNTERED:
            request.facts["against"] = sorted({each.code for each in request.obstacles})
        if event is Event.APPEALED:
            request.facts["appealed"] = sorted({each.code for each in request.obstacles})
        if event is Event.OVERTURNED:
            waived = {*request.facts.get("waived", []), *request.facts.pop("appealed", [])}
            request.facts["waived"] = sorted(waived)
        if event is Event.APPROVED:
            reply = self._approve(request, asked, now)
            if reply is not None:
                return reply
        request.rule_version = self._office.book.at(now.wall).version
        progress.apply(request, event, asked.who, now, remark=remark, refusal=refusal)
        reply = progress.reply(request)
        if refusal is not None:  # the decision was made; what is refused is the request
            return Reply(
                request=reply.request,
                state=reply.state,
                title=reply.title,
                next=reply.next,
                facts={"codes": refusal.codes},
            )
        return reply

    def _approve(self, request: AccountRequest, asked: Asked, now: Now) -> Reply | None:
        """None if enough persons agreed now; else the answer."""
        office = self._office
        case = office.cases[request.kind]
        view = office.view(request, Standing(), now)
        waived = request.facts.get("waived", [])
        against = [
            each for rule in case.at_approval for each in rule(view) if each.code not in waived
        ]
        against += case.approvable(request)
        if against and case.machine.step(request.state, Event.OBSTRUCTED) is not None:
            refusal = Refusal(against)
            office.progress.apply(request, Event.OBSTRUCTED, asked.who, now, refusal=refusal)
            return office.progress.reply(request)
        if against:
            return refused(Refusal(against), request=request.id, state=request.state)
        request.approvals.append(asked.who)
        needed = case.approvals_needed(request)
        if len(request.approvals) < needed:
            remark = f"{len(request.approvals)} of {needed}"
            office.progress.note(request, asked.who, "APPROVAL", now, remark=remark)
            return office.progress.reply(request)
        return None

    def take_in(self, request: AccountRequest, asked: Asked, now: Now) -> None:
        """What was handed in later."""
        record = asked.record
        request.documents |= record.docs
        for name in ("reason", "contact", "name"):
            if getattr(record, name):
                setattr(request, name, getattr(record, name))
        self._office.cases[request.kind].handed_in(request, asked, now)
        if record.docs:
            kinds = ",".join(sorted(record.docs))
            self._office.progress.note(request, asked.who, "HANDED IN", now, remark=kinds)

    # Reports

    def report(self, request: AccountRequest, asked: Asked, now: Now) -> Reply:
        """A step outside was done: a check of the applicant, or what its case knows."""
        check = asked.record.what.removeprefix(_CHECKED)
        if check == asked.record.what:
            return self._office.cases[request.kind].report(request, asked, now)
        people = self._office.people
        if asked.who == request.maker or not people.may(asked.who, May.VERIFY, now.wall):
            self._office.denied(asked, "verify", now)
            refusal = Refusal.of(Code.NO_PERMISSION, "another person checks the applicant")
            return refused(refusal, request=request.id, state=request.state)
        request.verified[check] = asked.who
        self._office.progress.note(request, asked.who, "VERIFIED", now, remark=check)
        return self._office.progress.reply(request)

    # Files, locks

    def file(self, asked: Asked, now: Now) -> Reply:
        """Change what is on file of a merchant, or lock its account services."""
        record, people = asked.record, self._office.people
        what, does = DEEDS.get(record.what, (May.FILE, None))
        what = May.LOCK if record.what == "lock" else what
        if not people.may(asked.who, what, now.wall):
            self._office.denied(asked, what, now)
            return refused(Refusal.of(Code.NO_PERMISSION, what))
        merchant = record.merchant or asked.merchant
        if not merchant:
            return Reply(outcome=Outcome.WRONG_FIELD, wrong=("merchant",))
        if does is not None:
            whole = msgspec.structs.replace(record, merchant=merchant)
            return does(self._office, msgspec.structs.replace(asked, record=whole), now)
        if record.what == "lock":
            if not record.reason:
                return Reply(outcome=Outcome.WRONG_FIELD, wrong=("reason",))
            done = self._office.files.lock(merchant, record.reason, asked.who, now)
            return Reply(facts={"locked": done})
        change = record.change if record.change is not None else Change()
        changed = self._office.files.change(merchant, change, asked.who, now)
        return Reply(facts={"changed": ",".join(changed)})

    # Grants

    def resume_waiting(self, who: str, now: Now) -> None:
        """Something that requests of this person waited for has come."""
        office = self._office
        for request in office.shelf.open():
            if who in ("", request.maker) and _waits(request):
                office.cases[request.kind].look(request, now)

    def end_grants(self, now: Now) -> None:
        """Forget grants whose time is over."""
        for key in self._office.people.over(now.wall):
            self._office.life.keeper.drop(KeptKind.GRANT, key, now)


def _waits(request: AccountRequest) -> bool:
    return any(each.code is Code.NO_PERMISSION for each in request.obstacles)


def _refusal_in(asked: Asked) -> Refusal | None:
    """The coded reasons of a rejection: `what` of `P5,P7`."""
    try:
        codes = [Code(each.strip()) for each in asked.record.what.split(",") if each.strip()]
        return Refusal([Obstacle(code, asked.record.reason) for code in codes])
    except ValueError:
        return None
