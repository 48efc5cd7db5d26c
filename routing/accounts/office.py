"""The one door of account services: what is asked by terminals, persons and the gateway itself.

`ask` answers through a callback, since some answers need the journal first; whatever was decided is
in the life's outbox before the answer is, so an answer that leaves after the outbox's records is
true.  Read next: `asked` (what comes in), `decisions` (what persons decide), `progress` (a step).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from routing.accounts import intake, steps
from routing.accounts.anomalies import Anomalies
from routing.accounts.asked import Asked, Channel, Outcome, Reply, Verb, refused
from routing.accounts.cancellation import Cancellation
from routing.accounts.changes import Changes
from routing.accounts.collecting import Collecting
from routing.accounts.complaints import Complaints
from routing.accounts.deactivation import Deactivation
from routing.accounts.decisions import Decisions
from routing.accounts.devices import Devices
from routing.accounts.files import Files
from routing.accounts.machine import Event, Kind
from routing.accounts.obstacles import View
from routing.accounts.onboarding import Onboarding
from routing.accounts.people import People
from routing.accounts.progress import Progress
from routing.accounts.refusals import Code, Obstacle, Refusal
from routing.accounts.registered import Registered
from routing.accounts.request import AccountRequest, subject_of
from routing.accounts.rules import RuleBook
from routing.accounts.second import SecondAccount
from routing.accounts.settlement import Settlement
from routing.accounts.settlement_card import SettlementCard
from routing.accounts.shelf import Shelf
from routing.accounts.signals import NEW_SOFTWARE, Signals
from routing.accounts.standing import Accounts, Standing
from routing.accounts.tokens import Tokens
from routing.keeper import AuditKind

if TYPE_CHECKING:
    from routing.accounts.case import Case
    from routing.clock import Now
    from routing.docket import Docket
    from routing.lifecycle import Lifecycle

Answer = Callable[[Reply, "Now"], None]
CASES: tuple[type[Case], ...] = (
    *(Cancellation, Deactivation, SettlementCard, SecondAccount),
    *(Onboarding, Complaints, Changes),
)
"""Every kind of request; a further case is one file and one word here."""
BACK = {"ACTIVE": "lifted", "RETIRED": "retired"}
"""States that a terminal may be asked to have next, and what is reported by that."""
LOOKS_MAX = 200
"""Requests looked at at a time; the others come next time."""


class Office:
    """Account services."""

    def __init__(self, life: Lifecycle, docket: Docket) -> None:
        settings = life.settings.accounts
        self.life, self.settings = life, settings
        self.people = People(settings.people)
        self.book = RuleBook(settings.rules)
        self.files = Files(life)
        self.gate = life.gate
        self.registered = Registered(life)
        self.accounts = Accounts(life, self.registered)
        self.signals = Signals(self)
        self.settlement = Settlement(self)
        self.collecting = Collecting(life, self.settlement.bins)
        self.accounts.told = self.collecting.settled
        self.tokens = Tokens(life.settings.card_key, settings.token_valid_s)
        self.cases: dict[Kind, Case] = {each.machine.kind: each(self) for each in CASES}
        machines = {kind: case.machine for kind, case in self.cases.items()}
        self.shelf = Shelf(life, machines, settings.requests_open_max, settings.requests_ended_max)
        self.progress = Progress(life, docket, self.shelf, self.gate)
        self.progress.cases, self.progress.book = self.cases, self.book
        self.decisions = Decisions(self)
        self.devices = Devices(self)
        self.anomalies = Anomalies(self)
        self._look_at = 0.0
        self._looked: dict[str, float] = {}

    def restore(self) -> None:
        """Take over what earlier lives kept."""
        self.files.restore()
        self.accounts.restore()
        self.signals.restore()
        for case in self.cases.values():
            case.restore()
        for request in self.shelf.restore():
            self.progress.bar(request)

    # What is asked

    def ask(self, asked: Asked, answer: Answer, now: Now) -> None:
        """Somebody asks for something; `answer` is called once, now or when the journal told."""
        stored = self.shelf.stored_answer(asked.identity) if asked.identity else None
        if stored is not None:
            answer(msgspec.convert(stored, Reply), now)
            return
        if not self.people.knows(asked.who):
            self.denied(asked, "not known", now)
            told = Refusal.of(Code.NO_PERMISSION, "not known here")
            answer(refused(told, Outcome.NOT_ALLOWED), now)
            return

        def answered(reply: Reply, now: Now) -> None:
            self._remember(asked, reply, now)
            answer(reply, now)

        wrong = asked.wrong_fields()
        if wrong:
            answered(Reply(outcome=Outcome.WRONG_FIELD, wrong=tuple(wrong)), now)
        elif asked.verb is Verb.ENQUIRE:
            self._enquire(asked, answered, now)
        elif asked.verb is Verb.REQUEST:
            self._request(asked, answered, now)
        elif asked.verb is Verb.FILE:
            answered(self.decisions.file(asked, now), now)
        else:
            self._on_request(asked, answered, now)

    def _remember(self, asked: Asked, reply: Reply, now: Now) -> None:
        """Keep the answer with the request that it is about, for repeats of the message."""
        if reply.outcome is not Outcome.DONE and asked.channel is Channel.TERMINAL:
            self.progress.mistake(asked.who)
        request = self.shelf.get(reply.request)
        if asked.identity and request is not None and asked.verb is not Verb.ENQUIRE:
            request.answered(asked.identity, msgspec.to_builtins(reply))
            self.shelf.keep(request, now)

    def denied(self, asked: Asked, why: str, now: Now) -> None:
        """Somebody tried what they may not: a line of the audit log."""
        said = {"verb": asked.verb, "file": asked.file or "", "why": why}
        said |= {"channel": asked.channel, "subject": subject_of(asked.merchant, asked.terminal)}
        self.life.keeper.audit(AuditKind.ACCOUNT_DENIED, asked.who, now, who=asked.who, said=said)

    def _draft(self, kind: Kind, asked: Asked, now: Now) -> AccountRequest:
        return intake.draft(kind, self.cases[kind].machine.first, asked, now)

    # Enquiries

    def _enquire(self, asked: Asked, answer: Answer, now: Now) -> None:
        known = self.shelf.get(asked.record.request)
        if asked.record.request:
            if known is None or not self._may_see(asked, known):
                answer(Reply(outcome=Outcome.UNKNOWN), now)
            else:
                answer(self.progress.reply(known), now)
            return
        kind, foreign = intake.kind_of(asked, self.cases), intake.foreign(asked)
        if isinstance(kind, Outcome) or foreign is not None:
            answer(intake.not_possible(kind, foreign), now)
            return
        draft = self._draft(kind, asked, now)
        if not self.cases[kind].knows(draft):
            answer(Reply(outcome=Outcome.UNKNOWN), now)
            return
        self.cases[kind].enquired(draft, asked)

        def found(obstacles: list[Obstacle], now: Now) -> None:
            answer(self._told(draft, obstacles, now), now)

        self.check(draft, found, now)

    def _may_see(self, asked: Asked, request: AccountRequest) -> bool:
        """A terminal sees its own merchant's requests only."""
        return asked.channel is not Channel.TERMINAL or asked.merchant == request.merchant

    def _told(self, draft: AccountRequest, obstacles: list[Obstacle], now: Now) -> Reply:
        """The answer to an enquiry: obstacles, the token, what it takes, what is under way."""
        case, rules = self.cases[draft.kind], self.book.at(now.wall)
        if draft.terminal and any(each.code is Code.SOFTWARE_TOO_OLD for each in obstacles):
            self.signals.ask(draft.subject, NEW_SOFTWARE, now)
        known = self.shelf.under_way(draft.kind, draft.subject)
        if known is not None and case.tells_of_known:
            obstacles = case.waits_for(known)
        place = case.machine.places[known.state if known is not None else draft.state]
        documents = rules.documents_for(draft.kind, self.files.of(draft.merchant).region)
        facts: dict[str, str | int | float] = {
            "documents": ",".join(sorted(documents)),
            "fee": rules.fee.get(draft.kind, 0),
            "days": rules.days_expected.get(draft.kind, 0),
            "rules": rules.version,
            **case.tell(draft, now),
        }
        return Reply(
            request=known.id if known is not None else "",
            state=known.state if known is not None else "",
            obstacles=tuple(obstacles),
            token=self.tokens.token(intake.about(draft), now.wall),
            title=place.title,
            next=place.next,
            facts=facts,
        )

    def check(
        self, request: AccountRequest, found: Callable[[list[Obstacle], Now], None], now: Now
    ) -> None:
        """Ask every rule of its case what stands against a request, all at once."""
        case = self.cases[request.kind]

        def judged(standing: Standing, now: Now) -> None:
            view = self.view(request, standing, now)
            waived = request.facts.get("waived", [])
            obstacles = [each for rule in case.rules for each in rule(view)]
            obstacles += case.against(request, now.wall)
            found([each for each in obstacles if each.code not in waived], now)

        if request.merchant and case.asks_journal:
            self.accounts.ask(request.merchant, request.terminal, judged)
        else:
            judged(Standing(), now)

    def view(self, request: AccountRequest, standing: Standing, now: Now) -> View:
        """All that a request is judged by."""
        return View(
            request,
            self.cases[request.kind].may_of(request),
            self.book.at(now.wall),
            self.files.of(request.merchant),
            self.people,
            standing,
            now.wall,
            self.cases[request.kind].known(request),
        )

    # Requests

    def _request(self, asked: Asked, answer: Answer, now: Now) -> None:
        kind, foreign = intake.kind_of(asked, self.cases), intake.foreign(asked)
        if isinstance(kind, Outcome) or foreign is not None:
            answer(intake.not_possible(kind, foreign), now)
            return
        if kind is Kind.DEACTIVATION and asked.record.state in BACK:
            answer(self._comes_back(asked, now), now)
            return
        draft, case = self._draft(kind, asked, now), self.cases[kind]
        if not case.knows(draft):
            answer(Reply(outcome=Outcome.UNKNOWN), now)
            return
        wrong = case.begin(draft, asked)
        if wrong:
            answer(Reply(outcome=Outcome.WRONG_FIELD, wrong=wrong), now)
            return
        token = asked.record.token
        if case.needs_token and not self.tokens.is_good(intake.about(draft), token, now.wall):
            self.denied(asked, "no confirm token", now)
            answer(refused(Refusal.of(Code.NOT_VERIFIED, "confirm token")), now)
            return
        self._open(draft, asked, answer, now)

    def _comes_back(self, asked: Asked, now: Now) -> Reply:
        """A terminal that is out of service is to be tested, or never to come back."""
        merchant, terminal = intake.subject(asked)
        request = self.shelf.under_way(Kind.DEACTIVATION, subject_of(merchant, terminal))
        if request is None:
            return Reply(outcome=Outcome.UNKNOWN)
        what = BACK[asked.record.state]
        record = msgspec.structs.replace(asked.record, what=what, request=request.id)
        return self.decisions.report(request, msgspec.structs.replace(asked, record=record), now)

    def _open(self, draft: AccountRequest, asked: Asked, answer: Answer, now: Now) -> None:
        def found(obstacles: list[Obstacle], now: Now) -> None:
            # The same may have been asked for while the journal was read.
            known = self.shelf.under_way(draft.kind, draft.subject)
            if known is not None:
                self._again(known, asked, answer, now)
                return
            if self.shelf.is_full:
                answer(refused(Refusal.of(Code.SYNC_PENDING, "too many requests")), now)
                return
            draft.id = self.shelf.new_id()
            draft.rule_version = self.book.at(now.wall).version
            self.progress.opened(draft, now)
            if not self.cases[draft.kind].opened(draft, asked.who, now):
                self._judged(draft, obstacles, asked.who, now)
            answer(self.progress.reply(draft), now)

        known = self.shelf.under_way(draft.kind, draft.subject)
        if known is not None:
            self._again(known, asked, answer, now)
        else:
            self.check(draft, found, now)

    def _again(self, known: AccountRequest, asked: Asked, answer: Answer, now: Now) -> None:
        """The same is under way: one that was obstructed is looked at again, with what is new."""
        if self.cases[known.kind].machine.step(known.state, Event.RESUMED) is None:
            refusal = Refusal.of(Code.DUPLICATE, f"{known.id} is {known.state}")
            answer(refused(refusal, Outcome.DUPLICATE, known.id, known.state), now)
        else:
            self.resume(known, asked, answer, now)

    def resume(self, request: AccountRequest, asked: Asked, answer: Answer, now: Now) -> None:
        """Take in what was handed in later, and judge it again."""
        wrong = self.cases[request.kind].take_in(request, asked)
        if wrong:
            answer(Reply(outcome=Outcome.WRONG_FIELD, wrong=wrong, request=request.id), now)
            return
        self.decisions.take_in(request, asked, now)

        def found(obstacles: list[Obstacle], now: Now) -> None:
            self.rejudge(request, obstacles, asked.who, now)
            answer(self.progress.reply(request), now)

        self.check(request, found, now)

    def rejudge(
        self, request: AccountRequest, obstacles: list[Obstacle], who: str, now: Now
    ) -> None:
        """What stands against an obstructed request was looked at again."""
        case = self.cases[request.kind]
        if case.machine.step(request.state, Event.RESUMED) is None:
            return
        if not obstacles or request.state in case.wakes:
            self.progress.apply(request, Event.RESUMED, who, now)
            self._judged(request, obstacles, who, now)
        elif obstacles != request.obstacles:
            request.obstacles = obstacles
            codes = Refusal(obstacles).codes
            self.progress.note(request, who, "LOOKED", now, codes=codes)

    def _judged(
        self, request: AccountRequest, obstacles: list[Obstacle], who: str, now: Now
    ) -> None:
        if obstacles:
            event, refusal = self.cases[request.kind].comes_to(obstacles), Refusal(obstacles)
            self.progress.apply(request, event, who, now, refusal=refusal)
        else:
            self.progress.apply(request, Event.PASSED, who, now)

    # Words on a request that is under way

    def _on_request(self, asked: Asked, answer: Answer, now: Now) -> None:
        request = self.shelf.get(asked.record.request)
        if request is None or not self._may_see(asked, request):
            answer(Reply(outcome=Outcome.UNKNOWN), now)
        elif asked.verb is Verb.RESUME:
            step = self.cases[request.kind].machine.step(request.state, Event.RESUMED)
            if step is None and asked.record.docs and request.id in self.shelf:
                self.decisions.take_in(request, asked, now)
                answer(self.progress.reply(request), now)
            elif step is None:
                answer(self.progress.out_of_turn(request, asked.verb), now)
            else:
                self.resume(request, asked, answer, now)
        elif asked.verb is Verb.REPORT:
            answer(self.decisions.report(request, asked, now), now)
        else:
            answer(self.decisions.decide(request, asked, now), now)

    def heard(self, subject: str, what: str, now: Now) -> None:
        """A terminal signed in, echoed or told its state."""
        for case in self.cases.values():
            case.heard(subject, what, now)

    # Time

    def tick(self, now: Now) -> None:
        """Whatever waits for time or for the world is looked at."""
        if now.monotonic < self._look_at:
            return
        self._look_at = now.monotonic + self.settings.look_every_s
        self.anomalies.tick(now)
        self.signals.tick(now)
        self.registered.tick(now)
        self.decisions.end_grants(now)
        looked = 0
        for request in self.shelf.open():
            self.progress.nudge(request, now)
            case = self.cases[request.kind]
            pause_s = case.watched.get(request.state)
            if pause_s is None or looked >= LOOKS_MAX:
                continue
            if now.monotonic >= self._looked.get(request.id, -pause_s) + pause_s:
                looked += 1
                self._looked[request.id] = now.monotonic
                case.look(request, now)
        if len(self._looked) > len(self.shelf):
            self._looked = {k: v for k, v in self._looked.items() if k in self.shelf}

    def overdue(self, wall: float) -> list[AccountRequest]:
        """Requests on which somebody should have acted."""
        return [each for each in self.shelf.open() if steps.is_overdue(each, wall)]
