"""What terminals say, and what that means for charges.

Understands requests (by their dialect's convention).  What asks for money goes through `admission`;
what speaks of an earlier charge becomes an event for `lifecycle`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from routing import cause as causes
from routing import response_codes as rc
from routing.accounts.collecting import MAIN_ACCOUNT
from routing.admission import Admission
from routing.batches import Batch, Batches
from routing.charge import TABLE, Charge, Event
from routing.completions import Completions
from routing.conventions import Convention, Kind
from routing.conventions.base import has_mac, pan_of
from routing.downloads import Downloads
from routing.effects import Lookup, ToTerminal
from routing.enquiries import Enquiries
from routing.listener import Listener
from routing.reason import Reason
from routing.registered import Registered
from routing.replies import Replies
from routing.sign_ins import SignIns
from routing.terminal_network import TerminalNetwork
from routing.transaction import Transaction
from routing.undoing import is_amount_of, refusal
from routing.unheard import Unheard

if TYPE_CHECKING:
    from codec import Message
    from routing.cause import Asker
    from routing.clock import Now
    from routing.conventions import Original
    from routing.docket import Docket
    from routing.key_ring import KeyRing
    from routing.lifecycle import Lifecycle
    from routing.settings import Settings

_CHARGE, _NETWORK, _NOT_A_REQUEST = Kind.CHARGE, Kind.NETWORK, Kind.NOT_A_REQUEST
_OWN_AFFAIRS = frozenset({Kind.NETWORK, Kind.ACCOUNT})
_LOOKED_UP = frozenset({Kind.CHARGE, Kind.UNDOING, Kind.COMPLETION, Kind.ENQUIRY})
_WORDS = re.compile("[A-Za-z_ ]{1,60}")

Handler = Callable[["Asker", "Listener", "Now"], None]


class TerminalSide:
    """Requests of terminals, one at a time."""

    def __init__(self, life: Lifecycle, docket: Docket, ring: KeyRing) -> None:
        settings = life.settings
        self._life = life
        downloads = Downloads(settings.parameters)
        self._know(settings)
        self.replies = Replies(life)
        self.admission = Admission(life, self.replies)
        sign_ins = self.sign_ins = SignIns(
            life, Registered(life.registry, ring, life.gate), downloads
        )
        self.network = TerminalNetwork(life, self.replies, self.sign_ins, downloads)
        self.admission.sign_ins = sign_ins
        self.replies.watchers.append(sign_ins.refused)
        self.batches = Batches(life, docket, self.replies, self.sign_ins)
        self.enquiries = Enquiries(life, self.admission, self.replies, self._may_not)
        self._unheard = Unheard(life, self.admission, self.replies)
        self.completions = Completions(life, self.admission, self.replies, self._may_not)
        self.heard_network: Callable[[int, Message, Now], str] | None = None
        """Told of each network management message; DE 39 for one to be refused."""
        self._handlers: dict[Kind, Handler] = {
            Kind.CHARGE: self._charge,
            Kind.COMPLETION: self.completions.heard,
            Kind.UNDOING: self._undoing,
            Kind.ENQUIRY: self.enquiries.heard,
            Kind.REVERSAL: self._reversal,
            Kind.CONFIRMATION: self._confirmation,
            Kind.SETTLEMENT: self._settlement,
            Kind.NETWORK: self._network,
            Kind.UNSUPPORTED: self._unsupported,
        }
        self.not_requests = 0

    def change(self, settings: Settings) -> None:
        """Other rules of listeners, routes and merchants from now on."""
        self._know(settings)
        self.admission.change(settings)

    def _know(self, settings: Settings) -> None:
        self._listeners = {each.name: Listener(each) for each in settings.listeners}
        self._listener_before = next(iter(self._listeners.values()))
        """Whose the last request was: often the next one's, too."""

    def handle(self, kind: Kind, handler: Handler) -> None:
        """Have requests of a kind handled elsewhere."""
        self._handlers[kind] = handler

    def request(self, conn: int, listener: str, message: Message, now: Now, mac_good: bool) -> None:
        """A terminal sent a message.  A bad MAC is answered A0 before anything else is looked at;
        network management carries none.
        """
        known = self._listener_before
        if known.name is not listener:
            known = self._listener_before = self._listeners[listener]
        line = self._life.book.line(conn)
        habit = line.habit_of(message, known.convention)
        kind = habit.wish.kind
        if kind is _NOT_A_REQUEST:
            self.not_requests += 1
            return
        asker = causes.asked(line, message, habit)
        if self._life.pressure.is_full and not self._takes(asker, kind, mac_good):
            self._life.pressure.refused += 1
            self.replies.refuse(asker, rc.SYSTEM_ERROR, now)
            return
        if not mac_good and kind is not _NETWORK:
            code = rc.BAD_MAC
            if known.signs_in:
                code = self.sign_ins.unauthentic(message, kind, known, now)
            self.replies.refuse(asker, code, now)
            return
        if kind is _CHARGE:
            self._charge(asker, known, now)
        else:
            self._handlers[kind](asker, known, now)

    def unheard(
        self, conn: int, listener: str, message: Message, now: Now, *, may_wait: bool
    ) -> bool:
        """Nobody can check a message's MAC now.  Whether it was answered; else it has to wait or,
        if it may not, to come again.
        """
        known, line = self._listeners[listener], self._life.book.line(conn)
        habit = line.habit_of(message, known.convention)
        asker = causes.asked(line, message, habit)
        return self._unheard.is_answered(asker, known, habit.wish.kind, now, may_wait=may_wait)

    def _takes(self, asker: Asker, kind: Kind, mac_good: bool) -> bool:
        """Whether a message is heard while the gateway is full: see `pressure`.  What might be a
        repeat is: it is refused only where it is known to be none.
        """
        if kind in _OWN_AFFAIRS:
            return False
        return (kind in _LOOKED_UP and mac_good) or self._life.takes(asker.conn)

    # Charges

    def _charge(self, asker: Asker, listener: Listener, now: Now) -> None:
        admission = self.admission
        identity = admission.identity_of_new(asker, listener, now)
        if identity is None:
            return
        proves = admission.proves_the_last(asker, asker.stan(), listener, now)
        host, choice, only = None, MAIN_ACCOUNT, ""
        code = self._may_not(asker, listener, now, True)
        if not code:
            code = admission.busy(asker)
        if not code:
            code = admission.beyond_limits(asker.request, now)
        if not code:
            choice = admission.account_for(asker.request, now)
            if choice is not MAIN_ACCOUNT:
                code, only = choice.code, choice.host
        if not code:
            host, code = admission.host_for(asker.request, listener, now, only)
        if host is not None:
            code = admission.open(asker, listener, identity, host, None, now, choice)
        if code:
            # A proof before this one may still be on its way to the disk as well.
            waits = proves or not admission.takes_nothing_new
            admission.turn_away(asker, identity, code, now, after_records=waits)

    def _may_not(
        self, asker: Asker, listener: Listener, now: Now, takes_money: bool = False
    ) -> str:
        """DE 39 for a terminal that may do no new business: account services barred it, the
        registry has it out of service, it did not sign in; else ''.
        """
        code = self.admission.not_in_service(asker.request, takes_money)
        if code or not listener.signs_in:
            return code
        return self.sign_ins.why_not(asker.request, now)

    # Voids and refunds

    def _undoing(self, asker: Asker, listener: Listener, now: Now) -> None:
        """Finds the charge that is to be undone; the rules stand in `undoing`."""
        identity = self.admission.identity_of_new(asker, listener, now)
        if identity is None:
            return
        proves = self.admission.proves_the_last(asker, asker.request[11], listener, now)
        if self._life.pressure.is_full:
            code = self.admission.busy(asker)
            self.admission.turn_away(asker, identity, code, now, after_records=proves)
            return
        convention = listener.convention
        original = convention.undone(asker.request)

        def found(charge: Charge | None, now: Now, known: Charge | None = None) -> None:
            # The same request may have come again while the journal was asked.
            known = self.admission.known(asker, identity) or known
            if known is not None:
                self.admission.repeat(known, asker, now)
                return
            # Its own reversal may have come as well: that is answered, and this must not stand.
            if self.admission.is_forbidden(asker, identity, convention, now):
                return
            code = self._undo(asker, listener, identity, charge, now)
            if code:
                self.admission.turn_away(asker, identity, code, now, after_records=True)

        def looked_up(known: Charge | None, now: Now) -> None:
            if known is not None or original is None:
                found(None, now, known)
            else:
                self._with_charge(original, found, now)

        # What it is about moves with it: to open it and only then hear from the journal that it is
        # known would leave that charge as it was moved, if the process ended in between.
        if self._life.book.forgets:
            self._life.outbox.lookups.append(Lookup(identity, looked_up))
        else:
            looked_up(None, now)

    def _undo(
        self,
        asker: Asker,
        listener: Listener,
        identity: str,
        original: Charge | None,
        now: Now,
    ) -> str:
        """Send a void or refund on its way; returns DE 39 of the refusal, or ''."""
        message = asker.request
        refunds = listener.convention.transaction(message) is Transaction.REFUND
        code = self._may_not(asker, listener, now)
        if code or (original is None and not refunds):
            return code or rc.NOT_FOUND
        code = self.admission.busy(asker)
        if code:
            return code
        choice, collecting = MAIN_ACCOUNT, self._life.gate.collecting
        if original is None:
            if collecting is not None:
                choice = collecting.named(message, listener.convention)
            host, code = self.admission.host_for(message, listener, now, choice.host)
        else:
            # Whoever wants it undone has heard of it.
            self._life.delivered(original, now)
            amount = listener.convention.amount(message)
            code = refusal(original, pan_of(message), amount, refunds=refunds)
            host = self._life.hosts.get(original.host)
            if host is not None and not refunds and host.has_settled(original):
                code = code or rc.STATE_CONFLICT
            if host is not None:
                code = code or self.admission.why_not(host, now)
        if host is None or code:
            return code or rc.NO_ROUTE
        return self.admission.open(asker, listener, identity, host, original, now, choice)

    # What terminals say of earlier charges

    def _reversal(self, asker: Asker, listener: Listener, now: Now) -> None:
        convention = listener.convention
        original = convention.original(asker.request)
        if original is None:
            self.replies.refuse(asker, rc.FORMAT_ERROR, now)
            return
        self.admission.proves_the_last(asker, original.stan, listener, now)

        def found(charge: Charge | None, now: Now) -> None:
            if charge is not None:
                code = self._reverse(charge, asker.request, convention, now)
                self.replies.tell(asker, code, now)
            elif self.admission.tombstones.reversed(original, now.monotonic):
                self.replies.tell(asker, convention.unknown_original_code, now)

        self._with_charge(original, found, now)

    def _reverse(self, charge: Charge, reversal: Message, convention: Convention, now: Now) -> str:
        """Do what a terminal's reversal asks for; returns DE 39 of the answer."""
        if not is_amount_of(charge, convention.original_amount(reversal)):
            return rc.AMOUNT_DIFFERS
        if not charge.kind.reversible:
            return rc.UNSUPPORTED
        if charge.given_back:
            return rc.STATE_CONFLICT
        keeps = convention.kept_amount(reversal)
        if keeps or charge.keeps:
            return self._partly_served(charge, keeps, now)
        reason = convention.reason_given(reversal)
        cell = self._life.apply(charge, Event.TERMINAL_REVERSAL, now, reason=reason)
        return cell.code or rc.SYSTEM_ERROR

    def _partly_served(self, charge: Charge, keeps: int, now: Now) -> str:
        """A terminal served for `keeps` only: the rest goes back.  Returns DE 39 of the answer."""
        host = self._life.hosts.get(charge.host)
        if charge.keeps:
            return rc.APPROVED if charge.keeps == keeps else rc.STATE_CONFLICT
        if host is None or not host.settings.partial_reversals or keeps >= charge.money:
            return rc.AMOUNT_DIFFERS
        if Event.PARTLY_SERVED not in TABLE[charge.state]:
            return rc.STATE_CONFLICT
        charge.keeps = keeps
        cell = self._life.apply(charge, Event.PARTLY_SERVED, now, reason=Reason.PARTLY_SERVED)
        return cell.code or rc.SYSTEM_ERROR

    def _confirmation(self, asker: Asker, listener: Listener, now: Now) -> None:
        said = listener.convention.confirmation(asker.request)
        if said is None:
            self.replies.refuse(asker, rc.FORMAT_ERROR, now)
            return

        def found(charge: Charge | None, now: Now) -> None:
            code = rc.NOT_FOUND
            if charge is not None:
                code = self.confirmed(charge, now, served=said.served, reason=said.reason)
            self.replies.tell(asker, code, now)

        self._with_charge(said.original, found, now)

    def confirmed(self, charge: Charge, now: Now, *, served: bool, reason: str) -> str:
        """A terminal or a till says whether it served; returns DE 39 of the answer."""
        if charge.kind.undoes:
            return rc.NOT_FOUND
        taken_for_good = charge.given_back or charge.keeps or not charge.kind.reversible
        if taken_for_good and not served:
            return rc.STATE_CONFLICT
        if served:
            return self._life.apply(charge, Event.CONFIRMED, now).code or rc.SYSTEM_ERROR
        # Words only: whatever has digits in it might be a card number.
        charge.remark = reason if _WORDS.fullmatch(reason) else ""
        cell = self._life.apply(charge, Event.NOT_SERVED, now, reason=Reason.NOT_SERVED)
        return cell.code or rc.SYSTEM_ERROR

    def reported(self, charge_id: int, now: Now, *, served: bool, reason: str) -> str | None:
        """The same of a charge by its number; None if memory does not hold it."""
        charge = self._life.book.get(charge_id)
        if charge is None:
            return None
        return self.confirmed(charge, now, served=served, reason=reason)

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

    def _settlement(self, asker: Asker, listener: Listener, now: Now) -> None:
        message, convention = asker.request, listener.convention
        knows_batch = convention.settles and listener.signs_in
        if not (convention.says_batch or knows_batch):
            self._unsupported(asker, listener, now)
            return
        if not (message.has(11) and message.has(41) and message.has(42)):
            self.replies.refuse(asker, rc.FORMAT_ERROR, now)
            return
        bare = not (listener.sign_in.settlement_macs or has_mac(message))
        if not bare:
            self.admission.proves_the_last(asker, message[11], listener, now)
        code = self.sign_ins.why_not_settle(message, now) if listener.signs_in else ""
        number = convention.batch(message) or self.sign_ins.batch_of(message)
        batch = Batch(message[42], message[41], number)
        if code or not number:
            self.batches.refuse(asker, batch, code or rc.FORMAT_ERROR, now)
            return
        self.batches.heard(asker, batch, now, bare=bare)

    # Everything else

    def _network(self, asker: Asker, listener: Listener, now: Now) -> None:
        code = self.heard_network(asker.conn, asker.request, now) if self.heard_network else ""
        if listener.signs_in:
            self.network.heard(asker, listener, now)
            return
        if code:
            self.replies.refuse(asker, code, now)
            return
        answer = listener.convention.network_answer(asker.request, now)
        self._life.outbox.express.append(ToTerminal(asker.conn, answer))

    def _unsupported(self, asker: Asker, listener: Listener, now: Now) -> None:
        del listener
        self.replies.refuse(asker, rc.UNSUPPORTED, now)
