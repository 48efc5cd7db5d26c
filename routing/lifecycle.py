"""Carries out what the table of `charge` says: states moved, records written, effects put out.

The only place where a charge changes its state.  What comes in from terminals and hosts is
understood in `terminal_side` and `host_side`; this file is told events.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from codec import BuildError
from routing import answers
from routing.book import ChargeBook, Deadlines
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
from routing.conventions import CONVENTIONS
from routing.effects import (
    Lookup,
    Moved,
    Opened,
    Outbox,
    ToHost,
    ToTerminal,
    moved_values,
    opened_values,
)
from routing.limits import Limits
from routing.reason import Reason
from routing.response_codes import HOST_UNAVAILABLE, SYSTEM_ERROR
from routing.reversal import verdict
from routing.service import Proof
from routing.transaction import Transaction
from routing.undoing import consequence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codec import Message
    from routing.clock import Now
    from routing.hosts import Host
    from routing.settings import Settings
    from routing.translation import Translator

HOST_POLL_S: Final = 0.5
"""How soon a reversal looks again for a usable link, or for a free key."""
CLOSED_LINK_MARGIN_S: Final = 2.0
"""How long bytes that a closed link carried may still reach the host."""
_GIVES_LIMIT_BACK: Final = frozenset(
    {State.DECLINED, State.NEVER_LEFT, State.REVERSED, State.NOTHING_TO_REVERSE, State.VOIDED}
)


_HOST_GONE: Final = Step(State.CASE, (Action.TELL_A_PERSON,), SYSTEM_ERROR)


class Asker(NamedTuple):
    """A terminal's connection and the request that came over it."""

    conn: int
    request: Message


class Cause(NamedTuple):
    """What an action may need of that which made the charge move."""

    event: Event
    now: Now
    reply: Message | None
    asker: Asker | None


