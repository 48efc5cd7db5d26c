"""The terminals of the street: real POS rules, cash registers that crash, and their own books.

What to send and what an answer means is decided by `gateway.simulators.terminal_rules`; here are
connections, clocks and mishaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from codec import FrameError, Message, mac
from codec.framing import Framer, frame
from gateway.simulators.terminal_management import MANAGEMENT, Who
from gateway.simulators.terminal_plan import REASONS, Plan, Service
from gateway.simulators.terminal_rules import Kind, Sale
from gateway.simulators.terminal_session import Session
from gateway.simulators.terminal_speech import SPEECHES, SaleFacts
from routing.response_codes import APPROVALS
from tests.simulation.street import PROOF_S, UNACKNOWLEDGED_S

if TYPE_CHECKING:
    import random

    from codec import MacKey
    from tests.simulation.agenda import Agenda
    from tests.simulation.checkers import Checkers
    from tests.simulation.street import Line
    from tests.simulation.wires import End

ANSWER_TIMEOUT_S: Final = 14.0
"""How long a terminal waits before it repeats or reverses."""
SOON_S: Final = 2.0
"""After a lost connection the next sale begins within this time: it proves the last delivery."""
_RECONNECT_S: Final = (0.2, 1.5)
_SERVICE_S: Final = (0.1, 0.3, 0.5, 1.0, 2.0, 4.0, 6.0, 17.0)
"""How long a service may take; the longest is longer than the merchants' window."""
_DIES_AFTER_S: Final = (0.0, 0.01, 0.03, 0.1, 0.5, 2.0, 20.0)
_LEAVES_AFTER_S: Final = (0.0, 0.02, 0.2, 1.0)
_STANS: Final = 999_999
_REPLACED_STANS: Final = 70_000
_REPLACED_AMOUNTS: Final = 1_000_000
"""A terminal in another's place counts from elsewhere: nothing of it follows on any before it."""
_FRAME_MAX: Final = 4_096
_NETWORK_CLASS: Final = "8"
_BAD_MAC: Final = "A0"
_MAC: Final = 64
_BARRED: Final = frozenset({"03", "58", "97"})
_ANSWERS: Final = "13"
_DECIDED_AFTER_S: Final = PROOF_S + UNACKNOWLEDGED_S + 1.0
"""So long after an approval was heard the gateway has found it proven, or has reversed it."""
_TAKES_NOTHING: Final = frozenset({"91", "96"})
"""A gateway in trouble may forget that the sale was asked for, and with it what that proved."""


@dataclass(frozen=True, slots=True)
class Habits:
    """Shares of sales in which a terminal or its clerk misbehaves."""

    hangs_up: float = 0.0
    crashes: float = 0.0
    crashes_unread: float = 0.0
    """Its TCP has the answer, and nobody will read it."""
    dies: float = 0.0
    """Its power goes for good, before or after the answer, before or after the service."""
    half_closes: float = 0.0
    vanishes_for_good: float = 0.0
    service_fails: float = 0.0
    never_confirms: float = 0.0
    asks_again: float = 0.0
    voids: float = 0.0
    garbage: float = 0.0
    changes_keys: float = 0.0
    """Signs in again before a sale, where terminals sign in."""
    leaves_sign_ins: float = 0.0
    """Hangs up before such a sign-in is answered, and goes on with the keys that it has."""


@dataclass(slots=True)
class BookLine:
    """One sale in the terminal's book."""

    facts: SaleFacts
    sale: Sale
    reached: bool = False
    """An approval of it came as far as this machine's TCP, read or not."""
    asked_back: bool = False
    """A reversal of it, or the word that it was not served, was sent; or it is a test, which the
    gateway takes back by itself.
    """
    said_served: bool = False
    """The word that it was served was sent."""
    orphaned: bool = False
    """Its terminal was gone for good before it could settle or prove it."""


