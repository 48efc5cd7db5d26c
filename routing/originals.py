"""Tells the charge that a void or refund is about what becomes of it; the rules: `undoing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codec import kept
from routing.charge import Charge, Event
from routing.effects import Lookup
from routing.matching import NoFreeKeyError
from routing.reason import Reason
from routing.service import Proof
from routing.transaction import Transaction
from routing.undoing import consequence

if TYPE_CHECKING:
    from routing.clock import Now
    from routing.lifecycle import Lifecycle


class Originals:
    """The charges that are undone, or to be."""

    def __init__(self, life: Lifecycle) -> None:
        self._life = life

    def refund(self, original: Charge, now: Now) -> bool:
        """Have a case's host give back what is left of it; False if that can't be now."""
        host = self._life.hosts.get(original.host)
        link = host.links.next_link() if host is not None else None
        left = original.money - original.given_back
        if host is None or link is None or not original.approval_held or left <= 0:
            return False
        stan = host.keys.next_stan()
        message = host.convention.refund(original, stan, left, now)
        number = self._life.next_id()
        refund = Charge(
            id=number,
            epoch=self._life.epoch,
            opened_at=now.wall,
            # Never what a terminal's own request could be taken for.
            identity=f"{original.till}|{stan}|2|refund {number} of {original.id}",
            dialect=original.dialect,
            listener=original.listener,
            mti=message.mti,
            merchant=original.merchant,
            terminal=original.terminal,
            stan=stan,
            batch=original.batch,
            de7=message.get(7) or "",
            processing_code=message[3],
            amount=left,
            currency=original.currency,
            pan=original.pan,
            proof=Proof.APPROVAL,
            window_s=0.0,
            host=host.name,
            host_stan=stan,
            host_de7=message.get(7) or "",
            sent=kept.keep(message, host.convention.sufficient),
            kind=Transaction.REFUND,
            original_id=original.id,
            sent_header=original.sent_header,
            account=original.account,
            channel=original.channel,
        )
        try:
            host.keys.claim(host.charge_key(refund), refund)
        except NoFreeKeyError:
            return False
        self._life.open(refund, host, message, link, now)
        self.undo(original, refund, now)
        return True

    def undo(self, original: Charge, undoing: Charge, now: Now) -> None:
        """A void or refund of `original` was opened: nothing else may undo the same money."""
        if undoing.kind is Transaction.REFUND:
            original.given_back += undoing.amount
            self._life.apply(original, Event.REFUND_BEGUN, now)
        else:
            original.stood = original.state
            self._life.apply(original, Event.VOID_BEGUN, now)

    def tell(self, undoing: Charge, now: Now) -> None:
        """What became of a void or refund; memory may no longer hold its original."""

        def found(original: Charge | None, now: Now) -> None:
            if original is not None:
                self._tell(undoing, original, now)

        original = self._life.book.get(undoing.original_id)
        if original is None:
            self._life.outbox.lookups.append(Lookup(undoing.original_id, found, stays=True))
        else:
            self._tell(undoing, original, now)

    def _tell(self, undoing: Charge, original: Charge, now: Now) -> None:
        event = consequence(undoing, original)
        if event is None:
            return
        if event is Event.REFUND_FAILED:
            original.given_back -= undoing.amount
        reason = Reason.VOID_UNCLEAR if event is Event.VOID_UNCLEAR else None
        self._life.apply(original, event, now, reason=reason)
