"""What terminals say, and what that means for charges.

Understands requests (by their dialect's convention), recognises repeats, refuses what may not go,
and turns the rest into charges or into events for `lifecycle`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from codec import BuildError
from routing import response_codes as rc
from routing.charge import Charge, Event, State
from routing.conventions import CONVENTIONS, Convention, Kind
from routing.conventions.base import MAC_FIELDS, pan_of
from routing.effects import Lookup, ToHost, ToTerminal
from routing.enquiry import Enquiry
from routing.lifecycle import Asker
from routing.matching import ECHOED, NoFreeKeyError
from routing.reason import Reason
from routing.routes import RouteTable
from routing.service import Merchants, Proof
from routing.tombstones import Tombstones
from routing.transaction import Transaction
from routing.undoing import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from codec import Message
    from routing.clock import Now
    from routing.conventions import Original
    from routing.hosts import Host
    from routing.lifecycle import Lifecycle
    from routing.settings import ListenerSettings

_CURRENCY_UNKNOWN = "000"
_AMOUNT_DIGITS = 12
_WORDS = re.compile("[A-Za-z_ ]{1,60}")
_STANS_TRIED_MAX = 1_000
"""Numbers in flight or in quarantine in a row before a charge is refused with 91."""


class TerminalSide:
    """Requests of terminals, one at a time."""

    def __init__(self, life: Lifecycle) -> None:
        settings = life.settings
        self._life = life
        self._listeners = {each.name: each for each in settings.listeners}
        self._routes = RouteTable(settings.routes, settings.hosts[0].name)
        self._merchants = Merchants(settings.service, settings.merchants)
        self.tombstones = Tombstones(settings.tombstones_max)
        self._handlers: dict[Kind, Callable[[Asker, ListenerSettings, Now], None]] = {
            Kind.CHARGE: self._charge,
            Kind.UNDOING: self._undoing,
            Kind.ENQUIRY: self._enquiry,
            Kind.REVERSAL: self._reversal,
            Kind.CONFIRMATION: self._confirmation,
            Kind.NETWORK: self._network,
            Kind.UNSUPPORTED: self._unsupported,
        }
        self.refuse_new: str | None = None
        """DE 39 for every new charge while the gateway drains or its journal fails; else None."""
        self.refused: Counter[tuple[str, str]] = Counter()
        """Refusals of the gateway's own, by MTI class digit and DE 39."""
        self.duplicates: Counter[str] = Counter()
        self.not_requests = 0

    def request(
        self, conn: int, listener: str, message: Message, now: Now, *, mac_good: bool
    ) -> None:
        """A terminal sent a message.  A bad MAC is answered A0 before anything else is looked at;
        network management carries none.
        """
        known = self._listeners[listener]
        kind = CONVENTIONS[known.dialect].kind(message)
        if kind is Kind.NOT_A_REQUEST:
            self.not_requests += 1
            return
        asker = Asker(conn, message)
        if not mac_good and kind is not Kind.NETWORK:
            self._refuse(asker, rc.BAD_MAC, now)
            return
        self._handlers[kind](asker, known, now)

    # Charges

    def _charge(self, asker: Asker, listener: ListenerSettings, now: Now) -> None:
        identity = self._identity_of_new(asker, listener, now)
        if identity is None:
            return
        proves = self._proves_the_last(asker, asker.request[11], listener, now)
        code = self._busy(asker) or self._beyond_limits(asker.request, now)
        host = None
        if not code:
            host, code = self._host_for(asker.request, listener)
        if host is not None:
            code = self._open(asker, listener, identity, host, None, now)
        if code:
            self._turn_away(asker, identity, code, now, after_records=proves)

    def _identity_of_new(self, asker: Asker, listener: ListenerSettings, now: Now) -> str | None:
        """The identity of a good request for something new; None if it was answered here."""
        message, convention = asker.request, CONVENTIONS[listener.dialect]
        if convention.missing(message) is not None or not _amount_is_good(message):
            self._refuse(asker, rc.FORMAT_ERROR, now)
            return None
        identity = convention.identity(message)
        known = self._life.book.same_as(identity)
        if known is not None:
            self.repeat(known, asker, now)
            return None
        code = self._verdict_of_tombstones(asker, identity, convention)
        if code:
            self._refuse(asker, code, now)
            return None
        return identity

    def _turn_away(
        self, asker: Asker, identity: str, code: str, now: Now, *, after_records: bool
    ) -> None:
        self.tombstones.refused(identity, _terminal_of(asker.request), asker.conn, code)
        self._refuse(asker, code, now, after_records=after_records)

    def _busy(self, asker: Asker) -> str:
        """DE 39 while nothing new can be taken at all, or from this connection; else ''."""
        if self.refuse_new is not None:
            return self.refuse_new
        in_flight_max = self._life.settings.in_flight_per_connection_max
        return rc.HOST_UNAVAILABLE if self._life.book.load_of(asker.conn) >= in_flight_max else ""

    def _beyond_limits(self, message: Message, now: Now) -> str:
        """DE 39 for a charge that passes a limit; else ''."""
        return self._life.limits.refusal(_terminal_of(message), int(message[4]), now.wall) or ""

    # Voids and refunds

    def _undoing(self, asker: Asker, listener: ListenerSettings, now: Now) -> None:
        """Finds the charge that is to be undone; the rules stand in `undoing`."""
        identity = self._identity_of_new(asker, listener, now)
        if identity is None:
            return
        self._proves_the_last(asker, asker.request[11], listener, now)
        convention = CONVENTIONS[listener.dialect]
        original = convention.undone(asker.request)

        def found(charge: Charge | None, now: Now) -> None:
            known = self._life.book.same_as(identity)
            if known is not None:
                # The same request came again while the journal was asked.
                self.repeat(known, asker, now)
                return
            code = self._undo(asker, listener, identity, charge, now)
            if code:
                self._turn_away(asker, identity, code, now, after_records=True)

        if original is None:
            found(None, now)
        else:
            self._with_charge(original, found, now)

    def _undo(
        self,
        asker: Asker,
        listener: ListenerSettings,
        identity: str,
        original: Charge | None,
        now: Now,
    ) -> str:
        """Send a void or refund on its way; returns DE 39 of the refusal, or ''."""
        message = asker.request
        refunds = CONVENTIONS[listener.dialect].transaction(message) is Transaction.REFUND
        if original is None and not refunds:
            return rc.NOT_FOUND
        code = self._busy(asker)
        if code:
            return code
        if original is None:
            host, code = self._host_for(message, listener)
        else:
            # Whoever wants it undone has heard of it.
            self._life.delivered(original, now)
            code = refusal(original, pan_of(message), int(message[4]), refunds=refunds)
            host = None if code else self._life.hosts.get(original.host)
            if host is not None and not self._is_free(host):
                host, code = None, rc.HOST_UNAVAILABLE
        if host is None:
            return code or rc.NO_ROUTE
        return self._open(asker, listener, identity, host, original, now)

    def _host_for(self, message: Message, listener: ListenerSettings) -> tuple[Host | None, str]:
        name = self._routes.host_for(
            listener.dialect, message.mti, message.get(3) or "", pan_of(message)
        )
        if name is None:
            return None, rc.NO_ROUTE
        host = self._life.hosts[name]
        return (host, "") if self._is_free(host) else (None, rc.HOST_UNAVAILABLE)

    @staticmethod
    def _is_free(host: Host) -> bool:
        return bool(host.links.usable()) and host.keys.in_flight < host.settings.in_flight_max

    def _open(
        self,
        asker: Asker,
        listener: ListenerSettings,
        identity: str,
        host: Host,
        original: Charge | None,
        now: Now,
    ) -> str:
        """Send it on its way; returns DE 39 of the refusal if that can't be, else ''."""
        request, convention = asker.request, CONVENTIONS[listener.dialect]
        message = self._towards(host, request, listener, now)
        link = host.links.next_link()
        if message is None or link is None:
            return rc.FORMAT_ERROR if message is None else rc.HOST_UNAVAILABLE
        transaction = convention.transaction(request) or Transaction.SALE
        proof, window_s = self._merchants.class_of(request[42], request[41])
        if transaction.undoes:
            proof, window_s = Proof.APPROVAL, 0.0
        if original is not None:
            host.convention.point_to(message, original)
        charge = Charge(
            id=self._life.next_id(),
            epoch=self._life.epoch,
            opened_at=now.wall,
            identity=identity,
            dialect=listener.dialect,
            listener=listener.name,
            mti=request.mti[:3] + "0",
            merchant=request[42],
            terminal=request[41],
            stan=request[11],
            batch=convention.batch(request),
            de7=request.get(7) or "",
            processing_code=request.get(3) or "",
            amount=int(request[4]),
            currency=message.get(49) or _CURRENCY_UNKNOWN,
            pan=pan_of(request) or (original.pan if original is not None else ""),
            proof=proof,
            window_s=window_s,
            host=host.name,
            host_stan=message[11],
            host_de7=message.get(7) or "",
            sent={de: message[de] for de in message.fields() if de in host.convention.sufficient},
            kind=transaction,
            original_id=original.id if original is not None else 0,
            sent_header=message.header.hex(),
            request=request,
        )
        try:
            host.keys.claim(self._life.charge_key(charge), charge)
        except NoFreeKeyError:
            return rc.HOST_UNAVAILABLE
        self._life.book.join_conn(charge, asker.conn)
        self._life.open(charge, message, link, now)
        if original is not None:
            self._life.undo(original, charge, now)
        return ""

    def _towards(
        self, host: Host, request: Message, listener: ListenerSettings, now: Now
    ) -> Message | None:
        """The request as the host gets it: its dialect, and a STAN that no other charge has.

        None if a value of the terminal's dialect does not fit the host's.
        """
        if host.settings.dialect == listener.dialect:
            message = request.copy()
            message.set_mti(request.mti[:3] + "0")
        else:
            pair = (listener.dialect, host.settings.dialect)
            try:
                message = self._life.translators[pair].request(request, now)
                transaction = CONVENTIONS[listener.dialect].transaction(request)
                if transaction is not None:
                    host.convention.word(message, transaction)
            except BuildError:
                return None
        if not host.convention.keeps_stan:
            for _ in range(_STANS_TRIED_MAX):
                message.patch(11, host.keys.next_stan())
                if host.keys.owner(host.convention.pending_key(message)) is None:
                    break
        for de in MAC_FIELDS:
            if message.has(de):
                message.remove(de)
        return message

    def repeat(self, known: Charge, asker: Asker, now: Now) -> None:
        """The same charge again: its answer, the promise of one, or 94 if it is not the same."""
        message = asker.request
        same = (
            pan_of(message) == known.pan
            and (message.get(3) or "") == known.processing_code
            and int(message[4]) == known.amount
        )
        if not same:
            self.duplicates["refused"] += 1
            self._refuse(asker, rc.DUPLICATE, now)
            return
        if known.state is State.SENT:
            self.duplicates["waits"] += 1
            known.request = message
            self._life.book.join_conn(known, asker.conn)
        else:
            self.duplicates["answered"] += 1
        self._life.apply(known, Event.REPEAT, now, asker=asker)

    def _proves_the_last(
        self, asker: Asker, stan: str, listener: ListenerSettings, now: Now
    ) -> bool:
        """A terminal that resolves first would not begin this sale with another in the air.

        `stan` is this sale's; if the sale itself was lost, its reversal tells of it.
        On another connection than the answer went to, the STAN must follow on as well: a terminal
        that was reset or replaced, or a second one with the same number, proves nothing.
        """
        proven = False
        if not listener.terminal_resolves_first:
            return proven
        for charge in self._life.book.unproven(_terminal_of(asker.request)):
            if charge.stan == stan or (charge.conn and not charge.handed):
                continue
            if charge.conn == asker.conn or self._follows(stan, charge.stan):
                self._life.delivered(charge, now)
                proven = True
        return proven

    def _follows(self, stan: str, before: str) -> bool:
        if not (stan.isdigit() and before.isdigit()):
            return False
        return 0 < (int(stan) - int(before)) % 1_000_000 <= self._life.settings.stan_follows_max

    def _verdict_of_tombstones(self, asker: Asker, identity: str, convention: Convention) -> str:
        message = asker.request
        terminal, batch = _terminal_of(message), convention.batch(message)
        return self.tombstones.verdict(identity, terminal, asker.conn, batch, message.get(7) or "")

    # What terminals say of earlier charges

    def _reversal(self, asker: Asker, listener: ListenerSettings, now: Now) -> None:
        convention = CONVENTIONS[listener.dialect]
        original = convention.original(asker.request)
        if original is None:
            self._refuse(asker, rc.FORMAT_ERROR, now)
            return
        self._proves_the_last(asker, original.stan, listener, now)

        def found(charge: Charge | None, now: Now) -> None:
            if charge is None:
                self.tombstones.reversed(original)
                self._tell(asker, convention.unknown_original_code, now)
                return
            if not _is_amount_of(charge, asker.request):
                self._tell(asker, rc.AMOUNT_DIFFERS, now)
                return
            code = _why_not_reversed(charge)
            if code:
                self._tell(asker, code, now)
                return
            reason = convention.reason_given(asker.request)
            cell = self._life.apply(charge, Event.TERMINAL_REVERSAL, now, reason=reason)
            self._tell(asker, cell.code or rc.SYSTEM_ERROR, now)

        self._with_charge(original, found, now)

    def _confirmation(self, asker: Asker, listener: ListenerSettings, now: Now) -> None:
        said = CONVENTIONS[listener.dialect].confirmation(asker.request)
        if said is None:
            self._refuse(asker, rc.FORMAT_ERROR, now)
            return

        def found(charge: Charge | None, now: Now) -> None:
            code = rc.NOT_FOUND
            if charge is not None:
                code = self.confirmed(charge, now, served=said.served, reason=said.reason)
            self._tell(asker, code, now)

        self._with_charge(said.original, found, now)

    def confirmed(self, charge: Charge, now: Now, *, served: bool, reason: str) -> str:
        """A terminal or a till says whether it served; returns DE 39 of the answer."""
        if charge.kind.undoes:
            return rc.NOT_FOUND
        if charge.given_back and not served:
            return rc.STATE_CONFLICT
        if served:
            return self._life.apply(charge, Event.CONFIRMED, now).code or rc.SYSTEM_ERROR
        # Words only: whatever has digits in it might be a card number.
        charge.remark = reason if _WORDS.fullmatch(reason) else ""
        cell = self._life.apply(charge, Event.NOT_SERVED, now, reason=Reason.NOT_SERVED)
        return cell.code or rc.SYSTEM_ERROR

    def _with_charge(
        self, original: Original, found: Callable[[Charge | None, Now], None], now: Now
    ) -> None:
        charge = self._life.book.find(original)
        if charge is not None:
            found(charge, now)
            return

        def looked_up(charge: Charge | None, now: Now) -> None:
            # The original may have come while the journal was asked.
            found(charge or self._life.book.find(original), now)

        self._life.outbox.lookups.append(Lookup(original, looked_up))

    # Everything else

    def _enquiry(self, asker: Asker, listener: ListenerSettings, now: Now) -> None:
        request = asker.request
        host, code = self._host_for(request, listener)
        link = host.links.next_link() if host is not None else None
        if host is None or link is None or self.refuse_new is not None:
            self._refuse(asker, code or self.refuse_new or rc.HOST_UNAVAILABLE, now)
            return
        message = self._towards(host, request, listener, now)
        if message is None:
            self._refuse(asker, rc.FORMAT_ERROR, now)
            return
        key = host.convention.pending_key(message)
        sent = {de: message[de] for de in ECHOED if message.has(de)}
        sent[11] = message[11]
        enquiry = Enquiry(asker.conn, listener.name, host.name, request, sent, key, link)
        try:
            host.keys.claim(key, enquiry)
        except NoFreeKeyError:
            self._refuse(asker, rc.HOST_UNAVAILABLE, now)
            return
        enquiry.due = now.monotonic + host.settings.answer_timeout_s
        self._life.deadlines.watch(enquiry)
        self._life.outbox.express.append(ToHost(link, message))

    def enquiry_over(self, enquiry: Enquiry, now: Now) -> None:
        """No answer came to an enquiry; nothing is to be undone."""
        self._life.hosts[enquiry.host].keys.quarantine(enquiry.key, now.monotonic)
        code = CONVENTIONS[enquiry.request.dialect.name].no_answer_code
        self._refuse(Asker(enquiry.conn, enquiry.request), code, now)

    def _network(self, asker: Asker, listener: ListenerSettings, now: Now) -> None:
        answer = CONVENTIONS[listener.dialect].network_answer(asker.request, now)
        self._life.outbox.express.append(ToTerminal(asker.conn, answer))

    def _unsupported(self, asker: Asker, listener: ListenerSettings, now: Now) -> None:
        del listener
        self._refuse(asker, rc.UNSUPPORTED, now)

    def _refuse(self, asker: Asker, code: str, now: Now, *, after_records: bool = False) -> None:
        """No charge came of it: nothing has to be durable before the terminal may know.

        Unless the request proved an earlier sale: a terminal that is answered may stay silent from
        then on, so that proof must not be lost (`after_records`).
        """
        self.refused[asker.request.mti[1], code] += 1
        outbox = self._life.outbox
        leaves = outbox.sends if after_records else outbox.express
        leaves.append(_own_answer(asker, code, now))

    def _tell(self, asker: Asker, code: str, now: Now) -> None:
        """What a charge's new state means for the asker; it leaves once that state is durable."""
        self._life.outbox.sends.append(_own_answer(asker, code, now))


def _own_answer(asker: Asker, code: str, now: Now) -> ToTerminal:
    convention = CONVENTIONS[asker.request.dialect.name]
    return ToTerminal(asker.conn, convention.answer(asker.request, code, now))


def _terminal_of(message: Message) -> str:
    return f"{message.get(42, '')}|{message.get(41, '')}"


def _why_not_reversed(charge: Charge) -> str:
    """DE 39 for a terminal's reversal of what can't be reversed; else ''."""
    if charge.kind is Transaction.REFUND:
        return rc.UNSUPPORTED
    return rc.STATE_CONFLICT if charge.given_back else ""


def _is_amount_of(charge: Charge, reversal: Message) -> bool:
    """Whether a reversal speaks of the amount that was asked for or approved, or of none."""
    amount = reversal.get(4)
    return amount is None or amount in (f"{charge.amount:012d}", f"{charge.money:012d}")


def _amount_is_good(message: Message) -> bool:
    amount = message[4]
    return len(amount) == _AMOUNT_DIGITS and amount.isascii() and amount.isdigit()
