"""What the actions of the table do: the `charge` table names them, `lifecycle` has them done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing import answers, effects
from routing.book import ChargeBook
from routing.clock import de7
from routing.conventions import CONVENTIONS
from routing.deadlines import Deadlines
from routing.effects import Outbox
from routing.pressure import Pressure
from routing.response_codes import HOST_UNAVAILABLE
from routing.states import Action, Event, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codec import Message
    from routing.cause import Cause
    from routing.charge_record import Charge
    from routing.clock import Now
    from routing.hosts import Host
    from routing.settings import Settings
    from routing.translation import Translator

_APPROVED = State.APPROVED
_RELAY_ANSWER = Action.RELAY_ANSWER


class Actions:
    """The actions, and what they need of the gateway: its charges, hosts, deadlines, effects."""

    def __init__(
        self,
        settings: Settings,
        hosts: dict[str, Host],
        translators: Mapping[tuple[str, str], Translator],
    ) -> None:
        self.settings = settings
        self.hosts = hosts
        self.translators = translators
        self.book = ChargeBook(ended_max=settings.ended_max)
        self.deadlines = Deadlines()
        self.outbox = Outbox()
        self.pressure = Pressure()
        self._others: Mapping[Action, Callable[[Charge, Cause], None]] = {
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

    def takes(self, conn: int) -> bool:
        """Whether one more message that brings money to its end is taken; always, while there is
        room: see `pressure`.
        """
        if not self.pressure.is_full:
            return True
        each_max = self.settings.in_flight_per_connection_max
        return self.pressure.takes(conn, self.outbox.size(), each_max)

    def _carry_out(self, action: Action, charge: Charge, cause: Cause) -> None:
        # What nearly every charge needs and nothing else does, C calls itself.
        if action is _RELAY_ANSWER:
            self._relay_answer(charge, cause.reply, cause.now)
        else:
            self._others[action](charge, cause)

    def _relay_answer(self, charge: Charge, reply: Message | None, now: Now) -> None:
        request = charge.request
        if reply is None or request is None:
            return
        answer = answers.for_terminal(request, reply, self.translators, now)
        answers.remember(charge, answer, request)
        line = charge.line
        if line is not None:
            charge.handed = False
            watched = charge if charge.state is _APPROVED else None
            self.outbox.sends.append(effects.to_terminal(line.conn, answer, watched))

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
            self.outbox.express.append(effects.to_terminal(charge.conn, answer))

    def _answer_again(self, charge: Charge, cause: Cause) -> None:
        if cause.asker is None:
            return
        charge.repeats_answered += 1
        # A first try that was slow on a connection which its terminal has left since.
        overtaken = cause.asker.conn < charge.conn
        if charge.state is State.APPROVED and not overtaken:
            # On the same connection an earlier copy may have crossed this repeat, and be served.
            charge.handed = charge.handed and charge.conn == cause.asker.conn
            self.book.join_line(charge, cause.asker.line)
        watched = charge if charge.state is State.APPROVED else None
        request = cause.asker.request
        answer = answers.came_late(charge, request, cause.now) or answers.again(charge, request)
        send = effects.to_terminal(cause.asker.conn, answer, watched)
        if watched is None and charge.approval_held:
            send.says_again = charge
        self.outbox.sends.append(send)

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
        self.outbox.sends.append(effects.to_terminal(cause.asker.conn, answer))

    def _open_window(self, charge: Charge, cause: Cause) -> None:
        self.wake(charge, cause.now.monotonic + charge.window_s)

    def _hold_for_proof(self, charge: Charge, cause: Cause) -> None:
        """Hold for a proof.  An answer that is lost again restarts this clock once, not more; a
        restart of the gateway always does, because nobody could bring a proof while it was away.
        """
        charge.maybe_told = True
        if cause.event is Event.RESTART or charge.proof_restarts <= 1:
            charge.proof_restarts += cause.event is not Event.RESTART
            until = cause.now.monotonic + self.settings.service.delivery_proof_s
            charge.in_trouble().proof_until = until
        self.wake(charge, max(charge.trouble.proof_until, cause.now.monotonic))

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
        charge.in_trouble().reversal_in_flight = False
        pause_s = self.settings.reversal.pause_s(charge.attempts, charge.id)
        self.wake(charge, cause.now.monotonic + pause_s)

    def _tell_a_person(self, charge: Charge, cause: Cause) -> None:
        """The case stands in the journal, in the metrics and in `isogate cases`."""

    def wake(self, charge: Charge, at: float) -> None:
        """Look at `charge` again at the monotonic time `at`."""
        if charge.due is not None:
            self.deadlines.leave(charge.due)
        charge.due = self.deadlines.watch(charge, at)

    def rest(self, charge: Charge) -> None:
        """Nothing is due for `charge` any more."""
        if charge.due is not None:
            self.deadlines.leave(charge.due)
            charge.due = None
