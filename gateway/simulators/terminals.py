"""Simulated terminals as a program: connections, time, and a book line for every sale.

What a terminal has to do is decided in `terminal_rules`, what goes wrong in `terminal_plan`.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import trio

from gateway.keys.files import read_secret
from gateway.simulators.book import Book
from gateway.simulators.chance import draw
from gateway.simulators.garbage import send_garbage
from gateway.simulators.line import Line, LineLostError, mac_key
from gateway.simulators.terminal_management import Who
from gateway.simulators.terminal_plan import planned
from gateway.simulators.terminal_rules import Kind, Sale
from gateway.simulators.terminal_session import Keyed, Session
from gateway.simulators.terminal_speech import SPEECHES, SaleFacts

if TYPE_CHECKING:
    from codec import MacKey, Message
    from gateway.simulators.terminal_options import TerminalOptions

RECONNECT_FIRST_S: Final = 0.05
RECONNECT_MAX_S: Final = 0.5
CONNECT_TIMEOUT_S: Final = 2.0
AWAY_S: Final = (0.1, 1.2)
"""How long a terminal that vanished stays away, at least and at most."""
SERVICE_S: Final = (0.05, 0.5)
"""How long a service takes before it is confirmed."""
NOT_NOW_PAUSE_S: Final = 0.5
"""Pause before asking again what was answered with "not now", or was not answered."""
NEXT_SALE_SOON_S: Final = 2.0
"""After a lost connection the next sale proves the last delivery; it begins within this time."""
QUIET_S: Final = 2.5
"""How long a connection stays open and quiet after an approval, before it is closed for good."""
_STANS: Final = 999_999
_BATCHES: Final = 1_000_000
_CENTS: Final = (100, 9_999)
_BIN: Final = "622999"
_BAD_MAC: Final = "A0"
_SIGN_IN: Final = {"unionpay-pos": "003", "iso87-ascii": "001"}


class Fleet:
    """What the terminals of one run share."""

    def __init__(self, options: TerminalOptions, book: Book) -> None:
        self.options = options
        self.book = book
        self.speech = SPEECHES[options.dialect]
        self.keyed = _keyed(options)
        self.key: MacKey | None = None
        if self.keyed is None:
            self.key = mac_key(options.mac_algorithm, Path(options.mac_key_file))
        self.batch = f"{int(time.time()) % _BATCHES:06d}"
        """A new run is a new batch: no sale of it is taken for one of an earlier run."""
        self.ends: Counter[str] = Counter()
        self.traffic_until = trio.current_time() + options.seconds

    async def run(self) -> None:
        """All terminals, until each has settled its sales or the time for that is over."""
        first, count = self.options.first, self.options.count
        deadline = self.traffic_until + self.options.settle_s
        with trio.move_on_at(deadline):
            async with trio.open_nursery() as nursery:
                for number in range(first, first + count):
                    nursery.start_soon(Terminal(self, number).run)


class Terminal:
    """One terminal: at most one sale at a time, at most one connection."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        self._fleet = fleet
        self._options = fleet.options
        self._name = f"{number:08d}" if fleet.options.terminals_are_numbers else f"T{number:07d}"
        self._session = Session(fleet.keyed) if fleet.keyed is not None else None
        seed = f"{self._options.seed}|{self._options.merchant}|{number}"
        self._facts_rng = random.Random(seed)  # noqa: S311 - a simulation
        """For what is sold: the same from run to run, so that a sale meets the same faults."""
        self._rng = random.Random(seed + "|time")  # noqa: S311 - a simulation
        """For pauses: how often it is asked depends on what happens."""
        self._stan = self._facts_rng.randrange(1, _STANS)
        self._amounts: set[int] = set()
        self._line: Line | None = None
        self._gone = False
        self._next_at = trio.current_time() + self._rng.random() * self._gap_s
        self._unproven = False
        """Served at approval, and the gateway may not know yet that the answer arrived."""
        self._proof_due = False
        """The connection was lost meanwhile: only a next sale can prove it."""
        self._quiet_until = 0.0

    @property
    def _gap_s(self) -> float:
        """Mean time between two sales of one terminal."""
        return self._options.count / self._options.rate

    async def run(self) -> None:
        """Sell until the traffic is over and nothing is left to settle."""
        try:
            while not self._gone and await self._next_sale_is_due():
                await self._sell()
            if self._session is not None and self._options.settles and not self._gone:
                await self._close_batch(self._session)
        finally:
            await self._hang_up()

    # Between sales

    async def _next_sale_is_due(self) -> bool:
        """Wait for the time of the next sale; False if there is none, and nothing to wait for."""
        while True:
            sells = self._proof_due or self._next_at < self._fleet.traffic_until
            if await self._idle(self._next_at if sells else self._quiet_until):
                now = trio.current_time()
                self._next_at += self._gap_s * (0.5 + self._rng.random())
                self._next_at = max(self._next_at, now)
                return sells

    async def _idle(self, until: float) -> bool:
        """Wait, with an eye on the connection; False if it was lost meanwhile."""
        if self._line is None:
            await trio.sleep_until(until)
            return True
        with trio.move_on_at(until):
            try:
                while True:
                    await self._line.receive()
            except LineLostError:
                await self._lose_line()
                return False
        return True

    async def _lose_line(self) -> None:
        await self._hang_up()
        if self._unproven:
            self._prove_soon()

    def _prove_soon(self) -> None:
        self._proof_due = True
        soon = trio.current_time() + self._rng.random() * NEXT_SALE_SOON_S
        self._next_at = min(self._next_at, soon)

    async def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.aclose()

    # One sale

    async def _sell(self) -> None:
        if self._session is not None and self._session.due:
            await self._sign_in(self._session)
        facts = self._new_facts()
        name = (facts.merchant, facts.terminal, facts.amount)
        options = self._options
        plan = planned(
            options.misbehaviour, confirms=options.confirms, seed=options.seed, sale=name
        )
        if plan.garbage:
            await send_garbage(options.host, options.port, f"{options.seed}|{name}")
        sale = Sale(plan, options.confirms)
        sent = False
        messages: dict[Kind, Message] = {}
        try:
            while not sale.ended:
                sent |= await self._step(sale, facts, messages)
        finally:
            self._fleet.ends[sale.how] += 1
            self._fleet.book.write(_book_line(sale, facts, sent=sent))
            if self._session is not None:
                self._session.sold(sale, facts.stan, facts.amount)
        if sale.served and not options.confirms:
            self._unproven = True
            self._quiet_until = trio.current_time() + QUIET_S
            if self._line is None:
                self._prove_soon()

    async def _step(self, sale: Sale, facts: SaleFacts, messages: dict[Kind, Message]) -> bool:
        """Send what is due and take in what comes back; whether anything was sent."""
        due = sale.due
        if due.kind not in messages:
            messages[due.kind] = await self._prepare(due.kind, sale, facts, messages)
        first = messages[due.kind]
        message = self._fleet.speech.again(first) if due.repeat else first
        line = await self._connected()
        sent = False
        try:
            await line.send(message)
            sent = True
            sale.sent()
            if due == (Kind.SALE, False) and sale.plan.vanishes:
                await self._vanish(sale)
            answer = await self._answer_to(message, line)
        except (LineLostError, trio.TooSlowError):
            await self._lose_line()
            sale.unanswered()
            self._gone |= sale.ended and sale.plan.vanishes_for_good and sale.told is None
        else:
            if self._session is not None and answer[39] == _BAD_MAC:
                # It settles nothing, and nobody knows who says it.
                self._session.due = True
                await self._sign_in(self._session)
                sale.unanswered()
                return sent
            if due.kind is Kind.SALE:
                self._unproven = self._proof_due = False
                self._quiet_until = 0.0
            sale.answered(answer[39], answer.get(37, ""))
            if not sale.ended and sale.due == (due.kind, True):
                await trio.sleep(NOT_NOW_PAUSE_S)
        return sent

    # Signing in and off

    async def _sign_in(self, session: Session) -> None:
        """Until it has its keys, for as long as it takes."""
        while session.due:
            answer = await self._managed(session.sign_in(self._who(session)))
            if not session.answered(answer):
                self._fleet.ends[f"sign-in told {answer[39]}"] += 1
                await trio.sleep(NOT_NOW_PAUSE_S)
        if self._line is not None:
            self._line.key = session.key

    async def _close_batch(self, session: Session) -> None:
        """Settle, upload if need be, sign off."""
        if session.due:
            return
        speech, held = session.speech, session.held
        answer = await self._managed(speech.totals(self._who(session), held))
        balanced = speech.balanced(answer)
        if not balanced:
            for mti, fields in speech.upload(held):
                await self._managed(speech.worded(self._who(session), mti, fields))
        self._fleet.ends["batches that balanced" if balanced else "batches uploaded"] += 1
        await self._managed(speech.sign_off(self._who(session)))

    def _who(self, session: Session) -> Who:
        merchant, now = self._options.merchant, datetime.now(UTC)
        return Who(merchant, self._name, session.batch, self._next_stan(), now)

    async def _managed(self, message: Message) -> Message:
        """Ask until there is an answer."""
        while True:
            line = await self._connected()
            try:
                await line.send(message)
                return await self._answer_to(message, line)
            except (LineLostError, trio.TooSlowError):
                await self._lose_line()

    async def _prepare(
        self, kind: Kind, sale: Sale, facts: SaleFacts, sent: dict[Kind, Message]
    ) -> Message:
        speech, now = self._fleet.speech, datetime.now(UTC)
        match kind:
            case Kind.SALE:
                return speech.sale(facts)
            case Kind.REVERSAL:
                return speech.reversal(facts, self._next_stan(), now)
            case Kind.CONFIRMATION:
                await trio.sleep(self._rng.uniform(*SERVICE_S))
                return speech.confirmation(facts, self._next_stan(), now, sale.failure)
            case Kind.VOID:
                return speech.void(facts, self._next_stan(), now)
            case Kind.VOID_REVERSAL:
                return speech.void_reversal(sent[Kind.VOID], self._next_stan(), now)

    async def _vanish(self, sale: Sale) -> None:
        await self._hang_up()
        if not sale.plan.vanishes_for_good:
            await trio.sleep(self._rng.uniform(*AWAY_S))
        raise LineLostError

    async def _answer_to(self, message: Message, line: Line) -> Message:
        """The answer, whatever else comes first.  Raises LineLostError or trio.TooSlowError."""
        with trio.fail_after(self._options.timeout_s):
            while True:
                heard = await line.receive()
                answer = heard.message
                same = answer.get(11) == message[11] and answer.mti[1] == message.mti[1]
                told = same and answer.mti[2] in "13" and answer.has(39)
                # Who has no key of ours can't sign A0 with one.
                keyless = self._session is not None and answer.get(39) == _BAD_MAC
                if told and (heard.mac_good or keyless):
                    return answer

    async def _connected(self) -> Line:
        """The connection; made anew, for as long as it takes, if there is none."""
        pause_s = RECONNECT_FIRST_S
        while self._line is None:
            try:
                with trio.fail_after(CONNECT_TIMEOUT_S):
                    stream = await trio.open_tcp_stream(self._options.host, self._options.port)
                key = self._fleet.key if self._session is None else self._session.key
                self._line = Line(stream, self._fleet.speech.dialect, key)
            except (OSError, trio.TooSlowError):
                await trio.sleep(pause_s * self._rng.uniform(0.5, 1.0))
                pause_s = min(pause_s * 2, RECONNECT_MAX_S)
        return self._line

    # Numbers

    def _new_facts(self) -> SaleFacts:
        return SaleFacts(
            merchant=self._options.merchant,
            terminal=self._name,
            stan=self._next_stan(),
            batch=self._fleet.batch if self._session is None else self._session.batch,
            amount=self._new_amount(),
            pan=card_number(self._options.seed, self._facts_rng.randrange(10_000)),
            at=datetime.now(UTC),
        )

    def _next_stan(self) -> str:
        self._stan = self._stan % _STANS + 1
        return f"{self._stan:06d}"

    def _new_amount(self) -> int:
        """An amount that this terminal never had before: it names the sale in every book."""
        low, high = _CENTS
        while True:
            amount = self._facts_rng.randint(low, high + 100 * len(self._amounts))
            if amount not in self._amounts:
                self._amounts.add(amount)
                return amount


