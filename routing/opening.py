"""What is written down of a charge when it is opened: as its terminal asks for it, and as its host
gets it.  Whether it may be opened is decided in `admission`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codec import kept
from routing import charge_record
from routing.conventions.base import pan_of
from routing.transaction import Transaction

if TYPE_CHECKING:
    from codec import Message
    from routing.cause import Asker
    from routing.charge_record import Charge
    from routing.conventions import Convention
    from routing.hosts import Host
    from routing.line import Habit
    from routing.listener import Listener

_SALE: Final = Transaction.SALE
_CURRENCY_UNKNOWN: Final = "000"


def asked_for(asker: Asker, habit: Habit, listener: Listener, identity: str, now: float) -> Charge:
    """A charge as its terminal asks for it; `now` is seconds since the epoch."""
    request, convention, speaker = asker.request, listener.convention, habit.speaker
    transaction = habit.wish.transaction or _SALE
    charge = charge_record.blank()
    charge.opened_at = now
    charge.kind = transaction
    charge.undoes = transaction is not _SALE and transaction.undoes
    charge.identity = identity
    charge.dialect, charge.listener = listener.dialect, listener.name
    charge.mti = habit.mti
    charge.merchant, charge.terminal = speaker.merchant, speaker.terminal
    charge.till = speaker.till
    charge.stan = asker.stan()
    charge.batch = convention.batch(request)
    charge.de7 = request.text(7)
    charge.processing_code = habit.processing_code
    charge.amount = asker.amount(convention)
    charge.pan = pan_of(request)
    charge.operator = convention.operator(request)
    charge.request = request
    return charge


def sent_as(charge: Charge, habit: Habit, host: Host, message: Message) -> None:
    """The same as its host gets it; `host_stan` it has already."""
    convention, request = host.convention, charge.request
    charge.host = host.name
    charge.host_de7, charge.currency = charge.de7, habit.currency
    if request is None or request.dialect is not message.dialect:
        charge.host_de7 = message.text(7)
        charge.currency = convention.currency_of(message)
    elif not convention.says_currency_alike:
        charge.currency = convention.currency_of(message)
    charge.currency = charge.currency or _CURRENCY_UNKNOWN
    charge.sent = kept.keep(message, _kept(convention, charge.kind))
    if convention.has_header:
        charge.sent_header = message.header.hex()


def _kept(convention: Convention, transaction: Transaction) -> frozenset[int]:
    """Fields of a request that are kept: an advice that is sent again names its original anew."""
    if transaction is _SALE or not transaction.completes:
        return convention.kept
    return convention.kept | {convention.original_field}
