"""Network management of terminals that have working keys: sign-in, sign-off, echo, downloads.

These messages carry no MAC: whoever reaches the listener may send them.  So nothing here takes
anything away from a terminal that is registered, and whatever it writes down is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from routing import response_codes as rc
from routing.conventions import CONVENTIONS
from routing.conventions.management import (
    SIGN_IN_AGAIN,
    UPLOAD_STATUS,
    Asked,
    Wish,
    asked,
    broken_parts,
)
from routing.effects import KeyWork, NewWorkingKeys, ToTerminal
from routing.findings import Finding
from routing.sign_in import SignEvent, SignState, Till
from routing.sign_ins import till_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from codec import Message
    from routing.cause import Asker
    from routing.clock import Now
    from routing.downloads import Downloads
    from routing.effects import IssuedKeys
    from routing.lifecycle import Lifecycle
    from routing.listener import Listener
    from routing.replies import Replies
    from routing.sign_in import Session
    from routing.sign_in_settings import KeyLengths
    from routing.sign_ins import SignIns

ORDERS_MAX: Final = 1_000
"""Terminals that wait for keys at a time; above it sign-ins get 96."""
_POS: Final = "unionpay-pos"
_BATCH_FIELD: Final = 60
"""Of the sign-in's answer, in the 1987 edition."""


@dataclass(slots=True)
class _Order:
    """Keys that a terminal waits for: who gets them, and what was asked."""

    asker: Asker
    listener: Listener
    asked: Asked
    lengths: KeyLengths