class Terminal:
    """One terminal: at most one sale at a time, at most one connection."""

    def __init__(
        self,
        line: Line,
        number_and_place: tuple[int, int],
        agenda: Agenda,
        rng: random.Random,
        checkers: Checkers,
        habits: Habits,
        replaced: Terminal | None = None,
    ) -> None:
        self.number, self.place = number_and_place
        """Its number in the street; how many before it had that number."""
        self.name = f"T{self.number:07d}"
        self.merchant = line.merchant
        self.confirms = line.confirms
        self.line = line
        self.listener = line.listener
        self.pan = line.pan_prefix + f"{self.number:04d}" + f"{rng.randrange(10**6):06d}"
        self._agenda, self._rng, self._checkers, self._habits = agenda, rng, checkers, habits
        self._speech = SPEECHES[line.dialect]
        self._key: MacKey | None = line.key
        self._session = Session(line.keyed) if line.keyed is not None else None
        self._signing = False
        """What it waits for is the answer to a sign-in."""
        self._key_refused = False
        """A0 came, or an answer without a MAC."""
        self._lost_key = False
        """And the key was good before: only one that was revoked is refused then."""
        self._changed_for: BookLine | None = None
        """The last sale before which it thought of changing its keys."""
        self._stan = rng.randrange(1, _STANS)
        self._amount = rng.randrange(100, 10_000)
        self.in_workshop = False
        """It sells nothing; see `make_tests`."""
        self._test_due = False
        """Its next sale is a test, and something is to be said before it."""
        if replaced is not None:
            self.in_workshop = replaced.in_workshop
            self._stan = (replaced._stan + _REPLACED_STANS) % _STANS
            self._amount = replaced._amount + _REPLACED_AMOUNTS
        self._end: End | None = None
        self._framer = Framer(_FRAME_MAX)
        self._asked: list[Message] = []
        """Requests on this connection without an answer yet."""
        self._waiting: Message | None = None
        self._turn = 0
        """Counts what was begun; a timer of an earlier turn means nothing."""
        self._messages: dict[Kind, Message] = {}
        self._mishap = ""
        self._unproven = False
        self._ended_at = 0.0
        self.open = True
        self._last_sale_due = False
        """Begins new sales."""
        self.gone = False
        self._off = False
        self._crashes_unread = False
        self.book: list[BookLine] = []
        self._pause_s = line.pause_s

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do."""
        last = self.book[-1] if self.book else None
        return self.gone or (
            (last is None or last.sale.ended)
            and not (self._unproven and (self._end is None or self._last_sale_due))
        )

    def calm(self) -> None:
        """No more mishaps."""
        self._habits, self._mishap = Habits(), ""

    def close_shop(self) -> None:
        """Begin no new sale, but for one that proves the last delivery: nobody can know whether a
        connection that is silent still has somebody at its other end.
        """
        self.open, self._last_sale_due = False, True
        if self._unproven and self.book[-1].sale.ended:
            self._next_sale_later()

    def begin(self) -> None:
        """Open the shop."""
        self._later(self._rng.uniform(0.0, self._pause_s), self._new_sale)

    def _later(self, seconds: float, call: object, *arguments: object) -> None:
        self._turn += 1
        self._agenda.after(seconds, self._if_still, self._turn, call, arguments)

    def _if_still(self, turn: int, call: object, arguments: tuple[object, ...]) -> None:
        if turn == self._turn and not self.gone and not self._off:
            call(*arguments)  # type: ignore[operator]

    # The workshop

    def make_tests(self) -> None:
        """Sign in, echo, and make a sale that nobody is served for, as soon as that may be."""
        if self.gone or self._off or not self.settled or self._test_due or not self.open:
            return
        self._test_due = True
        if self._session is not None:
            self._session.due = True
        self._later(self._rng.uniform(0.1, 1.0), self._new_sale)

    def leave_workshop(self) -> None:
        """Back to the counter."""
        self.in_workshop = self._test_due = False
        if self.settled and not self.gone and not self._off:
            self._next_sale_later()

    def _says_beside(self, session: Session | None) -> None:
        """The part of its tests that has no MAC; with working keys it has just signed in."""
        self._test_due = False
        speech = MANAGEMENT[self.line.dialect]
        batch = self.line.batch if session is None else session.batch

        def who() -> Who:
            return Who(self.merchant, self.name, batch, self._next_stan(), self._today())

        pos = self.line.dialect == "unionpay-pos"
        echo = ("0820", {60: "301"}) if pos else ("0800", {70: "301"})
        said = [speech.worded(who(), *echo)]
        if session is None:
            said.insert(0, speech.sign_in(who(), "001"))
        assert self._end is not None
        for each in said:
            self._asked.append(each)
            self._end.send(frame(each.raw))

    # A sale

    def _new_sale(self) -> None:
        proves = self._unproven and (self._end is None or self._last_sale_due)
        if not self.open and not proves:
            return
        if self.in_workshop and not (proves or self._test_due):
            return
        if not self.open:
            self._last_sale_due = False
        facts = SaleFacts(
            merchant=self.merchant,
            terminal=self.name,
            stan=self._next_stan(),
            batch=self.line.batch,
            amount=self._next_amount(),
            pan=self.pan,
            at=self._today(),
        )
        line = BookLine(facts, Sale(self._plan(), self.confirms))
        line.asked_back = self.in_workshop
        self.book.append(line)
        self._messages.clear()
        self._mishap = self._draw_mishap()
        self._step()

    def _plan(self) -> Plan:
        rng, habits = self._rng, self._habits
        service = Service.SERVES
        if rng.random() < habits.service_fails or self.in_workshop:
            service = Service.FAILS
        elif self.confirms and rng.random() < habits.never_confirms:
            service = Service.NEVER_CONFIRMS
        return Plan(
            vanishes_for_good=rng.random() < habits.vanishes_for_good,
            reverses=rng.random() < 0.5,
            service=service,
            reason=rng.choice(REASONS),
            voids=rng.random() < habits.voids and not self.in_workshop,
            asks_again=rng.random() < habits.asks_again,
        )

    def _draw_mishap(self) -> str:
        drawn = self._rng.random()
        for name in ("hangs_up", "crashes", "crashes_unread", "dies", "half_closes", "garbage"):
            drawn -= getattr(self._habits, name)
            if drawn < 0:
                return name
        return ""

    def _step(self) -> None:
        """Send what is due, over a connection that is made if there is none."""
        if self._end is None and not self._connect():
            self._later(self._rng.uniform(*_RECONNECT_S), self._step)
            return
        line = self.book[-1]
        if self._session is not None and self._signs_in_first(self._session, line):
            self._sign_in(self._session)
            return
        if self._test_due:
            self._says_beside(self._session)
        due = line.sale.due
        if due.kind not in self._messages:
            self._messages[due.kind] = self._prepare(due.kind, line)
        first = self._messages[due.kind]
        message = self._speech.again(first) if due.repeat else first
        line.asked_back |= due.kind in (Kind.REVERSAL, Kind.VOID)
        if due.kind is Kind.CONFIRMATION:
            line.asked_back |= bool(line.sale.failure)
            line.said_served |= not line.sale.failure
        line.sale.sent()
        again = " again" if due.repeat else ""
        facts = line.facts
        self._checkers.note("asks", self.name, facts.stan, due.kind, again, facts.amount)
        self._send(message)
        self._later(ANSWER_TIMEOUT_S, self._lose, "timeout")
        if due.kind is Kind.VOID and not due.repeat:
            self._mishap = self._draw_mishap()
        if due.kind in (Kind.SALE, Kind.VOID) and not due.repeat:
            self._have_mishap(line)

    def _signs_in_first(self, session: Session, line: BookLine) -> bool:
        if session.due:
            return True
        if not session.used or self._changed_for is line or line.sale.due != (Kind.SALE, False):
            return False
        self._changed_for = line
        return self._rng.random() < self._habits.changes_keys

    def _sign_in(self, session: Session) -> None:
        who = Who(self.merchant, self.name, session.batch, self._next_stan(), self._today())
        self._checkers.note("signs in", self.name)
        self._signing = True
        self._send(session.sign_in(who))
        leaves = not session.due and self._rng.random() < self._habits.leaves_sign_ins
        waits_s = self._rng.choice(_LEAVES_AFTER_S) if leaves else ANSWER_TIMEOUT_S
        self._later(waits_s, self._lose, "timeout")

    def _signed_in(self, session: Session, answer: Message) -> None:
        self._waiting, self._signing = None, False
        if session.answered(answer):
            self._key = session.key
        self._checkers.note("signed in", self.name, answer[39])
        line, was_refused, was_in_use = self.book[-1], self._key_refused, self._lost_key
        self._key_refused = self._lost_key = False
        if answer[39] not in _BARRED:
            till = f"{self.merchant}|{self.name}"
            if was_in_use and till not in self._checkers.revoked:
                self._checkers.violated(6, f"{self.name} was told A0 under a key that it uses")
            self._later(1.0 if session.due else 0.01, self._step)
        elif line.sale.due == (Kind.SALE, False):
            line.sale.answered(answer[39])
            self._go_on(line, Kind.SALE)
        elif was_refused:
            # Out of service, and its keys were revoked: nothing more is heard of it.
            self._hang_up()
            self._be_gone()
        else:
            # What speaks of an earlier charge needs no sign-in.
            session.due = False
            self._later(1.0, self._step)

    def _sign_in_again(self, session: Session, asked: Message) -> None:
        """A0 settles nothing, and nobody knows who says it: sign in, and ask again."""
        self._key_refused = True
        self._lost_key |= session.used
        session.due = True
        if asked is self._waiting:
            self._waiting = None
            line = self.book[-1]
            line.sale.unanswered()
            self._go_on_after_loss(line)

    def _send(self, message: Message) -> None:
        self._waiting = message
        self._asked.append(message)
        if self._key is not None and message.mti[1] != _NETWORK_CLASS:
            message = message.copy()
            mac.sign(message, self._key)
        assert self._end is not None
        self._end.send(frame(message.raw))

    def _have_mishap(self, line: BookLine) -> None:
        mishap, self._mishap = self._mishap, ""
        if line.sale.plan.vanishes_for_good:
            self._hang_up()
            line.sale.unanswered()
            self._be_gone()
        elif mishap == "hangs_up":
            self._later(self._rng.choice((0.0, 0.01, 0.05, 2.0)), self._lose, "hangs up")
        elif mishap == "crashes":
            self._later(self._rng.choice((0.0, 0.02, 0.05, 0.1)), self.crash)
        elif mishap == "crashes_unread":
            self._crashes_unread = True
        elif mishap == "dies":
            self._agenda.after(self._rng.choice(_DIES_AFTER_S), self._die)
        elif mishap == "half_closes" and self._end is not None:
            self._end.end_sending()
        elif mishap == "garbage" and self._end is not None:
            self._end.send(self._rng.randbytes(self._rng.randint(1, 60)))

    def _prepare(self, kind: Kind, line: BookLine) -> Message:
        now = self._today()
        match kind:
            case Kind.SALE:
                return self._speech.sale(line.facts)
            case Kind.REVERSAL:
                return self._speech.reversal(line.facts, self._next_stan(), now)
            case Kind.CONFIRMATION:
                sale = line.sale
                return self._speech.confirmation(line.facts, self._next_stan(), now, sale.failure)
            case Kind.VOID:
                return self._speech.void(line.facts, self._next_stan(), now)
            case Kind.VOID_REVERSAL:
                void = self._messages[Kind.VOID]
                return self._speech.void_reversal(void, self._next_stan(), now)

    # What comes back (Owner)

    def readable(self, end: End) -> None:
        """Bytes wait; the application looks a moment later."""
        if self._crashes_unread and end is self._end:
            self.crash()
            return
        self._agenda.after(self._rng.choice((0.0, 0.0, 0.001, 0.03)), self._read, end)

    def _read(self, end: End) -> None:
        if end is not self._end or self._off:
            return
        data = bytes(end.received)
        end.received.clear()
        try:
            frames = self._framer.feed(data)
        except FrameError:
            self._checkers.violated(6, f"{self.name} got bytes that are no frame")
            return
        for each in frames:
            self._heard(Message(each, self._speech.dialect))
        if end.ended and end is self._end:
            self._lose("gateway hung up")

    def _heard(self, answer: Message) -> None:
        asked = next((each for each in self._asked if _answers(answer, each)), None)
        if asked is None:
            self._checkers.unasked(self, answer)
            return
        self._asked.remove(asked)
        if asked.mti[1] == _NETWORK_CLASS:
            if self._session is not None and asked is self._waiting:
                self._signed_in(self._session, answer)
            return
        if self._session is not None and answer.get(39) == _BAD_MAC:
            self._sign_in_again(self._session, asked)
            return
        if self._session is not None and self._key is not None and not answer.has(_MAC):
            self._sign_in_again(self._session, asked)
            return
        if self._key is not None and not mac.verify(answer, self._key):
            self._checkers.violated(6, f"{self.name} got a wrong MAC")
            return
        if self._session is not None:
            self._session.used = True
        if self._waiting is None or asked is not self._waiting:
            return
        self._waiting = None
        line = self.book[-1]
        kind = line.sale.due.kind
        self._checkers.told(self, line, kind, answer)
        line.reached |= kind is Kind.SALE and answer[39] in APPROVALS
        if kind in (Kind.SALE, Kind.VOID) and answer[39] not in _TAKES_NOTHING:
            self._unproven = False
        line.sale.answered(answer[39], answer.get(37, ""))
        self._go_on(line, kind)

    def _go_on(self, line: BookLine, before: Kind) -> None:
        if line.sale.ended:
            self._ended(line)
            return
        due = line.sale.due
        takes_a_while = due.kind in (Kind.CONFIRMATION, Kind.VOID)
        pause_s = self._rng.choice(_SERVICE_S) if takes_a_while else 0.01
        if due == (before, True):
            pause_s = 1.0
        self._later(pause_s, self._step)

    def _ended(self, line: BookLine) -> None:
        self._waiting, self._ended_at = None, self._agenda.now
        if self._session is not None:
            self._session.sold(line.sale, line.facts.stan, line.facts.amount)
        if line.sale.served:
            self._checkers.note("serves", self.name, line.facts.stan)
        self._unproven |= line.sale.voided or (line.sale.served and not self.confirms)
        self._next_sale_later()

    def _next_sale_later(self) -> None:
        pause_s = self._pause_s * self._rng.uniform(0.5, 1.5)
        if self._unproven and self._end is None:
            pause_s = self._rng.uniform(0.0, SOON_S)
        self._later(pause_s, self._new_sale)

    def cut(self, end: End) -> None:
        """The connection was reset."""
        if end is self._end:
            self._lose("reset")

    def _lose(self, why: str) -> None:
        """No answer in time, or no connection any more."""
        del why
        self._hang_up()
        line = self.book[-1] if self.book else None
        if line is None or line.sale.ended:
            # The gateway ends connections that idle: in a closed shop a sale that proves the last
            # one would need another in its turn, for ever.
            is_decided = self._agenda.now - self._ended_at > _DECIDED_AFTER_S
            self._unproven &= self.open or not is_decided
            self._next_sale_later()
            return
        if self._waiting is not None:
            self._waiting = None
            if not self._signing:
                line.sale.unanswered()
        self._signing = False
        self._go_on_after_loss(line)

    def _go_on_after_loss(self, line: BookLine) -> None:
        if line.sale.ended:
            self._ended(line)
        else:
            self._later(self._rng.uniform(*_RECONNECT_S), self._step)

    # Connections and crashes

    def _connect(self) -> bool:
        end = self.line.dial(self)
        if end is None:
            return False
        self._end = end
        self._framer = Framer(_FRAME_MAX)
        self._asked.clear()
        return True

    def _hang_up(self) -> None:
        end, self._end = self._end, None
        if end is not None and end.open:
            end.close()

    def crash(self) -> None:
        """Power off, now; the sale in its store survives, what was unread does not."""
        if self._off or self.gone:
            return
        end, self._end = self._end, None
        self._off, self._crashes_unread = True, False
        if self.book:
            self._checkers.note("crashes", self.name, self.book[-1].facts.stan)
        self._turn += 1
        if end is not None:
            self._leave_unread(end)
            end.vanish()
        self._agenda.after(self._rng.uniform(1.0, 8.0), self._boot, end)

    def _boot(self, end: End | None) -> None:
        if self.gone:
            return
        self._off = False
        if end is not None:
            end.wire.wake_dead_end()
        self._lose("crash")

    def _die(self) -> None:
        """Power off, for good."""
        if self.gone or not self._habits.dies:
            return
        end, self._end = self._end, None
        if end is not None:
            self._leave_unread(end)
            end.vanish()
        self._be_gone()

    def _be_gone(self) -> None:
        """Whatever was not settled or proven by now never will be."""
        self.gone = True
        self._turn += 1
        self.book[-1].orphaned = True
        if self._unproven:
            served = next(line for line in reversed(self.book) if line.sale.served)
            served.orphaned = True
        self._checkers.note("gone", self.name, self.book[-1].facts.stan)
        self.line.gone(self)

    def _leave_unread(self, end: End) -> None:
        """The machine stops: is there an approval that its TCP has and nobody read?"""
        if self._signing or self._waiting is None:
            return
        if self.book[-1].sale.due.kind is not Kind.SALE:
            return
        try:
            unread = self._framer.feed(bytes(end.received))
        except FrameError:
            return
        answers = (Message(each, self._speech.dialect) for each in unread)
        self.book[-1].reached |= any(
            _answers(each, self._waiting) and each.get(39) in APPROVALS for each in answers
        )

    # Numbers

    def _next_stan(self) -> str:
        self._stan = self._stan % _STANS + 1
        return f"{self._stan:06d}"

    def _next_amount(self) -> int:
        self._amount += self._rng.randint(1, 50)
        return self._amount

    def _today(self) -> datetime:
        return datetime.fromtimestamp(self.line.wall_at_start + self._agenda.now, UTC)


def _answers(answer: Message, request: Message) -> bool:
    """Whether `answer` is one to `request`, as a terminal tells."""
    return (
        answer.mti[2] in _ANSWERS
        and answer.mti[1] == request.mti[1]
        and answer.get(11) == request[11]
        and answer.get(41, request[41]) == request[41]
    )
