"""Requests that move no money: relayed to a host, matched with its answer, never reversed.

Each counts as a request in flight: of its connection, of all, and of its host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing import response_codes as rc
from routing.cause import Asker
from routing.conventions import CONVENTIONS
from routing.effects import ToHost
from routing.enquiry import Enquiry
from routing.matching import ECHOED, NoFreeKeyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from routing.admission import Admission
    from routing.clock import Now
    from routing.lifecycle import Lifecycle
    from routing.listener import Listener
    from routing.replies import Replies


class Enquiries:
    """Enquiries of terminals, one at a time."""

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

    def heard(self, asker: Asker, listener: Listener, now: Now) -> None:
        """An enquiry came."""
        code = self._may_not(asker, listener, now) or self._admission.busy(asker)
        code = code or self._relay(asker, listener, now)
        if code:
            self._replies.refuse(asker, code, now)

    def _relay(self, asker: Asker, listener: Listener, now: Now) -> str:
        """Send it on its way; returns DE 39 of the refusal, or ''."""
        request = asker.request
        host, code = self._admission.host_for(request, listener, now)
        link = host.links.next_link() if host is not None else None
        if host is None or link is None:
            return code or rc.HOST_UNAVAILABLE
        message = self._admission.towards(host, request, now)
        if message is None:
            return rc.FORMAT_ERROR
        key = host.convention.pending_key(message)
        sent = message.pick(ECHOED)
        sent[11] = message[11]
        enquiry = Enquiry(asker.conn, listener.name, host.name, request, sent, key, link)
        try:
            host.keys.claim_new(key, enquiry)
        except NoFreeKeyError:
            return rc.HOST_UNAVAILABLE
        self._life.book.enquired(asker.conn)
        until = now.monotonic + host.settings.answer_timeout_s
        enquiry.due = self._life.deadlines.watch(enquiry, until)
        self._life.outbox.express.append(ToHost(link, message))
        return ""

    def over(self, enquiry: Enquiry, now: Now) -> None:
        """No answer came to an enquiry; nothing is to be undone."""
        self._life.book.enquiry_over(enquiry.conn)
        self._life.hosts[enquiry.host].keys.quarantine(enquiry.key, now.monotonic)
        code = CONVENTIONS[enquiry.request.dialect.name].no_answer_code
        self._replies.refuse(Asker(enquiry.conn, enquiry.request), code, now)