class TerminalNetwork:
    """Understands 0800 and 0820 (1804, 1820) of terminals, and answers them."""

    def __init__(
        self, life: Lifecycle, replies: Replies, sign_ins: SignIns, downloads: Downloads
    ) -> None:
        self._life, self._replies = life, replies
        self._sign_ins, self._downloads = sign_ins, downloads
        self._orders: dict[Till, _Order] = {}
        self.crowded = 0
        """Sign-ins refused because too many waited for keys."""
        self._handlers: dict[Wish, Callable[[_Request], None]] = {
            Wish.SIGN_IN: self._keys,
            Wish.KEYS: self._keys,
            Wish.CASHIER: self._cashier,
            Wish.SIGN_OFF: self._sign_off,
            Wish.ECHO: self._echo,
            Wish.STATUS: self._status,
            Wish.QUERY: self._parameters,
            Wish.FETCH: self._parameters,
            Wish.END: self._parameters,
        }

    def __len__(self) -> int:
        return len(self._orders)

    def heard(self, asker: Asker, listener: Listener, now: Now) -> None:
        """A network management request came."""
        wanted = asked(asker.request, listener.sign_in.codes)
        till = till_of(asker.request)
        if wanted is None:
            self._sign_ins.found(Finding.UNKNOWN_REQUEST, till, now)
            self._replies.refuse(asker, rc.UNSUPPORTED, now)
            return
        self._handlers[wanted.wish](_Request(asker, listener, wanted, till, now))

    # Signing in

    def _keys(self, request: _Request) -> None:
        asker, till, now = request.asker, request.till, request.now
        settings = request.listener.sign_in
        lengths = settings.lengths(request.listener.dialect, request.asked.code)
        if lengths is None or not (asker.request.has(11) and till.terminal and till.merchant):
            self._sign_ins.found(Finding.MALFORMED, till, now)
            self._replies.refuse(asker, rc.FORMAT_ERROR, now)
            return
        refused = self._sign_ins.standing(till, now)
        if refused:
            self._replies.refuse(asker, refused, now)
            return
        self._look_at_clock(request)
        waiting = self._orders.get(till)
        if waiting is not None and waiting.lengths == lengths:
            # It asks again before it has an answer: the keys under way are for this one.
            waiting.asker, waiting.asked = asker, request.asked
            return
        if waiting is None and len(self._orders) >= ORDERS_MAX:
            self.crowded += 1
            self._replies.refuse(asker, rc.SYSTEM_ERROR, now)
            return
        self._order(request, lengths)

    def _order(self, request: _Request, lengths: KeyLengths) -> None:
        till = request.till
        order = _Order(request.asker, request.listener, request.asked, lengths)
        self._orders[till] = order

        def done(issued: IssuedKeys | None, now: Now) -> bool:
            if self._orders.get(till) is not order:
                return False  # another form was asked for meanwhile
            del self._orders[till]
            return self._issued(order, till, issued, now)

        master = self._sign_ins.registered.master_key(till, lengths.cipher)
        wanted = NewWorkingKeys(*till, master, lengths, request.listener.name)
        self._life.outbox.key_work.append(KeyWork(wanted, done))

    def _issued(self, order: _Order, till: Till, issued: IssuedKeys | None, now: Now) -> bool:
        if issued is None:
            self._sign_ins.found(Finding.NO_KEYS, till, now)
            self._replies.refuse(order.asker, rc.KEYS_FAILED, now)
            return False
        refused = self._sign_ins.standing(till, now)
        if refused:
            # It went out of service meanwhile, and its keys may have been revoked.
            self._replies.refuse(order.asker, refused, now)
            return False
        message = order.asker.request
        said = CONVENTIONS[order.listener.dialect].batch_number(message)
        session = self._sign_ins.opened(till, said or 0)
        if said is not None and said != session.batch:
            self._sign_ins.found(Finding.BATCH_MISMATCH, till, now, said=said, is_=session.batch)
        session.listener = order.listener.name
        signs_in = order.asked.wish is Wish.SIGN_IN
        session.wanted = session.wanted.replace(SIGN_IN_AGAIN, "")
        if signs_in:
            session.signed_in_at = now.wall
            session.operator = CONVENTIONS[order.listener.dialect].operator(message)
            self._sign_ins.registered.signed_in(till, now)
        event = SignEvent.KEYS_ISSUED if signs_in else SignEvent.KEYS_CHANGED
        self._sign_ins.happens(session, event, now, issued)
        self._sign_ins.issued(session, now, said={"code": order.asked.code, "batch": session.batch})
        fields = self._keys_of(order, issued) | {32: order.listener.sign_in.acquirer}
        fields |= self._batch_told(order, session)
        self._tell(order.asker, session, now, fields)
        return True

    @staticmethod
    def _batch_told(order: _Order, session: Session) -> dict[int, str]:
        """The batch, where it does not stand in the answer anyway."""
        convention = CONVENTIONS[order.listener.dialect]
        told = convention.settles and not convention.says_batch
        return {_BATCH_FIELD: f"{session.batch:06d}"} if told else {}

    @staticmethod
    def _keys_of(order: _Order, issued: IssuedKeys) -> dict[int, str]:
        binary = order.listener.dialect == _POS
        keys = issued.block.decode("latin-1") if binary else issued.block.hex().upper()
        return {order.listener.sign_in.key_field: keys}

    def _look_at_clock(self, request: _Request) -> None:
        skew = skew_s(request.asker.request, request.now)
        if skew is not None and abs(skew) > request.listener.sign_in.clock_skew_max_s:
            self._sign_ins.found(Finding.CLOCK_SKEW, request.till, request.now, seconds=skew)

    # What else they say

    def _cashier(self, request: _Request) -> None:
        session = self._sign_ins.session(request.till)
        if session is None or session.state is SignState.OUT:
            self._replies.refuse(request.asker, rc.SIGN_IN_FIRST, request.now)
            return
        convention = CONVENTIONS[request.listener.dialect]
        operator = convention.operator(request.asker.request)
        if operator != session.operator:
            session.operator = operator
            self._sign_ins.keep(session, request.now)
        self._tell(request.asker, session, request.now)

    def _sign_off(self, request: _Request) -> None:
        """Never refused; a number that is more than one off the batch's is noted."""
        session, now = self._sign_ins.session(request.till), request.now
        if session is not None:
            said = CONVENTIONS[request.listener.dialect].batch_number(request.asker.request)
            if said is not None and abs(said - session.batch) > 1:
                self._sign_ins.found(
                    Finding.BATCH_MISMATCH, request.till, now, said=said, is_=session.batch
                )
            if session.state is SignState.IN:
                self._sign_ins.happens(session, SignEvent.SIGNED_OFF, now)
        self._tell(request.asker, session, now)

    def _echo(self, request: _Request) -> None:
        self._tell(request.asker, self._sign_ins.session(request.till), request.now)

    def _status(self, request: _Request) -> None:
        session = self._sign_ins.session(request.till)
        if session is not None:
            broken = broken_parts(request.asker.request.get(62, ""))
            wanted = session.wanted.replace(UPLOAD_STATUS, "")
            if (broken, wanted) != (session.broken, session.wanted):
                session.broken, session.wanted = broken, wanted
                self._sign_ins.keep(session, request.now)
        self._tell(request.asker, session, request.now)

    def _parameters(self, request: _Request) -> None:
        session, what = self._sign_ins.session(request.till), request.asked.what
        if session is None or session.state is SignState.OUT:
            self._replies.refuse(request.asker, rc.SIGN_IN_FIRST, request.now)
            return
        said = request.asker.request.get(62, "").encode("latin-1")
        match request.asked.wish:
            case Wish.QUERY:
                self._hand_out(request, session, self._downloads.listed(what, said))
            case Wish.FETCH:
                self._hand_out(request, session, self._downloads.fetched(what, said))
            case _:
                self._ended(session, what, request.now)
                self._tell(request.asker, session, request.now)

    def _hand_out(self, request: _Request, session: Session, part: bytes) -> None:
        self._tell(request.asker, session, request.now, {62: part.decode("latin-1")})

    def _ended(self, session: Session, what: str, now: Now) -> None:
        digit = self._downloads.digit(what)
        fetched = session.fetched | self._downloads.ended(what)
        wanted = session.wanted.replace(digit, "")
        if (fetched, wanted) != (session.fetched, session.wanted):
            session.fetched, session.wanted = fetched, wanted
            self._sign_ins.keep(session, now)

    # Answers

    def _tell(
        self,
        asker: Asker,
        session: Session | None,
        now: Now,
        fields: dict[int, str] | None = None,
    ) -> None:
        """Answer 00, with the time and the batch, once what it rests on is durable."""
        message = asker.request
        answer = CONVENTIONS[message.dialect.name].network_answer(message, now)
        for de, value in _times(message, now).items():
            answer.patch(de, value)
        answer.patch(37, f"{now.local():%y%j%H}"[1:] + message.get(11, "000000"))
        if message.has(60) and message.dialect.name == _POS and session is not None:
            said = message[60]
            answer.patch(60, f"{said[:2]}{session.batch:06d}{said[8:]}")
        for de, value in (fields or {}).items():
            answer.patch(de, value)
        self._life.outbox.sends.append(ToTerminal(asker.conn, answer))