class Lifecycle:
    """The charges and their steps.  `outbox` gathers the effects until the gateway takes them."""

    def __init__(
        self,
        settings: Settings,
        hosts: Mapping[str, Host],
        translators: Mapping[tuple[str, str], Translator],
        epoch: int,
        next_id: int,
    ) -> None:
        self.settings = settings
        self.hosts = hosts
        self.translators = translators
        self.book = ChargeBook(ended_max=settings.ended_max)
        self.deadlines = Deadlines()
        self.limits = Limits(settings.limits)
        self.outbox = Outbox()
        self.outcomes: Counter[tuple[str, str, Event]] = Counter()
        """How charges came back from the host: MTI class digit, host, event."""
        self.entered: Counter[State] = Counter()
        self.internal_errors = 0
        self.epoch = epoch
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
        charge.link = link
        charge.known_since = now.monotonic
        charge.due = now.monotonic + self.hosts[charge.host].settings.answer_timeout_s
        self.book.add(charge)
        self.deadlines.watch(charge)
        self._count(charge, now)
        self.outbox.records.append(Opened(charge.id, opened_values(charge)))
        self.outbox.sends.append(ToHost(link, message, charge))

    def undo(self, original: Charge, undoing: Charge, now: Now) -> None:
        """A void or refund of `original` was opened: nothing else may undo the same money."""
        if undoing.kind is Transaction.REFUND:
            original.given_back += undoing.amount
            self.apply(original, Event.REFUND_BEGUN, now)
        else:
            original.stood = original.state
            self.apply(original, Event.VOID_BEGUN, now)

    def never_was(self, charge: Charge, now: Now) -> None:
        """What was opened turned out to be the repeat of a charge that the journal knows."""
        self._count_no_more(charge, now)
        charge.state, charge.due = State.NEVER_LEFT, 0.0
        if charge.original_id:
            self._tell_original(charge, now)

    def _tell_original(self, undoing: Charge, now: Now) -> None:
        """What became of a void or refund, for the charge that it is about."""
        original = self.book.get(undoing.original_id)
        if original is None:
            found = self._tell_found_original
            self.outbox.lookups.append(
                Lookup(undoing.original_id, lambda charge, now: found(undoing, charge, now))
            )
            return
        event = consequence(undoing, original)
        if event is None:
            return
        if event is Event.REFUND_FAILED:
            original.given_back -= undoing.amount
        reason = Reason.VOID_UNCLEAR if event is Event.VOID_UNCLEAR else None
        self.apply(original, event, now, reason=reason)

    def _tell_found_original(self, undoing: Charge, original: Charge | None, now: Now) -> None:
        if original is not None:
            self._tell_original(undoing, now)

    def _count(self, charge: Charge, now: Now) -> None:
        """A charge counts towards the limits; what gives money back does not."""
        if not charge.kind.undoes:
            self.limits.add(charge.till, charge.amount, charge.opened_at, now.wall)

    def _count_no_more(self, charge: Charge, now: Now) -> None:
        if not charge.kind.undoes:
            self.limits.give_back(charge.till, charge.amount, charge.opened_at, now.wall)

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
        before, event = charge.state, what_happens(charge, event)
        cell = step(before, event)
        if cell is INTERNAL_ERROR:
            self.internal_errors += 1
            reason = Reason.INTERNAL_ERROR
        elif event is Event.OUTCOME_UNKNOWN:
            reason = Reason.OUTCOME_UNKNOWN
        elif cell.next is State.REVERSAL_DUE and charge.host not in self.hosts:
            # The configuration no longer names its host: nobody but a person can reverse it.
            cell, reason = _HOST_GONE, Reason.HOST_GONE
        if reason is not None and (cell.next is not before or not charge.reason):
            charge.reason = reason
        charge.state = cell.next
        charge.updated_at = now.wall
        cause = Cause(event, now, reply, asker)
        for action in cell.actions:
            self._carry_out[action](charge, cause)
        if before is State.SENT and cell.next is not before:
            self.outcomes[charge.mti[1], charge.host, event] += 1
        if cell.next is not before:
            if not charge.kind.undoes:
                self.entered[cell.next] += 1
            self._settle(charge, before, now)
        record = Moved(charge.id, charge.epoch, event, before, moved_values(charge))
        self.outbox.records.append(record)
        if charge.original_id and cell.next is not before:
            self._tell_original(charge, now)
        return cell

    def _settle(self, charge: Charge, before: State, now: Now) -> None:
        """Bring the indexes and limits in line with the new state."""
        if charge.state in _GIVES_LIMIT_BACK and before not in _GIVES_LIMIT_BACK:
            self._count_no_more(charge, now)
        elif before in _GIVES_LIMIT_BACK and charge.state not in _GIVES_LIMIT_BACK:
            self._count(charge, now)
        if before is State.SENT:
            charge.request = None
            if charge.state is State.CASE and charge.host in self.hosts:
                self.hosts[charge.host].keys.quarantine(self.charge_key(charge), now.monotonic)
        if charge.state is not State.APPROVED and charge.state is not State.SENT:
            self.book.leave_conn(charge)
        if charge.state is State.APPROVED or charge.state is State.VOIDING:
            charge.due = 0.0
        if before is State.REVERSAL_DUE:
            charge.due, charge.reversal_in_flight = 0.0, False
            self._release_reversal_key(charge, now)
        self.book.moved(charge, before)

    # What actions do

    def _relay_answer(self, charge: Charge, cause: Cause) -> None:
        if cause.reply is None or charge.request is None:
            return
        answer = answers.for_terminal(charge.request, cause.reply, self.translators, cause.now)
        answers.remember(charge, answer, charge.request)
        if charge.conn:
            charge.handed = False
            watched = charge if charge.state is State.APPROVED else None
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
        if charge.state is State.APPROVED:
            # On the same connection an earlier copy may have crossed this repeat, and be served.
            charge.handed = charge.handed and charge.conn == cause.asker.conn
            self.book.join_conn(charge, cause.asker.conn)
        watched = charge if charge.state is State.APPROVED else None
        answer = answers.again(charge, cause.asker.request)
        self.outbox.sends.append(ToTerminal(cause.asker.conn, answer, watched))

    def _tell_reversed(self, charge: Charge, cause: Cause) -> None:
        """The sale does not stand: the same words as for an answer that never came."""
        if cause.asker is None:
            return
        charge.repeats_answered += 1
        convention = CONVENTIONS[charge.dialect]
        if charge.answer and charge.code == convention.no_answer_code:
            answer = answers.again(charge, cause.asker.request)
        else:
            code = convention.no_answer_code
            answer = convention.answer(cause.asker.request, code, cause.now)
        self.outbox.sends.append(ToTerminal(cause.asker.conn, answer))

    def _open_window(self, charge: Charge, cause: Cause) -> None:
        self._due(charge, cause.now.monotonic + charge.window_s)

    def _hold_for_proof(self, charge: Charge, cause: Cause) -> None:
        """Hold for a proof.  An answer that is lost again restarts this clock once, not more; a
        restart of the gateway always does, because nobody could bring a proof while it was away.
        """
        charge.maybe_told = True
        if cause.event is Event.RESTART or charge.proof_restarts <= 1:
            charge.proof_restarts += cause.event is not Event.RESTART
            charge.proof_until = cause.now.monotonic + self.settings.service.delivery_proof_s
        self._due(charge, max(charge.proof_until, cause.now.monotonic))

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
        host.keys.quarantine(self.charge_key(charge), cause.now.monotonic)
        self._due(charge, cause.now.monotonic + self.settings.reversal.pause_s(0, charge.id))

    def _retry_later(self, charge: Charge, cause: Cause) -> None:
        charge.reversal_in_flight = False
        pause_s = self.settings.reversal.pause_s(charge.attempts, charge.id)
        self._due(charge, cause.now.monotonic + pause_s)

    def _tell_a_person(self, charge: Charge, cause: Cause) -> None:
        """The case stands in the journal, in the metrics and in `isogate cases`."""

    def _due(self, charge: Charge, at: float) -> None:
        charge.due = at
        self.deadlines.watch(charge)

    # Reversals on their way

    def charge_key(self, charge: Charge) -> str:
        """The key under which the host's answer to this charge comes back."""
        host = self.hosts[charge.host]
        return host.convention.key_of(
            charge.mti[1], charge.host_stan, charge.host_de7, charge.terminal, charge.merchant
        )

    def _reversal_key(self, charge: Charge) -> str:
        host = self.hosts[charge.host]
        return host.convention.key_of(
            "4", charge.reversal_stan, charge.reversal_de7, charge.terminal, charge.merchant
        )

    def send_reversal(self, charge: Charge, now: Now) -> None:
        """The next try of a reversal, or a case when it has been tried for too long."""
        limits = self.settings.reversal
        too_old = now.wall - charge.reversal_since > limits.age_max_s
        if too_old or charge.attempts >= limits.attempts_max:
            self.apply(charge, Event.REVERSAL_EXHAUSTED, now, reason=Reason.EXHAUSTED)
            return
        host = self.hosts[charge.host]
        link = host.links.next_link()
        key = self._reversal_key(charge)
        if link is None or not host.keys.is_free_for(key, charge):
            self._due(charge, now.monotonic + HOST_POLL_S)
            return
        try:
            message = host.convention.reversal(charge, host.settings.reversal_mti)
        except BuildError:
            # Whatever made it so, trying again can't help; and the others must not wait for it.
            self.apply(charge, Event.REVERSAL_REFUSED, now, reason=Reason.UNBUILDABLE)
            return
        host.keys.claim(key, charge)
        charge.attempts += 1
        charge.tries = (*charge.tries, (now.monotonic, link))
        charge.reversal_in_flight, charge.reversal_link = True, link
        self._due(charge, now.monotonic + limits.answer_timeout_s)
        self.apply(charge, Event.REVERSAL_SENT, now)
        self.outbox.sends.append(ToHost(link, message, charge, reverses=True))

    def _release_reversal_key(self, charge: Charge, now: Now) -> None:
        if charge.reversal_stan and charge.host in self.hosts:
            self.hosts[charge.host].keys.quarantine(self._reversal_key(charge), now.monotonic)

    def reversal_answered(self, charge: Charge, code: str, now: Now) -> None:
        """The host answered a reversal with DE 39 = `code`.

        All tries look the same, so the answer may be to any that still waits: it counts as the
        oldest's, which knew the least.
        """
        if charge.state is not State.REVERSAL_DUE:
            return
        (tried_at, _), *later = charge.tries or ((now.monotonic, 0),)
        charge.tries = tuple(later)
        links = self.hosts[charge.host].links
        margin = self.settings.reversal.reorder_margin_s
        if charge.link not in links:
            margin = min(margin, CLOSED_LINK_MARGIN_S)
        overtook = tried_at - charge.known_since < margin
        if charge.approval_held:
            overtook = tried_at < charge.approval_held_since
        event = verdict(charge, code, may_have_overtaken=overtook)
        reason = Reason.REFUSED_BY_HOST if event is Event.REVERSAL_REFUSED else None
        self.apply(charge, event, now, reason=reason)

    # Time and restarts

    def deadline(self, charge: Charge, now: Now) -> None:
        """The time of `charge` is over; what that means depends on its state."""
        match charge.state:
            case State.SENT if charge.left:
                reason = Reason.ANSWER_MAC if charge.answer_forged else Reason.NO_ANSWER
                self.apply(charge, Event.NO_ANSWER, now, reason=reason)
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
                self.send_reversal(charge, now)

    def delivered(self, charge: Charge, now: Now) -> None:
        """A proof came that the terminal has its approval."""
        if charge.state is State.APPROVED or charge.state is State.DELIVERY_UNKNOWN:
            is_service = charge.proof == Proof.APPROVAL
            event = Event.DELIVERY_IS_SERVICE if is_service else Event.DELIVERY_PROVEN
            self.apply(charge, event, now)

    def restore(self, charge: Charge, now: Now) -> None:
        """Take over a charge that an earlier life of the gateway left in the journal."""
        self.book.add(charge)
        self._count(charge, now)
        if charge.state in _GIVES_LIMIT_BACK:
            self._count_no_more(charge, now)
        charge.left = True
        charge.known_since = now.monotonic
        if charge.state in OPEN_STATES:
            self.apply(charge, Event.RESTART, now, reason=Reason.RESTART)
            if charge.state is State.REVERSAL_DUE:
                self._due(charge, now.monotonic)
        if charge.kind is Transaction.VOID and self.book.get(charge.original_id):
            self._tell_original(charge, now)
