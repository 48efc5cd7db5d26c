"""Carries out what the table of `charge` says: states moved, records written, effects put out.

The only place where a charge changes its state.  What comes in from terminals and hosts is
understood in `terminal_side` and `host_side`; this file is told events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing import answers
from routing.accounts.gate import Gate
from routing.book import ChargeBook, Deadlines
from routing.cards import Cards
from routing.cause import Asker, Cause
from routing.charge import (
    INTERNAL_ERROR,
    OPEN_STATES,
    Action,
    Charge,
    Event,
    State,
    Step,
    step,
    what_happens,
)
from routing.clock import de7
from routing.conduct import Conduct
from routing.conventions import CONVENTIONS
from routing.effects import Moved, Opened, Outbox, ToHost, ToTerminal, moved_values, opened_values
from routing.keeper import Keeper
from routing.limits import Limits, sale_of
from routing.originals import Originals
from routing.reason import Reason
from routing.registry import Registry
from routing.response_codes import HOST_UNAVAILABLE, SYSTEM_ERROR
from routing.reversals import Reversals
from routing.service import Proof
from routing.transaction import Transaction
from routing.watchers import Watchers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codec import Message
    from routing.clock import Now
    from routing.hosts import Host
    from routing.settings import Settings
    from routing.translation import Translator

_GIVES_LIMIT_BACK: Final = frozenset(
    {State.DECLINED, State.NEVER_LEFT, State.REVERSED, State.NOTHING_TO_REVERSE, State.VOIDED}
)


_SENT, _APPROVED, _CASE = State.SENT, State.APPROVED, State.CASE
_VOIDING, _REVERSAL_DUE = State.VOIDING, State.REVERSAL_DUE
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


class Lifecycle:
    """The charges and their steps.  `outbox` gathers the effects until the gateway takes them."""

    def __init__(
        self,
        settings: Settings,
        hosts: dict[str, Host],
        translators: Mapping[tuple[str, str], Translator],
        epoch: int,
        next_id: int,
    ) -> None:
        self.settings = settings
        self.hosts = hosts
        self.translators = translators
        self.book = ChargeBook(ended_max=settings.ended_max)
        self.deadlines = Deadlines()
        self.epoch = epoch
        self.outbox = Outbox()
        self.keeper = Keeper(self)
        self.registry = Registry(settings.registry, self.keeper)
        self.gate = Gate()
        cards = Cards(settings.card_key)
        self.limits = Limits(settings.limits, cards, self.registry)
        self.conduct = Conduct(settings.abuse, cards)
        self.reversals = Reversals(self)
        self.originals = Originals(self)
        self.outcomes: dict[tuple[str, str, str, Event], int] = {}
        """How charges came back: host, terminal's dialect, MTI class digit, event."""
        self.entered: dict[State, int] = {}
        self.internal_errors = 0
        self.over_limit = 0
        """Charges that a host approved beyond a limit in force; each was reversed."""
        self.watchers = Watchers()
        self._next_id = next_id
        self._carry_out: dict[Action, Callable[[Charge, Cause], None]]
        self._carry_out = {
            Action.RELAY_ANSWER: self._relay_answer,
            Action.TELL_NO_ANSWER: self._tell_no_answer,
            Action.TELL_UNSENT: self._tell_unsent,
            Action.ANSWER_AGAIN: self._answer_again,
            Action.TELL_REVERSED: self._tell_reversed,
            Action.OPEN_WINDOW: self._open_window,
            Action.HOLD_FOR_PROOF: self._hold_for_proof,
            Action.BEGIN_REVERSAL: self._begin_reversal,
            Action.RETRY_LATER: self._retry_later,
            Action.TELL_A_PERSON: self._tell_a_person,
        }

    # Opening and moving

    def next_id(self) -> int:
        """A number that no charge in this journal ever had."""
        self._next_id += 1
        return self._next_id

    def open(self, charge: Charge, message: Message, link: int, now: Now) -> None:
        """Take a new charge: journal it, send it, and wait for the answer."""
        host = self.hosts[charge.host]
        charge.link = link
        charge.known_since = now.monotonic
        charge.sent_on = charge.settled_on = host.links.day.date
        charge.due = now.monotonic + host.settings.answer_timeout_s
        host.breaker.sent(now.monotonic)
        self.book.add(charge)
        self.deadlines.watch(charge)
        self._count(charge, now)
        self.outbox.records.append(Opened(charge.id, opened_values(charge)))
        self.outbox.sends.append(ToHost(link, message, charge))

    def never_was(self, charge: Charge, now: Now) -> None:
        """What was opened turned out to be the repeat of a charge that the journal knows."""
        self._count_no_more(charge, now)
        charge.state, charge.due = State.NEVER_LEFT, 0.0
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
        event = self.conduct.instead(charge, what_happens(charge, event), now)
        cell, reason = self._decided(charge, event, reason)
        after = cell.next
        moves = after is not before
        if reason is not None and (moves or not charge.reason):
            charge.reason = reason
        charge.state = after
        charge.updated_at = now.wall
        if cell.actions:
            cause = Cause(event, now, reply, asker)
            for action in cell.actions:
                self._carry_out[action](charge, cause)
        if moves:
            if before is _SENT:
                self._came_back(charge, event)
            if not charge.undoes:
                self.entered[after] = self.entered.get(after, 0) + 1
            self._settle(charge, before, now)
        record = Moved(charge.id, charge.epoch, event, before, moved_values(charge))
        self.outbox.records.append(record)
        if moves:
            if charge.original_id:
                self.originals.tell(charge, now)
            for watch in self.watchers.of(before, after):
                watch(charge, before, event, now)
        return cell

    def _came_back(self, charge: Charge, event: Event) -> None:
        outcome = charge.host, charge.dialect, charge.mti[1], event
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def _decided(
        self, charge: Charge, event: Event, reason: Reason | None
    ) -> tuple[Step, Reason | None]:
        """The cell of the table for this pair, or the case that is made of it instead."""
        cell, host = step(charge.state, event), self.hosts.get(charge.host)
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

    def _settle(self, charge: Charge, before: State, now: Now) -> None:
        """Bring the indexes and limits in line with the new state."""
        after = charge.state
        if after in _GIVES_LIMIT_BACK and before not in _GIVES_LIMIT_BACK:
            self._count_no_more(charge, now)
        elif before in _GIVES_LIMIT_BACK and after not in _GIVES_LIMIT_BACK:
            self._count(charge, now)
        if before is _SENT:
            charge.request = None
            if after is _CASE and charge.host in self.hosts:
                host = self.hosts[charge.host]
                host.keys.quarantine(host.charge_key(charge), now.monotonic)
        if after is not _APPROVED and after is not _SENT:
            self.book.leave_conn(charge)
        if after is _APPROVED or after is _VOIDING:
            charge.due = 0.0
        if before is _REVERSAL_DUE:
            self.reversals.over(charge, now)
        self.book.moved(charge, before)

    # What actions do

    def _relay_answer(self, charge: Charge, cause: Cause) -> None:
        if cause.reply is None or charge.request is None:
            return
        answer = answers.for_terminal(charge.request, cause.reply, self.translators, cause.now)
        answers.remember(charge, answer, charge.request)
        if charge.conn:
            charge.handed = False
            watched = charge if charge.state is _APPROVED else None
            self.outbox.sends.append(ToTerminal(charge.conn, answer, watched))

    def _tell_no_answer(self, charge: Charge, cause: Cause) -> None:
        self._refuse(charge, CONVENTIONS[charge.dialect].no_answer_code, cause.now)

    def _tell_unsent(self, charge: Charge, cause: Cause) -> None:
        self._refuse(charge, HOST_UNAVAILABLE, cause.now)

    def _refuse(self, charge: Charge, code: str, now: Now) -> None:
        """Tell that the sale does not stand.  It need not wait for the record: whatever a restart
        finds instead, this charge is undone.
        """
        charge.code = code
        if charge.request is None:
            return
        answer = CONVENTIONS[charge.dialect].answer(charge.request, code, now)
        answers.remember(charge, answer, charge.request)
        if charge.conn:
            self.outbox.express.append(ToTerminal(charge.conn, answer))

    def _answer_again(self, charge: Charge, cause: Cause) -> None:
        if cause.asker is None:
            return
        charge.repeats_answered += 1
        # A first try that was slow on a connection which its terminal has left since.
        overtaken = cause.asker.conn < charge.conn
        if charge.state is State.APPROVED and not overtaken:
            # On the same connection an earlier copy may have crossed this repeat, and be served.
            charge.handed = charge.handed and charge.conn == cause.asker.conn
            self.book.join_conn(charge, cause.asker.conn)
        watched = charge if charge.state is State.APPROVED else None
        request = cause.asker.request
        answer = answers.came_late(charge, request, cause.now) or answers.again(charge, request)
        self.outbox.sends.append(ToTerminal(cause.asker.conn, answer, watched))

    def _tell_reversed(self, charge: Charge, cause: Cause) -> None:
        """The sale does not stand: the same words as for an answer that never came."""
        if cause.asker is None:
            return
        charge.repeats_answered += 1
        convention, request = CONVENTIONS[charge.dialect], cause.asker.request
        code = convention.no_answer_code
        if charge.answer and charge.code == convention.code_for(request, code):
            answer = answers.again(charge, request)
        else:
            answer = convention.answer(request, code, cause.now)
        self.outbox.sends.append(ToTerminal(cause.asker.conn, answer))

    def _open_window(self, charge: Charge, cause: Cause) -> None:
        self.wake(charge, cause.now.monotonic + charge.window_s)

    def _hold_for_proof(self, charge: Charge, cause: Cause) -> None:
        """Hold for a proof.  An answer that is lost again restarts this clock once, not more; a
        restart of the gateway always does, because nobody could bring a proof while it was away.
        """
        charge.maybe_told = True
        if cause.event is Event.RESTART or charge.proof_restarts <= 1:
            charge.proof_restarts += cause.event is not Event.RESTART
            charge.proof_until = cause.now.monotonic + self.settings.service.delivery_proof_s
        self.wake(charge, max(charge.proof_until, cause.now.monotonic))

    def _begin_reversal(self, charge: Charge, cause: Cause) -> None:
        """Give the reversal the one identity that all its tries share, and make it due."""
        host = self.hosts[charge.host]
        # Also for a case that is tried again: 22 must not pass for an answer to our own repeat.
        charge.attempts = 0
        if not charge.reversal_stan:
            keeps = host.convention.keeps_stan
            charge.reversal_stan = charge.host_stan if keeps else host.keys.next_stan()
            charge.reversal_de7 = "" if keeps else de7(cause.now)
        charge.reversal_since = cause.now.wall
        host.keys.quarantine(host.charge_key(charge), cause.now.monotonic)
        self.wake(charge, cause.now.monotonic + self.settings.reversal.pause_s(0, charge.id))

    def _retry_later(self, charge: Charge, cause: Cause) -> None:
        charge.reversal_in_flight = False
        pause_s = self.settings.reversal.pause_s(charge.attempts, charge.id)
        self.wake(charge, cause.now.monotonic + pause_s)

    def _tell_a_person(self, charge: Charge, cause: Cause) -> None:
        """The case stands in the journal, in the metrics and in `isogate cases`."""

    def wake(self, charge: Charge, at: float) -> None:
        """Look at `charge` again at the monotonic time `at`."""
        charge.due = at
        self.deadlines.watch(charge)

    # Time and restarts

    def deadline(self, charge: Charge, now: Now) -> None:
        """The time of `charge` is over; what that means depends on its state."""
        match charge.state:
            case State.SENT if charge.left:
                reason = Reason.ANSWER_MAC if charge.answer_forged else Reason.NO_ANSWER
                host = self.hosts[charge.host]
                host.breaker.silent(now.monotonic)
                host.links.silent(charge.link, charge.known_since, now)
                self.apply(charge, Event.NO_ANSWER, now, reason=reason)
            case State.SENT if self.book.forgets:
                # The journal may find that it repeats a charge that stands: who asks is told
                # nothing before.
                charge.too_late = True
            case State.SENT:
                self.apply(charge, Event.UNSENDABLE, now)
            case State.DELIVERY_UNKNOWN:
                reason = Reason.DELIVERY_UNKNOWN
                self.apply(charge, Event.PROOF_TIME_OVER, now, reason=reason)
            case State.DELIVERED:
                self.apply(charge, Event.WINDOW_OVER, now, reason=Reason.NOT_CONFIRMED)
            case State.REVERSAL_DUE if charge.reversal_in_flight:
                self.apply(charge, Event.REVERSAL_UNANSWERED, now)
            case State.REVERSAL_DUE:
                self.reversals.send(charge, now)

    def delivered(self, charge: Charge, now: Now) -> None:
        """A proof came that the terminal has its approval."""
        if charge.state is _APPROVED or charge.state is _DELIVERY_UNKNOWN:
            event = _IS_SERVICE if charge.proof == _SERVED_AT_APPROVAL else _PROVEN
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