def _keyed(options: TerminalOptions) -> Keyed | None:
    """The keys of terminals that sign in.  Raises OSError or ValueError."""
    if not options.tmk_file:
        return None
    if options.mac_algorithm == "none":
        message = "terminals with a TMK need an algorithm for their MACs"
        raise ValueError(message)
    code = options.sign_in_code or _SIGN_IN[options.dialect]
    master = read_secret(Path(options.tmk_file))
    return Keyed(options.dialect, options.mac_algorithm, master, code)


def card_number(seed: int, number: int) -> str:
    """A card number that passes the Luhn check and belongs to nobody."""
    body = f"{_BIN}{int(draw(seed, 'card', number) * 10**9):09d}"
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in body[::-2])
    plain = sum(int(digit) for digit in body[-2::-2])
    return body + str(-(doubled + plain) % 10)


def _book_line(sale: Sale, facts: SaleFacts, *, sent: bool) -> dict[str, object]:
    return {
        "merchant": facts.merchant,
        "terminal": facts.terminal,
        "stan": facts.stan,
        "de7": facts.at.strftime("%m%d%H%M%S"),
        "batch": facts.batch,
        "amount": facts.amount,
        "sent": sent,
        "told": sale.told,
        "rrn": sale.rrn,
        "served": sale.served,
        "reversed_by_me": sale.reversed_by_me,
        "how": sale.how,
        "repeats": sale.repeats,
        "answers_differ": sale.answers_differ,
    }


async def run(options: TerminalOptions) -> None:
    """Run a fleet to its end."""
    with Book(Path(options.book) if options.book else None) as book:
        fleet = Fleet(options, book)
        await fleet.run()
    ends = ", ".join(f"{count} {how}" for how, count in fleet.ends.most_common())
    sys.stderr.write(f"{options.merchant}: {ends or 'no sale'}\n")