@dataclass(slots=True)
class _Request:
    """A request as it was understood."""

    asker: Asker
    listener: Listener
    asked: Asked
    till: Till
    now: Now


def _times(message: Message, now: Now) -> dict[int, str]:
    """The time of day in the fields that terminals set their clocks by."""
    local = now.local()
    if message.dialect.name.startswith("iso93"):
        return {12: f"{local:%y%m%d%H%M%S}"}
    return {12: f"{local:%H%M%S}", 13: f"{local:%m%d}"}


def skew_s(message: Message, now: Now) -> int | None:
    """Seconds that a terminal's clock is ahead, by its DE 12 and 13; None if it does not say."""
    local, said = now.local().replace(tzinfo=None), message.get(12, "")
    if message.dialect.name.startswith("iso93"):
        read = [said]
    else:
        # DE 13 has no year: at its turn the terminal's may be another.
        years = (local.year - 1, local.year, local.year + 1)
        read = [f"{year % 100:02d}{message.get(13, '')}{said}" for year in years]
    clocks = [clock for clock in map(_clock, read) if clock is not None]
    if not clocks:
        return None
    nearest = min(clocks, key=lambda clock: abs(clock - local))
    return round((nearest - local).total_seconds())


def _clock(digits: str) -> datetime | None:
    try:
        return datetime.strptime(digits, "%y%m%d%H%M%S")
    except ValueError:
        return None
