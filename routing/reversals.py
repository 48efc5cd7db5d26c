"""Reversals on their way to a host: each try, and what the answer to it means.

That one is due is decided in `charge`; when, how often, and what ends it stands in `reversal`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codec import BuildError
from routing.charge import Event, State
from routing.effects import ToHost
from routing.reason import Reason
from routing.reversal import ACCEPTED, NOTHING, UNKNOWN, verdict

if TYPE_CHECKING:
    from routing.charge import Charge
    from routing.clock import Now
    from routing.lifecycle import Lifecycle

HOST_POLL_S: Final = 0.5
"""How soon a reversal looks again for a usable link, or for a free key."""
CLOSED_LINK_MARGIN_S: Final = 2.0
"""How long bytes that a closed link carried may still reach the host."""


class Reversals:
    """The reversals of one gateway, ordered for each charge and not among charges."""

    def __init__(self, life: Lifecycle) -> None:
        self._life = life

    def send(self, charge: Charge, now: Now) -> None:
        """The next try of a reversal, or a case when it has been tried for too long."""
        life, limits = self._life, self._life.settings.reversal
        too_old = now.wall - charge.reversal_since > limits.age_max_s
        if too_old or charge.attempts >= limits.attempts_max:
            life.apply(charge, Event.REVERSAL_EXHAUSTED, now, reason=Reason.EXHAUSTED)
            return
        host = life.hosts[charge.host]
        link = host.links.next_link()
        key = host.reversal_key(charge)
        if link is None or not host.keys.is_free_for(key, charge):
            life.wake(charge, now.monotonic + HOST_POLL_S)
            return
        try:
            message = host.convention.reversal(charge, host.settings.reversal_mti)
        except BuildError:
            # Whatever made it so, trying again can't help; and the others must not wait for it.
            life.apply(charge, Event.REVERSAL_REFUSED, now, reason=Reason.UNBUILDABLE)
            return
        host.keys.claim(key, charge)
        charge.attempts += 1
        trouble = charge.in_trouble()
        trouble.tries = (*trouble.tries, (now.monotonic, link))
        trouble.reversal_in_flight, trouble.reversal_link = True, link
        life.wake(charge, now.monotonic + limits.answer_timeout_s)
        life.apply(charge, Event.REVERSAL_SENT, now)
        life.outbox.sends.append(ToHost(link, message, charge, reverses=True))

    def over(self, charge: Charge, now: Now) -> None:
        """Nothing more is sent for this reversal; a late answer may still come."""
        self._life.rest(charge)
        charge.in_trouble().reversal_in_flight = False
        if charge.reversal_stan and charge.host in self._life.hosts:
            host = self._life.hosts[charge.host]
            host.keys.quarantine(host.reversal_key(charge), now.monotonic)

    def answered(self, charge: Charge, code: str, now: Now) -> None:
        """The host answered a reversal with DE 39 = `code`.

        All tries look the same, so the answer may be to any that still waits.  "Nothing to reverse"
        counts as the oldest's, which knew the least, and any other answer as the newest's, so that
        the oldest still waits for its own.  And it may come twice: where no try waits only a yes
        counts, and "nothing to reverse" does not count again so soon after the last one.
        """
        if charge.state is not State.REVERSAL_DUE or not (charge.trouble.tries or code == ACCEPTED):
            return
        trouble = charge.in_trouble()
        tries = trouble.tries or ((now.monotonic, 0),)
        tried_at, _ = tries[0]
        trouble.tries = tries[1:] if code in NOTHING else tries[:-1]
        overtook = self._overtook(charge, tried_at)
        if code in NOTHING:
            is_copy = self._was_told_nothing(charge, now)
            if overtook or not is_copy:
                trouble.told_nothing_at = now.monotonic
            overtook = overtook or is_copy
        event = verdict(charge, code, may_have_overtaken=overtook)
        if event is Event.REVERSAL_ACCEPTED and charge.keeps:
            event, charge.approved_amount = Event.PARTLY_REVERSED, charge.keeps
        no = event is Event.REVERSAL_REFUSED or (event is Event.NOTHING_FOUND and code == UNKNOWN)
        reason = Reason.REFUSED_BY_HOST if event is Event.REVERSAL_REFUSED else None
        if no and self._life.hosts[charge.host].may_have_settled(charge):
            # It may know the charge, and not reverse it any more: its settlement file will tell.
            event, reason = Event.REVERSAL_REFUSED, Reason.AFTER_CUT_OVER
        self._life.apply(charge, event, now, reason=reason)

    def _overtook(self, charge: Charge, tried_at: float) -> bool:
        """Whether a try may have been at the host before its original."""
        if charge.approval_held:
            return tried_at < charge.approval_held_since
        margin_s = self._life.settings.reversal.reorder_margin_s
        if charge.link not in self._life.hosts[charge.host].links:
            margin_s = min(margin_s, CLOSED_LINK_MARGIN_S)
        return tried_at - charge.known_since < margin_s

    def _was_told_nothing(self, charge: Charge, now: Now) -> bool:
        """Whether a copy of an earlier "nothing to reverse" may still come."""
        margin_s = self._life.settings.reversal.reorder_margin_s
        told_at = charge.trouble.told_nothing_at
        return told_at > 0.0 and now.monotonic - told_at < margin_s
