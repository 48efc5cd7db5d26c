"""How a request for money gets in: new or a repeat, allowed or refused, and then opened.

What is asked here stands in this order: is it well formed, is it known, must it never be taken
(`tombstones`), what does it prove, does a limit or a route forbid it.  `open` then gives it a
number that no other request in flight has, and hands it to `lifecycle`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from codec import BuildError
from routing import opening
from routing import response_codes as rc
from routing.accounts.collecting import MAIN_ACCOUNT, Choice
from routing.charge import Charge, Event, State
from routing.conventions import CONVENTIONS, Convention
from routing.conventions.base import MAC_FIELDS, first_mti, has_mac, pan_of
from routing.effects import Lookup, Question
from routing.limits import Sale
from routing.routes import RouteTable
from routing.service import Merchants, Proof
from routing.tombstones import Tombstones, terminal_of
from routing.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from codec import Message
    from routing.cause import Asker
    from routing.clock import Now
    from routing.hosts import Host
    from routing.lifecycle import Lifecycle
    from routing.listener import Listener
    from routing.replies import Replies
    from routing.settings import Settings
    from routing.sign_ins import SignIns

_SENT, _DELIVERED = State.SENT, State.DELIVERED
_SALE = Transaction.SALE
_CURRENCY_UNKNOWN: Final = "000"
_STANS_TRIED_MAX: Final = 1_000
"""Numbers in flight or in quarantine in a row before a charge is refused with 91."""


class Admission:
    """What charges, voids and refunds pass before they are opened."""

    def __init__(self, life: Lifecycle, replies: Replies) -> None:
        settings = life.settings
        self._life = life
        self._replies = replies
        self.change(settings)
        self.tombstones = Tombstones(settings.tombstones_max, settings.late_request_s)
        self.refuse_new: str | None = None
        """DE 39 for every new charge while the gateway drains or its journal fails; else None."""
        self.duplicates: Counter[str] = Counter()
        self.failed_over = 0
        """Charges that went to another host than their route's first."""
        self.sign_ins: SignIns | None = None
        """Where terminals that sign in are known."""
        self.advised_again: Callable[[Charge, Asker, Now], bool] = lambda *_: False
        """Told of an advice that comes again; whether it has dealt with it."""

    def change(self, settings: Settings) -> None:
        """Other routes and merchants from now on."""
        self._routes = RouteTable(settings.routes, settings.hosts[0].name)
        self._only_host: Host | None = None
        self._merchants = Merchants(settings.service, settings.merchants)
        self._each_in_flight_max = settings.in_flight_per_connection_max
        self._in_flight_max = settings.in_flight_max

    def identity_of_new(self, asker: Asker, listener: Listener, now: Now) -> str | None:
        """The identity of a good request for something new; None if it was answered here."""
        convention = listener.convention
        habit = asker.habit(convention)
        if not habit.is_complete or asker.amount(convention) < 0:
            self._replies.refuse(asker, rc.FORMAT_ERROR, now)
            return None
        self._life.book.look_for(habit)
        identity = convention.identity_after(habit.beginning, asker.request)
        known = self.known(asker, identity)
        if known is not None:
            self.repeat(known, asker, now)
            return None
        if self.is_forbidden(asker, identity, convention, now):
            return None
        return identity

    def known(self, asker: Asker, identity: str) -> Charge | None:
        """The charge in memory that a request repeats."""
        return self._life.book.same_as(identity, asker.till(), asker.stan())

    def turn_away(
        self, asker: Asker, identity: str, code: str, now: Now, *, after_records: bool
    ) -> None:
        """Refuse it with DE 39 = `code`, for good on every connection before this one; or say
        nothing, if that can't be remembered.

        A refusal says that nothing was charged, so a repeat of what memory has forgotten must not
        get one: where it may be that, the journal is asked first.
        """

        def looked_up(known: Charge | None, now: Now) -> None:
            known = self.known(asker, identity) or known
            if known is not None:
                self.repeat(known, asker, now)
            elif self.tombstones.refused(asker.request, asker.conn, code, now.monotonic):
                self._replies.refuse(asker, code, now, after_records=after_records)

        def answered(is_known: bool, now: Now) -> None:
            if not is_known:
                looked_up(None, now)
            elif self._life.takes(asker.conn):
                self._life.outbox.lookups.append(Lookup(identity, looked_up))
            else:
                self._life.pressure.unanswered += 1

        if self._life.book.forgets:
            self._life.outbox.questions.append(Question(identity, answered))
        else:
            looked_up(None, now)

    @property
    def takes_nothing_new(self) -> bool:
        """Whether the gateway drains, its journal fails, or it is full."""
        return self.refuse_new is not None or self._life.pressure.is_full

    def busy(self, asker: Asker) -> str:
        """DE 39 while nothing new can be taken at all, or from this connection; else ''."""
        if self.refuse_new is not None:
            return self.refuse_new
        life = self._life
        if life.pressure.is_full:
            life.pressure.refused += 1
            return rc.SYSTEM_ERROR
        book = life.book
        if book.waiting() >= self._in_flight_max:
            return rc.HOST_UNAVAILABLE
        line = asker.line
        few = line is None or book.load_of(line) < self._each_in_flight_max
        return "" if few else rc.HOST_UNAVAILABLE

    def not_in_service(self, message: Message, takes_money: bool = False) -> str:
        """DE 39 where account services or the registry let this terminal do no business; else ''.

        A sale may be the test charge of a terminal that comes back.
        """
        gate, registry = self._life.gate, self._life.registry
        if not gate.bars_some and not registry.refuses_some:
            return ""
        merchant, terminal = message.get(42) or "", message.get(41) or ""
        if f"{merchant}|{terminal}" == self._life.settings.test_till:
            return ""
        if takes_money and gate.lets(merchant, terminal, int(message[4])):
            return ""
        return gate.refusal(merchant, terminal) or registry.refusal(merchant, terminal)

    def beyond_limits(self, message: Message, now: Now) -> str:
        """DE 39 for a charge that passes a limit; else ''."""
        if not self._life.limits.exist():
            return ""
        convention = CONVENTIONS[message.dialect.name]
        sale = Sale(
            terminal_of(message),
            pan_of(message),
            convention.amount(message),
            convention.currency_of(message) or _CURRENCY_UNKNOWN,
            now.wall,
        )
        return self._life.limits.refusal(sale, now.wall) or ""

    def account_for(self, message: Message, now: Now) -> Choice:
        """Which of its merchant's accounts a charge goes to, or why it may not."""
        collecting = self._life.gate.collecting
        if collecting is None or not (collecting.any or message.has(63)):
            return MAIN_ACCOUNT
        return collecting.choice(message, CONVENTIONS[message.dialect.name], now)

    def host_for(
        self, message: Message, listener: Listener, now: Now, only: str = ""
    ) -> tuple[Host | None, str]:
        """The first host of the route that can take more; if none can, DE 39 by the first of them.
        `only`: the host of the account that it goes to.

        Nothing was sent yet: what was is never given to another host.
        """
        host = self._life.hosts[only] if only else self._the_one()
        if host is not None:
            code = self.why_not(host, now)
            return (None, code) if code else (host, "")
        names = self._routes.hosts_for(
            listener.dialect, message.mti, message.get(3) or "", pan_of(message)
        )
        first = ""
        for name in names:
            host = self._life.hosts[name]
            code = self.why_not(host, now)
            if not code:
                self.failed_over += bool(first)
                return host, ""
            first = first or code
        return None, first or rc.NO_ROUTE

    def _the_one(self) -> Host | None:
        """The host that everything goes to; None where routes decide."""
        if self._only_host is None and self._routes.only:
            self._only_host = self._life.hosts[self._routes.only]
        return self._only_host

    def why_not(self, host: Host, now: Now) -> str:
        """DE 39 while a host can take nothing more; else ''."""
        if host.links.day.is_cutting_over(now.monotonic):
            return rc.CUT_OVER
        free = host.can_take_more() and host.breaker.admits(now.monotonic)
        return "" if free else rc.HOST_UNAVAILABLE

    def open(
        self,
        asker: Asker,
        listener: Listener,
        identity: str,
        host: Host,
        original: Charge | None,
        now: Now,
        choice: Choice = MAIN_ACCOUNT,
    ) -> str:
        """Send it on its way; returns DE 39 of the refusal if that can't be, else ''."""
        request, habit = asker.request, asker.habit(listener.convention)
        message, link = self._worded(host, request, now), host.links.next_link()
        if message is None or link is None:
            return rc.FORMAT_ERROR if message is None else rc.HOST_UNAVAILABLE
        if original is not None or choice is not MAIN_ACCOUNT:
            choice = self._directed(message, host, original, choice)
        charge = opening.asked_for(asker, habit, listener, identity, now.wall)
        charge.id, charge.epoch = self._life.next_id(), self._life.epoch
        if not charge.batch and self.sign_ins is not None:
            charge.batch = self.sign_ins.batch_of(request)
        charge.proof, charge.window_s = self._class_of(charge)
        if choice is not MAIN_ACCOUNT:
            charge.account, charge.channel = choice.account, choice.channel
        if original is not None:
            charge.pan = charge.pan or original.pan
            charge.original_id = original.id if charge.undoes else 0
        if not self._numbered(host, message, charge):
            return rc.HOST_UNAVAILABLE
        opening.sent_as(charge, habit, host, message)
        self._life.book.join_line(charge, asker.line)
        self._life.open(charge, host, message, link, now)
        if original is not None or choice is not MAIN_ACCOUNT:
            self._opened(charge, original, choice, now)
        return ""

    def _numbered(self, host: Host, message: Message, charge: Charge) -> bool:
        """Give a charge's message a STAN that no other has, where its host need not see the
        terminal's; False if there is none.
        """
        keys, convention = host.keys, host.convention
        if not message.is_of(charge.mti[1]):  # worded for its host it is of another class
            charge.mti = charge.mti[0] + message.mti[1] + charge.mti[2:]
        if convention.keeps_number:
            charge.host_stan = message.text(11)
            return host.take_key(message, charge)
        for _tried in range(_STANS_TRIED_MAX):
            message.patch_number(11, keys.next_number())
            if host.take_key(message, charge):
                charge.host_stan = message.text(11)
                return True
            if keys.is_full():
                break
        return False

    @staticmethod
    def _directed(message: Message, host: Host, original: Charge | None, choice: Choice) -> Choice:
        """Word it for its original and its account; what undoes something is on the same one."""
        if original is not None:
            host.convention.point_to(message, original)
            if original.channel:
                choice = Choice(original.account, original.channel, original.sent.get(42, ""))
        if choice.number:
            message.patch(42, choice.number.ljust(len(message[42])))
        return choice

    def _opened(self, charge: Charge, original: Charge | None, choice: Choice, now: Now) -> None:
        collecting = self._life.gate.collecting
        if choice is not MAIN_ACCOUNT and collecting is not None:
            collecting.opened(charge, choice, now)
        if original is not None and charge.undoes:
            self._life.originals.undo(original, charge, now)

    def _class_of(self, charge: Charge) -> tuple[Proof, float]:
        if charge.undoes:
            return Proof.APPROVAL, 0.0
        merchant, terminal = charge.merchant, charge.terminal
        known = self._life.registry.class_of(merchant, terminal)
        return known or self._merchants.class_of(merchant, terminal)

    def towards(self, host: Host, request: Message, now: Now) -> Message | None:
        """The request as the host gets it: its dialect, and a STAN that no other charge has.

        None if a value of the terminal's dialect does not fit the host's.
        """
        message, convention = self._worded(host, request, now), host.convention
        if message is not None and not convention.keeps_number:
            for _tried in range(_STANS_TRIED_MAX):
                message.patch(11, host.keys.next_stan())
                if host.keys.owner(convention.pending_key(message)) is None:
                    break
        return message

    def _worded(self, host: Host, request: Message, now: Now) -> Message | None:
        """The same with the terminal's own STAN."""
        convention, mti = host.convention, first_mti(request.mti)
        if convention.dialect is request.dialect:
            message = request.copy()
            if mti is not request.mti:
                message.set_mti(mti)
        else:
            dialect = request.dialect.name
            pair = (dialect, host.settings.dialect)
            try:
                message = self._life.translators[pair].request(request, now)
                transaction = CONVENTIONS[dialect].transaction(request)
                if transaction is not None:
                    convention.word(message, transaction)
            except BuildError:
                return None
        if has_mac(message):
            for de in MAC_FIELDS:
                message.remove(de)
        return message

    def repeat(self, known: Charge, asker: Asker, now: Now) -> None:
        """The same charge again: its answer, the promise of one, or 94 if it is not the same."""
        if not self._life.takes(asker.conn):
            self._life.pressure.unanswered += 1
            return
        message = asker.request
        same = (
            pan_of(message) == known.pan
            and (message.get(3) or "") == known.processing_code
            and CONVENTIONS[known.dialect].amount(message) == known.amount
        )
        if not same:
            self.duplicates["refused"] += 1
            self._replies.refuse(asker, rc.DUPLICATE, now)
            return
        if known.kind is not _SALE and self.advised_again(known, asker, now):
            self.duplicates["waits"] += 1
            return
        if known.state is _SENT:
            self.duplicates["waits"] += 1
            if asker.conn >= known.conn:  # else a try that was slow on a connection left since
                known.request = message
                self._life.book.join_line(known, asker.line)
        else:
            self.duplicates["answered"] += 1
        self._life.apply(known, Event.REPEAT, now, asker=asker)

    def proves_the_last(self, asker: Asker, stan: str, listener: Listener, now: Now) -> bool:
        """A terminal that resolves first would not begin this sale with another in the air.

        `stan` is this sale's; if the sale itself was lost, its reversal tells of it.
        On another connection than the answer went to, the STAN must follow on as well: a terminal
        that was reset or replaced, or a second one with the same number, proves nothing.
        """
        unproven = self._life.book.unproven(asker.till())
        if not unproven:
            return False
        proven = False
        for charge in unproven:
            line = charge.line
            if charge.stan == stan or (line is not None and not charge.handed):
                continue
            if line is asker.line or self._follows(stan, charge.stan):
                if listener.terminal_resolves_first:
                    self._life.delivered(charge, now)
                if charge.state is _DELIVERED and charge.proof == Proof.NEXT_MESSAGE:
                    self._life.apply(charge, Event.CONFIRMED, now)
                proven = True
        return proven

    def _follows(self, stan: str, before: str) -> bool:
        if not (stan.isdigit() and before.isdigit()):
            return False
        return 0 < (int(stan) - int(before)) % 1_000_000 <= self._life.settings.stan_follows_max

    def is_forbidden(self, asker: Asker, identity: str, convention: Convention, now: Now) -> bool:
        """Whether this request must never be taken; then it was refused here."""
        if self.tombstones.are_none():
            return False
        message = asker.request
        named = (convention.batch(message), message.get(7) or "")
        code = self.tombstones.verdict(identity, message, asker.conn, named, now.monotonic)
        if code:
            self._replies.refuse(asker, code, now)
        return bool(code)
