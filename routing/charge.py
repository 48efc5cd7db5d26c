"""The life of one charge: its rules and its table.

Rules
-----
Rule 1.  Everything that decides how a charge ends stands in `TABLE`.  Code elsewhere translates
         what happened into an `Event`, asks `step`, and carries out the `Action`s.
Rule 2.  Money that a host may have taken is never forgotten: from SENT on, each path leads to
         DECLINED, SERVED, a reversal that the host acknowledged, REFUNDED, or a CASE.
Rule 3.  A pair that is not in the table is an error of ours.  It opens a case on that charge
         (`INTERNAL_ERROR`); it never passes in silence and never stops other charges.
Rule 4.  An approval that came too late is held in `approval_held`, never delivered.

Theory of operation
-------------------
A charge is opened in SENT: its record is durable before a byte leaves for the host.  The host's
answer makes it DECLINED or APPROVED.  An approval is handed to the terminal's socket only once
its record is durable; then delivery is watched.  What counts as delivered:

* the terminal confirmed, or repeated nothing and began its next sale (`terminal_resolves_first`),
* or its TCP acknowledged every byte and no reset followed within a second.

A merchant `served at approval` is served then (PRESUMED_SERVED: the terminal may still take it
back by its own reversal).  A merchant with `confirmation` has a window, and silence is a no.
No answer, no delivery, no service: REVERSAL_DUE, repeated by a schedule until the host gives a
definite answer, else a CASE that a person is told about.

What ends a reversal is decided in `reversal.verdict`; the table only knows the verdicts.

Voids and refunds live by the same table; what they do to the charge that they are about is decided
in `undoing` and comes to that charge as events.  What a terminal only tells of (`completions`) is
served before it comes: it can't be reversed, and is sent again as often as its terminal repeats it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from routing.charge_record import Charge
from routing.reason import Reason
from routing.states import Action, Event, State
from routing.transaction import Transaction

__all__ = [
    "END_OF",
    "INTERNAL_ERROR",
    "NOT_STANDING",
    "OPEN_STATES",
    "TABLE",
    "Action",
    "Charge",
    "Event",
    "State",
    "Step",
    "step",
    "what_happens",
]


@dataclass
class Step:
    """One cell of the table: where to go, what to do, what to answer the one who asked."""

    next: State
    actions: tuple[Action, ...] = ()
    code: str | None = None
    """DE 39 for the sender of a confirmation or a reversal, in the common code set."""


S, E, A = State, Event, Action
_STANDS_AGAIN: Final[dict[Event, Step]] = {
    E.STANDS_UNCONFIRMED: Step(S.DELIVERED, (A.OPEN_WINDOW,)),
    E.STANDS_PRESUMED: Step(S.PRESUMED_SERVED),
    E.STANDS_SERVED: Step(S.SERVED),
    E.VOID_UNCLEAR: Step(S.CASE, (A.TELL_A_PERSON,)),
}
_TO_REVERSAL = Step(S.REVERSAL_DUE, (A.BEGIN_REVERSAL,), "00")
# A person, or a settlement file, says otherwise: whatever it ended as, a person decides.
_QUESTIONED: Final[dict[Event, Step]] = {E.QUESTIONED: Step(S.CASE, (A.TELL_A_PERSON,))}
# Served and taken back once too often: a person looks before the money goes.
_HELD: Final[dict[Event, Step]] = {E.HELD_FOR_REVIEW: Step(S.CASE, (A.TELL_A_PERSON,), "00")}

TABLE: Final[dict[State, dict[Event, Step]]] = {
    S.SENT: {
        E.APPROVAL: Step(S.APPROVED, (A.RELAY_ANSWER,)),
        E.UNDELIVERABLE_APPROVAL: _TO_REVERSAL,
        E.OVER_LIMIT: Step(S.REVERSAL_DUE, (A.TELL_NO_ANSWER, A.BEGIN_REVERSAL)),
        E.DECLINE: Step(S.DECLINED, (A.RELAY_ANSWER,)),
        E.NO_ANSWER: Step(S.REVERSAL_DUE, (A.TELL_NO_ANSWER, A.BEGIN_REVERSAL)),
        # A refund: it can't be reversed, so it need not be delivered either.
        E.APPROVAL_STANDS: Step(S.PRESUMED_SERVED, (A.RELAY_ANSWER,)),
        E.OUTCOME_UNKNOWN: Step(S.CASE, (A.TELL_NO_ANSWER, A.TELL_A_PERSON)),
        # An advice: the service was given before it came.
        E.ADVICE_TAKEN: Step(S.SERVED, (A.RELAY_ANSWER,)),
        # A no to its second try, when the first may have been taken.
        E.ADVICE_DISPUTED: Step(S.CASE, (A.RELAY_ANSWER, A.TELL_A_PERSON)),
        E.UNSENDABLE: Step(S.NEVER_LEFT, (A.TELL_UNSENT,)),
        E.RESTART: _TO_REVERSAL,
        E.REPEAT: Step(S.SENT),
        E.CONFIRMED: Step(S.SENT, (), "25"),
        E.NOT_SERVED: Step(S.REVERSAL_DUE, (A.TELL_NO_ANSWER, A.BEGIN_REVERSAL), "00"),
        E.TERMINAL_REVERSAL: Step(S.REVERSAL_DUE, (A.TELL_NO_ANSWER, A.BEGIN_REVERSAL), "00"),
    },
    S.APPROVED: {
        E.UNDELIVERABLE_APPROVAL: _TO_REVERSAL,
        E.DELIVERY_PROVEN: Step(S.DELIVERED, (A.OPEN_WINDOW,)),
        E.DELIVERY_IS_SERVICE: Step(S.PRESUMED_SERVED),
        E.TERMINAL_LOST: Step(S.DELIVERY_UNKNOWN, (A.HOLD_FOR_PROOF,)),
        E.RESTART: Step(S.DELIVERY_UNKNOWN, (A.HOLD_FOR_PROOF,)),
        E.REPEAT: Step(S.APPROVED, (A.ANSWER_AGAIN,)),
        E.CONFIRMED: Step(S.SERVED, (), "00"),
        E.NOT_SERVED: _TO_REVERSAL,
        E.TERMINAL_REVERSAL: _TO_REVERSAL,
        E.PARTLY_SERVED: _TO_REVERSAL,
    },
    S.DELIVERY_UNKNOWN: {
        E.DELIVERY_PROVEN: Step(S.DELIVERED, (A.OPEN_WINDOW,)),
        E.DELIVERY_IS_SERVICE: Step(S.PRESUMED_SERVED),
        E.RESTART: Step(S.DELIVERY_UNKNOWN, (A.HOLD_FOR_PROOF,)),
        E.REPEAT: Step(S.APPROVED, (A.ANSWER_AGAIN,)),
        E.PROOF_TIME_OVER: _TO_REVERSAL,
        E.CONFIRMED: Step(S.SERVED, (), "00"),
        E.NOT_SERVED: _TO_REVERSAL,
        E.TERMINAL_REVERSAL: _TO_REVERSAL,
        E.PARTLY_SERVED: _TO_REVERSAL,
    },
    S.DELIVERED: {
        E.RESTART: Step(S.DELIVERED, (A.OPEN_WINDOW,)),
        E.REPEAT: Step(S.DELIVERED, (A.ANSWER_AGAIN,)),
        E.VOID_BEGUN: Step(S.VOIDING),
        E.WINDOW_OVER: _TO_REVERSAL,
        E.CONFIRMED: Step(S.SERVED, (), "00"),
        E.NOT_SERVED: _TO_REVERSAL,
        E.TERMINAL_REVERSAL: _TO_REVERSAL,
        E.PARTLY_SERVED: _TO_REVERSAL,
        **_HELD,
        **_QUESTIONED,
    },
    S.REVERSAL_DUE: {
        E.APPROVAL: Step(S.REVERSAL_DUE),
        E.DECLINE: Step(S.REVERSAL_DUE),
        E.LATE_DECLINE_BEFORE_REVERSAL: Step(S.DECLINED),
        E.RESTART: Step(S.REVERSAL_DUE, (A.RETRY_LATER,)),
        E.REPEAT: Step(S.REVERSAL_DUE, (A.TELL_REVERSED,)),
        E.CONFIRMED: Step(S.REVERSAL_DUE, (), "22"),
        E.NOT_SERVED: Step(S.REVERSAL_DUE, (), "00"),
        E.TERMINAL_REVERSAL: Step(S.REVERSAL_DUE, (), "00"),
        E.REVERSAL_SENT: Step(S.REVERSAL_DUE),
        E.REVERSAL_ACCEPTED: Step(S.REVERSED),
        E.PARTLY_REVERSED: Step(S.SERVED),
        E.NOTHING_FOUND: Step(S.NOTHING_TO_REVERSE),
        E.REVERSAL_UNANSWERED: Step(S.REVERSAL_DUE, (A.RETRY_LATER,)),
        E.REVERSAL_REFUSED: Step(S.CASE, (A.TELL_A_PERSON,)),
        E.REVERSAL_EXHAUSTED: Step(S.CASE, (A.TELL_A_PERSON,)),
        # Its deadline passed while its record was still on the way to the disk: no byte ever left.
        E.UNSENDABLE: Step(S.NEVER_LEFT),
    },
    S.VOIDING: {
        E.RESTART: Step(S.VOIDING),
        E.REPEAT: Step(S.VOIDING, (A.ANSWER_AGAIN,)),
        E.CONFIRMED: Step(S.VOIDING, (), "22"),
        E.NOT_SERVED: Step(S.VOIDING, (), "22"),
        E.TERMINAL_REVERSAL: Step(S.VOIDING, (), "22"),
        E.VOID_STANDS: Step(S.VOIDED),
        **_STANDS_AGAIN,
    },
    S.NEVER_LEFT: {
        E.REPEAT: Step(S.NEVER_LEFT, (A.ANSWER_AGAIN,)),
        E.ADVISED_AGAIN: Step(S.SENT),
        E.CONFIRMED: Step(S.NEVER_LEFT, (), "25"),
        E.NOT_SERVED: Step(S.NEVER_LEFT, (), "25"),
        E.TERMINAL_REVERSAL: Step(S.NEVER_LEFT, (), "12"),
        **_QUESTIONED,
    },
    S.DECLINED: {
        E.REPEAT: Step(S.DECLINED, (A.ANSWER_AGAIN,)),
        E.CONFIRMED: Step(S.DECLINED, (), "25"),
        E.NOT_SERVED: Step(S.DECLINED, (), "25"),
        E.TERMINAL_REVERSAL: Step(S.DECLINED, (), "12"),
        **_QUESTIONED,
    },
    S.PRESUMED_SERVED: {
        E.REPEAT: Step(S.PRESUMED_SERVED, (A.ANSWER_AGAIN,)),
        E.CONFIRMED: Step(S.SERVED, (), "00"),
        E.NOT_SERVED: _TO_REVERSAL,
        E.TERMINAL_REVERSAL: _TO_REVERSAL,
        E.PARTLY_SERVED: _TO_REVERSAL,
        E.VOID_BEGUN: Step(S.VOIDING),
        E.REFUND_BEGUN: Step(S.PRESUMED_SERVED),
        E.REFUND_FAILED: Step(S.PRESUMED_SERVED),
        E.REFUNDED_WHOLE: Step(S.REFUNDED),
        **_HELD,
        **_QUESTIONED,
    },
    S.SERVED: {
        E.VOID_BEGUN: Step(S.VOIDING),
        E.REFUND_BEGUN: Step(S.SERVED),
        E.REFUND_FAILED: Step(S.SERVED),
        E.REFUNDED_WHOLE: Step(S.REFUNDED),
        E.REPEAT: Step(S.SERVED, (A.ANSWER_AGAIN,)),
        E.CONFIRMED: Step(S.SERVED, (), "00"),
        # It said that it served.  Giving money back now is a refund, by a person's decision.
        E.NOT_SERVED: Step(S.SERVED, (), "22"),
        E.TERMINAL_REVERSAL: Step(S.SERVED, (), "22"),
        **_QUESTIONED,
    },
    S.REVERSED: {
        E.APPROVAL: Step(S.REVERSED),
        E.DECLINE: Step(S.REVERSED),
        E.REPEAT: Step(S.REVERSED, (A.TELL_REVERSED,)),
        E.CONFIRMED: Step(S.REVERSED, (), "22"),
        E.NOT_SERVED: Step(S.REVERSED, (), "00"),
        E.TERMINAL_REVERSAL: Step(S.REVERSED, (), "00"),
        **_QUESTIONED,
    },
    S.NOTHING_TO_REVERSE: {
        # The host knew nothing, and now it approves: the same reversal goes out again.
        E.APPROVAL: Step(S.REVERSAL_DUE, (A.RETRY_LATER,)),
        E.DECLINE: Step(S.NOTHING_TO_REVERSE),
        E.REPEAT: Step(S.NOTHING_TO_REVERSE, (A.TELL_REVERSED,)),
        E.CONFIRMED: Step(S.NOTHING_TO_REVERSE, (), "22"),
        E.NOT_SERVED: Step(S.NOTHING_TO_REVERSE, (), "00"),
        E.TERMINAL_REVERSAL: Step(S.NOTHING_TO_REVERSE, (), "00"),
        **_QUESTIONED,
    },
    S.VOIDED: {
        E.REPEAT: Step(S.VOIDED, (A.TELL_REVERSED,)),
        E.CONFIRMED: Step(S.VOIDED, (), "22"),
        E.NOT_SERVED: Step(S.VOIDED, (), "00"),
        E.TERMINAL_REVERSAL: Step(S.VOIDED, (), "22"),
        # The void itself was reversed.
        **_STANDS_AGAIN,
        **_QUESTIONED,
    },
    S.REFUNDED: {
        E.REPEAT: Step(S.REFUNDED, (A.TELL_REVERSED,)),
        E.CONFIRMED: Step(S.REFUNDED, (), "22"),
        E.NOT_SERVED: Step(S.REFUNDED, (), "00"),
        E.TERMINAL_REVERSAL: Step(S.REFUNDED, (), "00"),
        **_QUESTIONED,
    },
    S.CASE: {
        E.APPROVAL: Step(S.CASE),
        E.DECLINE: Step(S.CASE),
        E.REPEAT: Step(S.CASE, (A.TELL_REVERSED,)),
        E.CONFIRMED: Step(S.CASE, (), "22"),
        E.NOT_SERVED: Step(S.CASE, (), "00"),
        E.TERMINAL_REVERSAL: Step(S.CASE, (), "00"),
        # The answer to a refund or an advice came after all, or it is asked for once more.
        E.APPROVAL_STANDS: Step(S.PRESUMED_SERVED),
        E.ADVICE_TAKEN: Step(S.SERVED),
        E.ADVISED_AGAIN: Step(S.SENT),
        # Its batch was settled after all.
        E.VOUCHED_LATE: Step(S.SERVED),
        E.CLOSED_SERVED: Step(S.SERVED),
        E.CLOSED_REFUNDED: Step(S.REFUNDED),
        E.CLOSED_REVERSED: Step(S.REVERSED),
        # A refund that a person asked for, of what can't be reversed any more.
        E.REFUND_BEGUN: Step(S.CASE),
        E.REFUND_FAILED: Step(S.CASE),
        E.REFUNDED_WHOLE: Step(S.REFUNDED),
        E.CASE_RETRIED: Step(S.REVERSAL_DUE, (A.BEGIN_REVERSAL,)),
    },
}

INTERNAL_ERROR: Final = Step(S.CASE, (A.TELL_A_PERSON,), "96")

END_OF: Final[dict[State, str]] = {
    S.DECLINED: "declined",
    S.PRESUMED_SERVED: "served",
    S.SERVED: "served",
    S.REVERSED: "reversed",
    S.NOTHING_TO_REVERSE: "reversed",
    S.VOIDED: "reversed",
    S.REFUNDED: "refunded",
    S.CASE: "case",
}
"""The ends of the promise.  NEVER_LEFT is none of them: no host ever saw it, it is no charge."""

OPEN_STATES: Final = frozenset(
    {S.SENT, S.APPROVED, S.DELIVERY_UNKNOWN, S.DELIVERED, S.REVERSAL_DUE, S.VOIDING}
)

NOT_STANDING: Final = frozenset(
    {S.REVERSAL_DUE, S.REVERSED, S.NOTHING_TO_REVERSE, S.VOIDED, S.REFUNDED, S.CASE}
)
"""The sale is, or will be, undone: no approval of it may reach a terminal any more."""


def step(state: State, event: Event) -> Step:
    """The cell of the table for this pair, or `INTERNAL_ERROR` for a pair that cannot be."""
    cells = TABLE[state]
    return cells.get(event, INTERNAL_ERROR)


_OF_REFUNDS: Final[dict[tuple[State, Event], Event]] = {
    (S.SENT, E.APPROVAL): E.APPROVAL_STANDS,
    (S.SENT, E.UNDELIVERABLE_APPROVAL): E.APPROVAL_STANDS,
    (S.SENT, E.NO_ANSWER): E.OUTCOME_UNKNOWN,
    (S.SENT, E.RESTART): E.OUTCOME_UNKNOWN,
    (S.CASE, E.APPROVAL): E.APPROVAL_STANDS,
}
_OF_ADVICES: Final[dict[tuple[State, Event], Event]] = {
    (S.SENT, E.APPROVAL): E.ADVICE_TAKEN,
    (S.SENT, E.UNDELIVERABLE_APPROVAL): E.ADVICE_TAKEN,
    (S.SENT, E.NO_ANSWER): E.OUTCOME_UNKNOWN,
    (S.SENT, E.RESTART): E.OUTCOME_UNKNOWN,
    (S.CASE, E.APPROVAL): E.ADVICE_TAKEN,
}
_OF_ADVICES_SENT_AGAIN: Final = {
    E.DECLINE: E.ADVICE_DISPUTED,
    E.UNSENDABLE: E.OUTCOME_UNKNOWN,
}
_SALE: Final = Transaction.SALE
_REFUND: Final = Transaction.REFUND


def what_happens(charge: Charge, event: Event) -> Event:
    """`event` as it is for this charge: refunds and advices can't be reversed."""
    if charge.kind is _SALE:
        return event
    if charge.kind is _REFUND:
        return _OF_REFUNDS.get((charge.state, event), event)
    if not charge.kind.advises:
        return event
    if charge.state is State.SENT and charge.reason == Reason.OUTCOME_UNKNOWN:
        event = _OF_ADVICES_SENT_AGAIN.get(event, event)
    return _OF_ADVICES.get((charge.state, event), event)


del S, E, A
