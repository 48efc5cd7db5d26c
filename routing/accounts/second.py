"""Opening a second account, through which a merchant collects apart from the main one.

Rule 1.  One request carries everything; what is there is kept, and what is missing is named (P7).
         Papers that are on file of the merchant already need not be handed in again.
Rule 2.  The review has items with pass marks (P21 names those not reached); who mends them applies
         again in the same request, or appeals.
Rule 3.  A terminal of the merchant must be able to use it (P19 names those that can't, and they are
         asked to update); then the agreement is signed (P20), a charge is tried and reversed, and
         the place of business was found safe.  Only then is it open.
Rule 4.  A request on which the merchant does nothing is reminded of, and given up after
         `abandon_days`; it goes on, with what was reached, when it is asked for again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from routing.accounts import capability, licence, qualification
from routing.accounts.account_tests import AccountTests, account_of
from routing.accounts.asked import Asked, Outcome, Reply, refused
from routing.accounts.case import Case
from routing.accounts.machine import Event, Kind
from routing.accounts.obstacles import OF_A_DEVICE, View, lock, permission, regulation
from routing.accounts.people import GATEWAY, May
from routing.accounts.plan import Plan, is_account
from routing.accounts.refusals import Code, Obstacle, Refusal
from routing.accounts.second_states import (
    ABANDONED,
    AGREEMENT,
    APPLIED,
    BEGIN_TEST,
    CAPABILITY_CHECK,
    DOCS,
    FORGET_MARKS,
    MACHINE,
    MARK,
    OPEN,
    OPEN_ACCOUNT,
    QUALIFICATION_REVIEW,
    QUALIFIED,
    REJECTED,
    TESTED,
    TESTING,
    WAITS_FOR,
)
from routing.entries import MERCHANT_ID_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codec import Message
    from routing.accounts.office import Office
    from routing.accounts.request import AccountRequest
    from routing.clock import Now

FIRST: Final = "2"
AGREEMENT_PAPER: Final = "agreement"
MARKS: Final = "marks"
SAFE: Final = "safety"
"""Reports: the reviewer's marks, and that the place was found safe."""
_DAY_S: Final = 86_400.0
_KEPT_DAYS: Final = 365.0
"""After which an abandoned request ends for good."""
_NEEDED: Final = ("name", "contact", "licence")
_OF_THE_MERCHANT: Final = frozenset({DOCS, CAPABILITY_CHECK, AGREEMENT, TESTING, TESTED, REJECTED})
"""Where the merchant must do something, and may not."""


def by_state(view: View) -> Iterator[Obstacle]:
    """What stands against it where it is: papers at first, the agreement at its place."""
    request = view.request
    if request.state == AGREEMENT:
        if AGREEMENT_PAPER not in request.documents:
            yield Obstacle(Code.NO_AGREEMENT, AGREEMENT_PAPER)
        return
    if request.state == CAPABILITY_CHECK:
        return  # asked of the registry: see `SecondAccount.look`
    for rule in OF_A_DEVICE:
        yield from rule(view)
    ended = sorted(name for name, ends in view.dossier.licences.items() if ends <= view.wall)
    if ended:
        yield Obstacle(Code.REGULATION, f"ended: {', '.join(ended)}", count=len(ended))
    missing = [each for each in _NEEDED if not _has(request, each)]
    if missing:
        yield Obstacle(Code.DOCUMENTS_MISSING, ",".join(missing), count=len(missing))


def _has(request: AccountRequest, what: str) -> bool:
    return bool(request.facts.get(what) if what == "licence" else getattr(request, what))


