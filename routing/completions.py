"""Completions, and advices: money that a terminal takes on the strength of what happened before.

Rule 1.  A completion goes to the host that has the preauthorisation, and names it as that host
         knows it.  What this journal does not know takes its route, and is worded as it came.
Rule 2.  An advice (a completion, or a sale made offline) tells of what was served already.  It
         can't be reversed, no limit forbids it, and what the host takes is served.
Rule 3.  Its terminal repeats it until it is answered.  Whenever the first try was not, or could not
         leave, a repeat goes to the host under the same numbers, as the repeat that it is.
Rule 4.  Meanwhile it is a case: nobody knows whether the host took it.  A yes, late or to a repeat,
         ends that; a no to a repeat does not, because the first try may have been taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing import response_codes as rc
from routing.accounts.collecting import MAIN_ACCOUNT
from routing.charge import Charge, Event, State
from routing.effects import Lookup, ToHost
from routing.matching import NoFreeKeyError
from routing.reason import Reason
from routing.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from routing.admission import Admission
    from routing.cause import Asker
    from routing.clock import Now
    from routing.lifecycle import Lifecycle
    from routing.listener import Listener
    from routing.replies import Replies


class Completions:
    """Completions and advices of terminals, one at a time."""

    def __init__(
        self,
        life: Lifecycle,
        admission: Admission,
        replies: Replies,
        may_not: Callable[[Asker, Listener, Now], str],
    ) -> None:
        self._life, self._admission, self._replies = life, admission, replies
        self._may_not = may_not
        """DE 39 for a terminal that may do no new business, else ''."""
        admission.advised_again = self.again

    def heard(self, asker: Asker, listener: Listener, now: Now) -> None:
        """A completion or an advice came."""
        message, convention = asker.request, listener.convention
        identity = self._admission.identity_of_new(asker, listener, now)
        if identity is None:
            return
        proves = self._admission.proves_the_last(asker, message[11], listener, now)
        if self._life.pressure.is_full:
            code = self._admission.busy(asker)
            self._admission.turn_away(asker, identity, code, now, after_records=proves)
            return
        transaction = convention.transaction(message)
        named = None
        if transaction is not None and transaction.completes:
            named = convention.completed(message)

        def found(held: Charge | None, now: Now) -> None:
            # The same request, or its reversal, may have come while the journal was asked.
            known = self._admission.known(asker, identity)
            if known is not None:
                self._admission.repeat(known, asker, now)
            elif not self._admission.is_forbidden(asker, identity, convention, now):
                code = self._open(asker, listener, identity, held, now)
                if code:
                    self._admission.turn_away(asker, identity, code, now, after_records=True)

        held = self._life.book.find(named) if named is not None else None
        if named is None or held is not None:
            found(held, now)
        else:
            self._life.outbox.lookups.append(Lookup(named, found))

    def _open(
        self,
        asker: Asker,
        listener: Listener,
        identity: str,
        held: Charge | None,
        now: Now,
    ) -> str:
        """Send it on its way; returns DE 39 of the refusal, or ''."""
        message, admission = asker.request, self._admission
        transaction = listener.convention.transaction(message)
        code = self._may_not(asker, listener, now) or admission.busy(asker)
        if not code and transaction is Transaction.COMPLETION:
            code = admission.beyond_limits(message, now)
        if code:
            return code
        host, choice = None, MAIN_ACCOUNT
        if held is not None and held.kind is Transaction.PREAUTHORISATION:
            host = self._life.hosts.get(held.host)
            code = admission.why_not(host, now) if host is not None else ""
        else:
            held = None
        if host is None:
            held, choice = None, admission.account_for(message, now)
            if choice.code and transaction is not Transaction.COMPLETION:
                choice = MAIN_ACCOUNT  # what an advice tells of was taken already
            code = choice.code
        if host is None and not code:
            host, code = admission.host_for(message, listener, now, choice.host)
        if host is None or code:
            return code
        return admission.open(asker, listener, identity, host, held, now, choice)

    def again(self, charge: Charge, asker: Asker, now: Now) -> bool:
        """An advice is repeated; False if it has its answer, or waits for it."""
        unanswered = charge.state is State.CASE and charge.reason == Reason.OUTCOME_UNKNOWN
        if not charge.kind.advises or not (unanswered or charge.state is State.NEVER_LEFT):
            return False
        code = self._send_again(charge, asker, now, is_repeat=unanswered)
        if code:
            self._replies.refuse(asker, code, now)
        return True

    def _send_again(self, charge: Charge, asker: Asker, now: Now, *, is_repeat: bool) -> str:
        host = self._life.hosts.get(charge.host)
        code = rc.HOST_UNAVAILABLE if host is None else self._admission.busy(asker)
        if host is not None:
            code = code or self._admission.why_not(host, now)
        if host is None or code:
            return code
        message, link = self._admission.towards(host, asker.request, now), host.links.next_link()
        if message is None or link is None:
            return rc.HOST_UNAVAILABLE
        numbers = {11: charge.host_stan} | ({7: charge.host_de7} if charge.host_de7 else {})
        for de, value in (charge.sent | numbers).items():
            message.patch(de, value)
        if is_repeat and not host.convention.repeats_as_sent:
            message.set_mti(message.mti[:3] + "1")
        try:
            host.keys.claim(host.charge_key(charge), charge)
        except NoFreeKeyError:
            return rc.HOST_UNAVAILABLE
        charge.request, charge.link = asker.request, link
        charge.in_trouble().too_late = False
        charge.known_since = now.monotonic
        self._life.book.join_line(charge, asker.line)
        self._life.apply(charge, Event.ADVISED_AGAIN, now)
        self._life.wake(charge, now.monotonic + host.settings.answer_timeout_s)
        self._life.outbox.sends.append(ToHost(link, message, charge))
        host.breaker.sent(now.monotonic)
        return ""
