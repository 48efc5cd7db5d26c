"""What goes on record of a charge: its opening, and each step that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from codec.kept import Fields
    from routing.charge import Charge, Event, State

OPENED: Final = (
    "id", "identity", "host", "terminal", "batch", "pan", "epoch", "opened_at", "dialect",
    "listener", "mti", "merchant", "stan", "de7", "processing_code", "amount", "currency", "proof",
    "window_s", "host_stan", "host_de7", "sent", "kind", "original_id", "operator", "sent_header",
    "sent_on", "account", "channel",
)  # fmt: skip
"""What a charge's first record holds, and never changes."""

MOVED: Final = (
    "state", "updated_at", "reason", "code", "rrn", "approval_code", "answer", "echoed",
    "approved_amount", "approval_held", "proof_restarts", "remark", "reversal_stan", "reversal_de7",
    "reversal_since", "attempts", "repeats_answered", "stood", "given_back", "keeps", "settled_on",
)  # fmt: skip
"""What every later record of a charge holds."""


def opened_values(each: Charge) -> tuple[Any, ...]:
    """The values of OPENED, in its order."""
    return (
        each.id, each.identity, each.host, each.terminal, each.batch, each.pan, each.epoch,
        each.opened_at, each.dialect, each.listener, each.mti, each.merchant, each.stan, each.de7,
        each.processing_code, each.amount, each.currency, each.proof, each.window_s,
        each.host_stan, each.host_de7, each.sent, each.kind, each.original_id, each.operator,
        each.sent_header, each.sent_on, each.account, each.channel,
    )  # fmt: skip


def moved_values(each: Charge | Moved) -> tuple[Any, ...]:
    """The values of MOVED, in its order."""
    return (
        each.state, each.updated_at, each.reason, each.code, each.rrn, each.approval_code,
        each.answer, each.echoed, each.approved_amount, each.approval_held, each.proof_restarts,
        each.remark, each.reversal_stan, each.reversal_de7, each.reversal_since, each.attempts,
        each.repeats_answered, each.stood, each.given_back, each.keeps, each.settled_on,
    )  # fmt: skip


# Made for every charge, and field by field: a class called with arguments costs C five times that.


@dataclass
class Opened:
    """A charge is about to leave for a host.  What OPENED names of it never changes any more, so it
    stands in the charge itself.
    """

    id: int
    charge: Charge

    @property
    def values(self) -> tuple[Any, ...]:
        """Those of OPENED."""
        return opened_values(self.charge)


@dataclass
class Moved:
    """A charge took a step: what MOVED names of it, as it stood then."""

    id: int
    epoch: int
    event: Event
    before: State
    state: State
    updated_at: float
    reason: str
    code: str
    rrn: str
    approval_code: str
    answer: Fields | dict[int, str] | None
    echoed: tuple[int, ...]
    approved_amount: int
    approval_held: bool
    proof_restarts: int
    remark: str
    reversal_stan: str
    reversal_de7: str
    reversal_since: float
    attempts: int
    repeats_answered: int
    stood: str
    given_back: int
    keeps: int
    settled_on: str

    @property
    def values(self) -> tuple[Any, ...]:
        """Those of MOVED."""
        return moved_values(self)


def opened(charge: Charge) -> Opened:
    """The record of a charge's opening."""
    record = Opened.__new__(Opened)
    record.id, record.charge = charge.id, charge
    return record


def moved(charge: Charge, event: Event, before: State) -> Moved:
    """The record of a step that a charge has taken."""
    record = Moved.__new__(Moved)
    record.id, record.epoch = charge.id, charge.epoch
    record.event, record.before = event, before
    record.state, record.updated_at = charge.state, charge.updated_at
    record.reason, record.code, record.remark = charge.reason, charge.code, charge.remark
    record.rrn, record.approval_code = charge.rrn, charge.approval_code
    record.answer, record.echoed = charge.answer, charge.echoed
    record.approved_amount, record.approval_held = charge.approved_amount, charge.approval_held
    record.proof_restarts, record.repeats_answered = charge.proof_restarts, charge.repeats_answered
    record.reversal_stan, record.reversal_de7 = charge.reversal_stan, charge.reversal_de7
    record.reversal_since, record.attempts = charge.reversal_since, charge.attempts
    record.stood, record.settled_on = charge.stood, charge.settled_on
    record.given_back, record.keeps = charge.given_back, charge.keeps
    return record