class SecondAccount(Case):
    """The case."""

    machine: ClassVar = MACHINE
    may: ClassVar = May.SECOND
    rules: ClassVar = (by_state,)
    at_approval: ClassVar = (permission, lock, regulation)
    watched: ClassVar = {
        DOCS: 5.0,
        CAPABILITY_CHECK: 1.0,
        AGREEMENT: 1.0,
        TESTING: 0.0,
        TESTED: 60.0,
        REJECTED: 60.0,
        ABANDONED: 60.0,
    }
    asks_journal: ClassVar = False
    tells_of_known: ClassVar = True
    wakes: ClassVar = frozenset({ABANDONED, REJECTED})

    def __init__(self, office: Office) -> None:
        super().__init__(office)
        self.tests = AccountTests(office)
        office.collecting.applied = self.is_applied_for
        self.acts = {
            MARK: self._mark,
            FORGET_MARKS: self._forget_marks,
            QUALIFIED: self._qualified,
            BEGIN_TEST: self.tests.begin,
            OPEN_ACCOUNT: self._open_account,
        }

    def restore(self) -> None:
        """The accounts of earlier lives."""
        self.office.collecting.restore()

    # What is asked

    def begin(self, request: AccountRequest, asked: Asked) -> tuple[str, ...]:
        """Which account, under which number, with which rules, and on which licence."""
        if asked.record.plan is not None:
            request.facts["plan"] = msgspec.to_builtins(asked.record.plan)
        request.facts["account"] = asked.record.account or FIRST
        return self.take_in(request, asked)

    def take_in(self, request: AccountRequest, asked: Asked) -> tuple[str, ...]:
        """Take what was said, now or later; returns fields that can't be right."""
        record, account = asked.record, str(request.facts.get("account", FIRST))
        wrong = []
        if record.licence and not licence.is_good(record.licence):
            wrong.append("licence")
        if not is_account(account) or record.account not in ("", account):
            wrong.append("account")
        if len(record.number) > MERCHANT_ID_MAX:
            wrong.append("number")
        if record.host and record.host not in self.office.life.hosts:
            wrong.append("host")
        if record.plan is not None and list(record.plan.problems()):
            wrong.append("plan")
        if wrong:
            return tuple(wrong)
        for name in ("licence", "number", "host"):
            if getattr(record, name):
                request.facts[name] = getattr(record, name)
        if record.plan is not None:
            request.facts["plan"] = msgspec.to_builtins(record.plan)
        return ()

    def against(self, request: AccountRequest, wall: float) -> Iterator[Obstacle]:
        """What only the office can see: terminals that can't, another account of this number,
        another's licence.
        """
        if request.state == CAPABILITY_CHECK:
            yield from capability.of(self.office, request.merchant, wall).obstacles()
        if request.state not in (APPLIED, DOCS):
            return
        account = str(request.facts.get("account", FIRST))
        if self.office.collecting.is_open(request.merchant, account):
            yield Obstacle(Code.DUPLICATE, f"account {account} is open")
        if self._is_anothers(request):
            yield Obstacle(Code.HOLDER_DIFFERS, "licence of another merchant")

    def _is_anothers(self, request: AccountRequest) -> bool:
        """Whether another merchant applied with the same licence."""
        number = request.facts.get("licence", "")
        return bool(number) and any(
            each.kind is Kind.SECOND
            and each.merchant != request.merchant
            and each.facts.get("licence") == number
            for each in self.office.shelf.all()
        )

    def is_applied_for(self, merchant: str, account: str) -> bool:
        """Whether a request for this account is under way."""
        known = self.office.shelf.under_way(Kind.SECOND, f"{merchant}|")
        return known is not None and known.facts.get("account") == account

    def waits_for(self, request: AccountRequest) -> list[Obstacle]:
        """Why the account is not open: what the request lacks, at least where it stands."""
        if request.obstacles:
            return request.obstacles
        code = WAITS_FOR.get(request.state)
        place = MACHINE.places[request.state]
        return [Obstacle(code, place.title.en)] if code is not None else []

    def words_for(self, message: Message, named: str) -> list[Obstacle]:
        """Why a charge that names an account is refused; nothing if it is for another reason."""
        merchant = message.get(42, "").rstrip()
        if self.office.collecting.is_open(merchant, named):
            return []
        request = self.office.shelf.under_way(Kind.SECOND, f"{merchant}|")
        if request is None or request.facts.get("account") != named:
            return [Obstacle(Code.NO_AGREEMENT, f"no account {named}")]
        return self.waits_for(request)

    def tell(self, request: AccountRequest, now: Now) -> dict[str, str | int | float]:
        """Which accounts there are, and what a review looks at."""
        held = self.office.collecting.of(request.merchant).accounts.values()
        said = ",".join(f"{each.id}:{'CLOSED' if each.closed else OPEN}" for each in held)
        items = self.office.book.at(now.wall).qualification
        marks = ",".join(f"{item}>={mark}" for item, mark in sorted(items.items()))
        return {"accounts": said, "review": marks}

    # What comes by itself

    def look(self, request: AccountRequest, now: Now) -> None:
        """What it waits for may have come; or nobody has done anything for long."""
        if self._is_given_up(request, now):
            return
        if request.state in (DOCS, CAPABILITY_CHECK, AGREEMENT):
            self._ask_to_update(request, now)
            rejudge = self.office.rejudge
            self.office.check(request, lambda o, at: rejudge(request, o, GATEWAY, at), now)
        elif request.state == TESTING:
            self.tests.look(request, now)

    def _is_given_up(self, request: AccountRequest, now: Now) -> bool:
        rules, event = self.office.book.at(now.wall), Event.ABANDONED
        waited_s, may_wait_s = now.wall - request.since, rules.abandon_days * _DAY_S
        if request.state == ABANDONED:
            event, may_wait_s = Event.ENDED, _KEPT_DAYS * _DAY_S
        elif request.state not in _OF_THE_MERCHANT:
            return False
        if not may_wait_s or waited_s < may_wait_s:
            return False
        request.facts["left_at"] = request.state
        return self.office.progress.apply(request, event, GATEWAY, now)

    def _mark(self, request: AccountRequest, who: str, now: Now) -> None:
        """What the books show needs no person; who was approved before is not reviewed again."""
        del who
        items = self.office.book.at(now.wall).qualification
        marks = request.facts.setdefault(MARKS, {})
        known = qualification.by_the_books(self.office.files.of(request.merchant), items)
        new = {item: mark for item, mark in known.items() if item not in marks}
        if new:
            marks |= new
            remark = ", ".join(f"{item} {mark}" for item, mark in sorted(new.items()))
            self.office.progress.note(request, GATEWAY, "MARKED", now, remark=remark)
        if not self._fails(request, GATEWAY, now) and request.facts.get("qualified"):
            self.office.progress.apply(request, Event.APPROVED, GATEWAY, now)

    def _fails(self, request: AccountRequest, who: str, now: Now) -> bool:
        """Whether a mark is below what it must be; then the request is rejected."""
        items = self.office.book.at(now.wall).qualification
        waived = Code.REVIEW_FAILED in request.facts.get("waived", [])
        below = qualification.failed(request.facts.get(MARKS, {}), items)
        if not below or waived:
            return False
        request.refuser = who
        refusal = Refusal(below)
        return self.office.progress.apply(request, Event.REJECTED, who, now, refusal=refusal)

    def _ask_to_update(self, request: AccountRequest, now: Now) -> None:
        """Terminals that can't use it are asked to update, once each."""
        if request.state != CAPABILITY_CHECK:
            return
        known = request.facts.get("upgrade", [])
        unable = capability.of(self.office, request.merchant, now.wall).unable
        request.facts["upgrade"] = unable
        for terminal in set(unable) - set(known):
            capability.ask_to_update(self.office, request.merchant, terminal, now)

    # What persons do

    def approvable(self, request: AccountRequest) -> Iterator[Obstacle]:
        """Every item must have its mark."""
        items = self.office.book.at(request.updated_at).qualification
        missing = qualification.missing(request.facts.get(MARKS, {}), items)
        waived = Code.REVIEW_FAILED in request.facts.get("waived", [])
        if request.state == QUALIFICATION_REVIEW and missing and not waived:
            yield Obstacle(Code.REVIEW_FAILED, f"not marked: {', '.join(missing)}")

    def report(self, request: AccountRequest, asked: Asked, now: Now) -> Reply:
        """Marks of the review; the place was found safe, or not."""
        if asked.record.what == MARKS and request.state == QUALIFICATION_REVIEW:
            return self._marked(request, asked, now)
        if asked.record.what == SAFE and request.state == TESTED:
            return self._found_safe(request, asked, now)
        return self.office.progress.out_of_turn(request, asked.record.what or "report")

    def _marked(self, request: AccountRequest, asked: Asked, now: Now) -> Reply:
        progress, people, marks = self.office.progress, self.office.people, asked.record.marks
        if asked.who == request.maker or not people.may(asked.who, May.DECIDE, now.wall):
            self.office.denied(asked, MARKS, now)
            refusal = Refusal.of(Code.NO_PERMISSION, "another person marks")
            return refused(refusal, request=request.id, state=request.state)
        if not marks or not qualification.are_marks(marks):
            return Reply(outcome=Outcome.WRONG_FIELD, wrong=(MARKS,), request=request.id)
        items = self.office.book.at(now.wall).qualification
        if marks.keys() - items.keys():
            return Reply(outcome=Outcome.WRONG_FIELD, wrong=(MARKS,), request=request.id)
        request.facts[MARKS] = request.facts.get(MARKS, {}) | marks
        remark = ", ".join(f"{item} {mark}" for item, mark in sorted(marks.items()))
        progress.note(request, asked.who, "MARKED", now, remark=remark)
        self._fails(request, asked.who, now)
        return progress.reply(request)

    def _found_safe(self, request: AccountRequest, asked: Asked, now: Now) -> Reply:
        progress, record = self.office.progress, asked.record
        if not self.office.people.may(asked.who, May.TEST, now.wall):
            self.office.denied(asked, SAFE, now)
            refusal = Refusal.of(Code.NO_PERMISSION, May.TEST)
            return refused(refusal, request=request.id, state=request.state)
        if not record.evidence:
            return Reply(outcome=Outcome.WRONG_FIELD, wrong=("evidence",), request=request.id)
        if record.ok:
            progress.apply(request, Event.VERIFIED, asked.who, now, remark=record.evidence)
        else:
            about = record.reason or "the place is not safe"
            no = Refusal.of(Code.DEVICE_FAULT, about)
            remark = record.evidence
            progress.apply(request, Event.TEST_FAILED, asked.who, now, remark=remark, refusal=no)
        return progress.reply(request)

    # What steps carry out

    def _qualified(self, request: AccountRequest, who: str, now: Now) -> None:
        """It is not reviewed again, should it be given up and go on."""
        del who, now
        request.facts["qualified"] = True

    def _forget_marks(self, request: AccountRequest, who: str, now: Now) -> None:
        """What was not reached is looked at anew."""
        del who, now
        request.facts.pop(MARKS, None)
        request.approvals = []

    def _open_account(self, request: AccountRequest, who: str, now: Now) -> None:
        collecting = self.office.collecting
        collecting.put(request.merchant, account_of(request, now.wall), who, now)
        if "plan" in request.facts:
            plan = msgspec.convert(request.facts["plan"], Plan)
            collecting.change(request.merchant, plan, who, now)
