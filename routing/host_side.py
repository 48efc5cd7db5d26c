"""What hosts say, and what that means for charges.

An answer is tied to its request by the key as sent; it counts only if its MAC is good and its
echoed fields equal the request's.  Anything else is no answer: the deadline will come.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from routing import answers
from routing.charge import Charge, Event, State
from routing.effects import ToTerminal
from routing.limits import sale_of
from routing.matching import differing_field
from routing.reason import Reason
from routing.response_codes import APPROVALS, APPROVED, BAD_MAC, PARTIAL, SYSTEM_ERROR

if TYPE_CHECKING:
    from codec import Message
    from codec.kept import Fields
    from routing.clock import Now
    from routing.enquiry import Enquiry
    from routing.hosts import Host
    from routing.lifecycle import Lifecycle
    from routing.settlement_day import SettlementDay

_NETWORK_CLASS: Final = "8"
_REVERSAL_CLASS: Final = "4"
_DATE: Final = 15
_SENT, _REVERSAL_DUE = State.SENT, State.REVERSAL_DUE
_APPROVAL, _DECLINE = Event.APPROVAL, Event.DECLINE
_APPROVED, _PARTIAL = APPROVED, PARTIAL


class HostSide:
    """Messages of hosts, one at a time."""

    def __init__(self, life: Lifecycle) -> None:
        self._life = life
        self.unmatched: Counter[tuple[str, str]] = Counter()
        """Messages that were no answer, by host and why."""
        self.late_approvals = 0

    def message(self, host: Host, link: int, message: Message, now: Now, mac_good: bool) -> None:
        """A host sent a message over one of its links."""
        manages = message.is_of(_NETWORK_CLASS)
        host.links.heard(link, now, not manages)
        if manages:
            self._life.outbox.express += host.links.network_message(link, message, now)
            return
        if not host.convention.is_answer(message):
            self.unmatched[host.name, "a request"] += 1
            return
        host.breaker.answered()
        key = host.convention.pending_number(message)
        text = host.convention.pending_key(message) if key < 0 else None
        owner = host.keys.owner_of(key) if text is None else host.keys.owner(text)
        if owner is None:
            part = host.keys.nearly(key if text is None else text)
            why = f"key: {host.convention.key_parts[part]} differs" if part is not None else ""
            self.unmatched[host.name, why or "nobody waits"] += 1
        elif not mac_good:
            self.unmatched[host.name, "bad MAC"] += 1
            self._mac_error(host, now)
            if isinstance(owner, Charge):
                owner.in_trouble().answer_forged = True
        elif not isinstance(owner, Charge):
            self._enquiry_answered(host, owner, message, now)
        elif message.is_of(_REVERSAL_CLASS):
            self._reversal_answered(host, owner, message, now)
        else:
            self._charge_answered(host, owner, message, key, text, now)

    def _is_answer_to(
        self,
        host: Host,
        sent: Fields | dict[int, str],
        stan: str,
        de7: str,
        message: Message,
        code: str,
    ) -> bool:
        field = differing_field(sent, stan, de7, message, code != _APPROVED and code == _PARTIAL)
        if field is not None:
            self.unmatched[host.name, f"DE {field} differs"] += 1
        return field is None and bool(code)

    def _charge_answered(
        self,
        host: Host,
        charge: Charge,
        message: Message,
        key: int,
        text: int | str | None,
        now: Now,
    ) -> None:
        """Its key is the number `key` or, where that is none, `text`."""
        if charge.state is _SENT and not charge.left:
            # It is still here: a host whose dialect has no DE 7 answers an earlier one twice.
            self.unmatched[host.name, "nobody waits"] += 1
            return
        stan, de7, code = charge.host_stan, charge.host_de7, host.convention.code_of(message)
        if not self._is_answer_to(host, charge.sent, stan, de7, message, code):
            return
        if charge.account and message.has(42):
            message.patch(42, charge.merchant)  # the terminal knows no other number
        if charge.state is _SENT:
            host.reply_s.add(now.monotonic - charge.known_since)
        if code == _APPROVED or code in APPROVALS:
            self._approved(host, charge, message, code, now)
        elif charge.state is _REVERSAL_DUE and charge.attempts == 0:
            self._life.apply(charge, Event.LATE_DECLINE_BEFORE_REVERSAL, now)
        else:
            self._reword(host, message, code)
            self._life.move(charge, _DECLINE, now, None, message, None)
            self._heed(host, code, now)
        if text is None:
            host.keys.release_number(key)
        else:
            host.keys.release(text)

    @staticmethod
    def _reword(host: Host, message: Message, code: str) -> None:
        """A terminal that hears A0 signs in again; what the host refused is our MAC, not its."""
        if code == BAD_MAC:
            message.patch(39, host.convention.code_for(message, SYSTEM_ERROR))

    def _heed(self, host: Host, code: str, now: Now) -> None:
        """A host that refuses our MAC has another key than we."""
        if code == BAD_MAC:
            self._mac_error(host, now)

    def _mac_error(self, host: Host, now: Now) -> None:
        if host.links.exchange is not None:
            self._life.outbox.express += host.links.exchange.mac_error(now)

    def _approved(self, host: Host, charge: Charge, message: Message, code: str, now: Now) -> None:
        charge.approval_held, charge.approval_held_since = True, now.monotonic
        charge.settled_on = _settlement_date(host.links.day, message)
        charge.rrn = message.text(37)
        charge.approval_code = message.text(38)
        charge.approved_amount = charge.amount
        if code != _APPROVED and code == _PARTIAL and message.has(4):
            charge.approved_amount = int(host.convention.amount_of(message))
        if charge.state is not _SENT:
            self.late_approvals += 1
            self._life.apply(charge, _APPROVAL, now)
        elif self._is_beyond_limits(charge, now):
            self._life.over_limit += 1
            self._life.apply(charge, Event.OVER_LIMIT, now, reason=Reason.OVER_LIMIT)
        elif charge.line is None:
            reason = Reason.TERMINAL_GONE
            self._life.apply(charge, Event.UNDELIVERABLE_APPROVAL, now, reason=reason)
        else:
            self._life.move(charge, _APPROVAL, now, None, message, None)

    def _is_beyond_limits(self, charge: Charge, now: Now) -> bool:
        """Whether limits that came into force while it was on its way forbid it."""
        limits = self._life.limits
        if not limits.exist() or charge.undoes or charge.kind.advises:
            return False
        return limits.is_beyond(sale_of(charge), now.wall)

    def _reversal_answered(self, host: Host, charge: Charge, message: Message, now: Now) -> None:
        sent = charge.sent | host.convention.rewritten(charge)
        stan, de7 = charge.reversal_stan, charge.reversal_de7
        code = host.convention.code_of(message)
        if self._is_answer_to(host, sent, stan, de7, message, code):
            host.links.day.told(message.get(15) or "")
            self._life.reversals.answered(charge, code, now)
            self._heed(host, code, now)

    def _enquiry_answered(self, host: Host, enquiry: Enquiry, message: Message, now: Now) -> None:
        code = host.convention.code_of(message)
        if not self._is_answer_to(host, enquiry.sent, "", "", message, code):
            return
        host.keys.release(enquiry.key)
        if enquiry.due is None:
            return
        self._life.deadlines.leave(enquiry.due)
        enquiry.due = None
        self._life.book.enquiry_over(enquiry.conn)
        self._reword(host, message, code)
        self._heed(host, code, now)
        answer = answers.for_terminal(enquiry.request, message, self._life.translators, now)
        self._life.outbox.express.append(ToTerminal(enquiry.conn, answer))

    def link_lost(self, host: Host, link: int, now: Now) -> None:
        """A link is gone, and with it every answer that was still to come over it."""
        host.links.down(link, now)
        for charge in self._life.book.open():
            if charge.host != host.name:
                continue
            if charge.trouble.tries:
                left = tuple(each for each in charge.trouble.tries if each[1] != link)
                charge.trouble.tries = left
            if charge.link == link:
                # From now on nothing new can follow, but what was under way may still arrive.
                charge.known_since = now.monotonic
            if charge.state is State.SENT and charge.left and charge.link == link:
                self._life.apply(charge, Event.NO_ANSWER, now, reason=Reason.LINK_LOST)
            elif charge.trouble.reversal_in_flight and charge.trouble.reversal_link == link:
                self._life.apply(charge, Event.REVERSAL_UNANSWERED, now)


def _settlement_date(day: SettlementDay, answer: Message) -> str:
    """MMDD of the day that an approval belongs to; '' as long as its host told none."""
    if not answer.has(_DATE) or answer.holds(_DATE, day.date):
        return day.date  # as of nearly all
    settlement_date = answer.text(_DATE)
    day.told(settlement_date)
    return settlement_date[-4:] or day.date
