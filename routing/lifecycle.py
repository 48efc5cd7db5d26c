"""Carries out what the table of `charge` says: states moved, records written, effects put out.

The only place where a charge changes its state.  What comes in from terminals and hosts is
understood in `terminal_side` and `host_side`; this file is told events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing import cause as causes
from routing import charge as table
from routing import effects, records
from routing.accounts.gate import Gate
from routing.actions import Actions
from routing.cards import Cards
from routing.charge import INTERNAL_ERROR, OPEN_STATES, Step
from routing.conduct import Conduct
from routing.courses import Courses
from routing.keeper import Keeper
from routing.limits import Limits, sale_of
from routing.originals import Originals
from routing.outcomes import Outcomes
from routing.reason import Reason
from routing.registry import Registry
from routing.response_codes import SYSTEM_ERROR
from routing.reversals import Reversals
from routing.service import Proof
from routing.states import Action, Event, State
from routing.transaction import Transaction
from routing.watchers import Watchers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codec import Message
    from routing.cause import Asker, Cause
    from routing.charge_record import Charge
    from routing.clock import Now
    from routing.courses import Course
    from routing.hosts import Host
    from routing.settings import Settings
    from routing.translation import Translator

_GIVES_LIMIT_BACK: Final = frozenset(
    {State.DECLINED, State.NEVER_LEFT, State.REVERSED, State.NOTHING_TO_REVERSE, State.VOIDED}
)

_SENT, _APPROVED, _CASE = State.SENT, State.APPROVED, State.CASE
_REVERSAL_DUE = State.REVERSAL_DUE
_DELIVERY_UNKNOWN = State.DELIVERY_UNKNOWN
_OUTCOME_UNKNOWN, _HELD_FOR_REVIEW = Event.OUTCOME_UNKNOWN, Event.HELD_FOR_REVIEW
_IS_SERVICE, _PROVEN = Event.DELIVERY_IS_SERVICE, Event.DELIVERY_PROVEN
_BEGIN_REVERSAL = Action.BEGIN_REVERSAL
_SERVED_AT_APPROVAL = Proof.APPROVAL
_REASON_OF: Final = {
    Event.OUTCOME_UNKNOWN: Reason.OUTCOME_UNKNOWN,
    Event.HELD_FOR_REVIEW: Reason.HELD_FOR_REVIEW,
}
_HOST_GONE: Final = Step(State.CASE, (Action.TELL_A_PERSON,), SYSTEM_ERROR)


class Lifecycle(Actions):
    """The charges and their steps.  `outbox` gathers the effects until the gateway takes them."""

    def __init__(
        self,
        settings: Settings,
        hosts: dict[str, Host],
        translators: Mapping[tuple[str, str], Translator],
        epoch: int,
        next_id: int,
    ) -> None:
        super().__init__(settings, hosts, translators)
        self.epoch = epoch
        self.keeper = Keeper(self)
        self.registry = Registry(settings.registry, self.keeper)
        self.gate = Gate()
        cards = Cards(settings.card_key)
        self.limits = Limits(settings.limits, cards, self.registry)
        self.conduct = Conduct(settings.abuse, cards)
        self.reversals = Reversals(self)
        self.originals = Originals(self)
        self._outcomes = Outcomes()
        self.internal_errors = 0
        self.over_limit = 0
        """Charges that a host approved beyond a limit in force; each was reversed."""
        self.watchers = Watchers()
        self._courses = Courses(self.book, self.watchers)
        self.is_recorded = True
        """Whether the steps of charges go on record; not where the journal keeps nothing anyway."""
        self._next_id = next_id

    # Opening and moving

    def next_id(self) -> int:
        """A number that no charge in this journal ever had."""
        self._next_id += 1
        return self._next_id

    def open(self, charge: Charge, host: Host, message: Message, link: int, now: Now) -> None:
        """Take a new charge: journal it, send it, and wait for the answer."""
        charge.link = link
        charge.known_since = now.monotonic
        charge.sent_on = charge.settled_on = host.links.day.date
        host.breaker.sent(now.monotonic)
        self.book.add(charge)
        self.wake(charge, now.monotonic + host.answer_timeout_s)
        self._count(charge, now)
        if self.is_recorded:
            self.outbox.records.append(records.opened(charge))
        self.outbox.sends.append(effects.to_host(link, message, charge))

    def never_was(self, charge: Charge, now: Now) -> None:
        """What was opened turned out to be the repeat of a charge that the journal knows."""
        self._count_no_more(charge, now)
        charge.state = State.NEVER_LEFT
        self.rest(charge)
        if charge.original_id:
            self.originals.tell(charge, now)

    def _count(self, charge: Charge, now: Now) -> None:
        """A charge counts towards the limits; what gives money back does not."""
        if not charge.undoes and self.limits.exist():
            self.limits.add(sale_of(charge), now.wall)

    def _count_no_more(self, charge: Charge, now: Now) -> None:
        if not charge.undoes and self.limits.exist():
            self.limits.give_back(sale_of(charge), now.wall)

    def apply(
        self,
        charge: Charge,
        event: Event,
        now: Now,
        *,
        reason: Reason | None = None,
        reply: Message | None = None,
        asker: Asker | None = None,
    ) -> Step:
        """Let `event` happen to `charge`; returns the cell of the table that was carried out."""
        return self.move(charge, event, now, reason, reply, asker)

    def move(
        self,
        charge: Charge,
        event: Event,
        now: Now,
        reason: Reason | None,
        reply: Message | None,
        asker: Asker | None,
    ) -> Step:
        """`apply`, for what happens to every charge."""
        before = charge.state
        event = table.what_happens(charge, event)
        course = self._courses.of(before, event)
        if course.is_taking_back:
            event = self.conduct.instead(charge, event, now)
            course = self._courses.of(before, event)
        cell = course.cell
        if course.may_be_otherwise:
            cell, reason = self._otherwise(charge, event, cell, reason)
            if cell is not course.cell:
                course = self._courses.instead(cell, before, event)
        if reason is not None and (course.moves or not charge.reason):
            charge.reason = reason
        charge.state = cell.next
        charge.updated_at = now.wall
        if course.only_relays:
            self._relay_answer(charge, reply, now)
        elif cell.actions:
            self._act(cell, charge, causes.caused(event, now, reply, asker))
        if course.moves:
            self._settle(charge, before, event, course, now)
        if self.is_recorded:
            self.outbox.records.append(records.moved(charge, event, before))
        if course.moves:
            self._tell(charge, before, event, course, now)
        return cell

    def _act(self, cell: Step, charge: Charge, cause: Cause) -> None:
        for action in cell.actions:
            self._carry_out(action, charge, cause)

    def _tell(self, charge: Charge, before: State, event: Event, course: Course, now: Now) -> None:
        """Whoever has to hear of a charge that moved."""
        if charge.original_id:
            self.originals.tell(charge, now)
        for watcher in course.told:
            watcher.moved(charge, before, event, now)

    @property
    def outcomes(self) -> dict[tuple[str, str, str, Event], int]:
        """How charges came back: host, terminal's dialect, MTI class digit, event."""
        return self._outcomes.counts()

    @property
    def entered(self) -> dict[State, int]:
        """How many charges came to each state, where there were any in this life."""
        return {state: each.n for state, each in self._courses.entered.items() if each.n}

    def _otherwise(
        self, charge: Charge, event: Event, cell: Step, reason: Reason | None
    ) -> tuple[Step, Reason | None]:
        """The cell of the table and the reason, or the case that is made of it instead."""
        host = self.hosts.get(charge.host)
        if cell is INTERNAL_ERROR:
            self.internal_errors += 1
            return cell, Reason.INTERNAL_ERROR
        if event is _OUTCOME_UNKNOWN or event is _HELD_FOR_REVIEW:
            return cell, _REASON_OF[event]
        if cell.next is _REVERSAL_DUE and host is None:
            # The configuration no longer names its host: nobody but a person can reverse it.
            return _HOST_GONE, Reason.HOST_GONE
        if _BEGIN_REVERSAL in cell.actions and host is not None and host.has_settled(charge):
            # Its day is settled: a refund is proposed to a person instead.
            return Step(State.CASE, (Action.TELL_A_PERSON,), cell.code), Reason.AFTER_CUT_OVER
        return cell, reason

    def _count_anew(self, charge: Charge, before: State, now: Now) -> None:
        counted = before not in _GIVES_LIMIT_BACK
        counts = charge.state not in _GIVES_LIMIT_BACK
        if counted and not counts:
            self._count_no_more(charge, now)
        elif counts and not counted:
            self._count(charge, now)

    def _settle(
        self, charge: Charge, before: State, event: Event, course: Course, now: Now
    ) -> None:
        """Bring the counts, limits and indexes in line with the new state."""
        if not charge.undoes:
            course.entered.up()
        if self.limits.exist():
            self._count_anew(charge, before, now)
        if course.is_answered:
            self._outcomes.came_back(charge, event)
            charge.request = None
            if charge.state is _CASE and charge.host in self.hosts:
                host = self.hosts[charge.host]
                host.keys.quarantine(host.charge_key(charge), now.monotonic)
        if course.leaves_conn:
            self.book.leave_line(charge)
        if course.rests:
            self.rest(charge)
        if before is _REVERSAL_DUE:
            self.reversals.over(charge, now)
        if charge.shelf is None:
            self.book.moved(charge, before)
        else:
            self.book.went(charge, course.left, course.place)

    # Time and restarts

    def deadline(self, charge: Charge, now: Now) -> None:
        """The time of `charge` is over; what that means depends on its state."""
        match charge.state:
            case State.SENT if charge.left:
                reason = Reason.ANSWER_MAC if charge.trouble.answer_forged else Reason.NO_ANSWER
                host = self.hosts[charge.host]
                host.breaker.silent(now.monotonic)
                host.links.silent(charge.link, charge.known_since, now)
                self.apply(charge, Event.NO_ANSWER, now, reason=reason)
            case State.SENT if self.book.forgets:
                # The journal may find that it repeats a charge that stands: who asks is told
                # nothing before.
                charge.in_trouble().too_late = True
            case State.SENT:
                self.apply(charge, Event.UNSENDABLE, now)
            case State.DELIVERY_UNKNOWN:
                reason = Reason.DELIVERY_UNKNOWN
                self.apply(charge, Event.PROOF_TIME_OVER, now, reason=reason)
            case State.DELIVERED:
                self.apply(charge, Event.WINDOW_OVER, now, reason=Reason.NOT_CONFIRMED)
            case State.REVERSAL_DUE if charge.trouble.reversal_in_flight:
                self.apply(charge, Event.REVERSAL_UNANSWERED, now)
            case State.REVERSAL_DUE:
                self.reversals.send(charge, now)

    def delivered(self, charge: Charge, now: Now) -> None:
        """A proof came that the terminal has its approval."""
        if charge.state is _APPROVED or charge.state is _DELIVERY_UNKNOWN:
            proof = charge.proof
            served = proof is _SERVED_AT_APPROVAL or proof == _SERVED_AT_APPROVAL
            event = _IS_SERVICE if served else _PROVEN
            self.move(charge, event, now, None, None, None)

    def restore(self, charge: Charge, now: Now) -> None:
        """Take over a charge that an earlier life of the gateway left in the journal."""
        self.book.add(charge)
        self._count(charge, now)
        if charge.state in _GIVES_LIMIT_BACK:
            self._count_no_more(charge, now)
        if charge.host in self.hosts:
            charge.settled_on = charge.settled_on or charge.sent_on
            self.hosts[charge.host].links.day.told(charge.settled_on)
        charge.left = True
        charge.known_since = now.monotonic
        if charge.state in OPEN_STATES:
            self.apply(charge, Event.RESTART, now, reason=Reason.RESTART)
            if charge.state is State.REVERSAL_DUE:
                self.wake(charge, now.monotonic)
        if charge.kind is Transaction.VOID and self.book.get(charge.original_id):
            self.originals.tell(charge, now)
