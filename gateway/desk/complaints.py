"""Complaints: charged, and got nothing.  Which charge is meant, what became of it, what follows.

A customer knows the retrieval reference of the slip, or the card's last digits, the amount and the
time.  The verdict says what the journal knows; where it knows of no confirmed service, money starts
on its way back, or a person is told.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from codec import mask
from gateway.desk.requests import DeskError
from gateway.journal.desk_reader import DeskReader
from gateway.story import EVIDENCE, story, utc
from routing.charge import Charge, Event, State
from routing.reason import Reason

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.desk.requests import Complain
    from routing.clock import Now
    from routing.switch import Switch

_FOUND_MAX: Final = 20
_LOOK_BACK_S: Final = 92 * 86_400.0
"""How long ago a charge may be that is looked for by its RRN alone."""
_CARD: Final = re.compile(r"(\d{0,6})[^\d]+(\d{1,4})")


class Verdict(StrEnum):
    """What a complaint is answered with."""

    NOT_FOUND = "not found"
    SEVERAL = "several fit"
    NOT_CHARGED = "not charged"
    IN_PROGRESS = "in progress"
    SERVED = "served"
    REVERSED = "reversed"
    REFUNDED = "refunded"
    BEING_REVERSED = "being reversed"
    REVERSAL_BEGUN = "reversal begun"
    REFUND_PROPOSED = "refund proposed"
    CASE_OPENED = "case opened"
    CASE_OPEN = "a case already"


_BY_STATE: Final = {
    State.SENT: Verdict.IN_PROGRESS,
    State.APPROVED: Verdict.IN_PROGRESS,
    State.DELIVERY_UNKNOWN: Verdict.IN_PROGRESS,
    State.DELIVERED: Verdict.IN_PROGRESS,
    State.VOIDING: Verdict.IN_PROGRESS,
    State.NEVER_LEFT: Verdict.NOT_CHARGED,
    State.DECLINED: Verdict.NOT_CHARGED,
    State.SERVED: Verdict.SERVED,
    State.REVERSAL_DUE: Verdict.BEING_REVERSED,
    State.REVERSED: Verdict.REVERSED,
    State.NOTHING_TO_REVERSE: Verdict.REVERSED,
    State.VOIDED: Verdict.REVERSED,
    State.REFUNDED: Verdict.REFUNDED,
    State.CASE: Verdict.CASE_OPEN,
}


class Candidate(NamedTuple):
    """A charge that a complaint may mean."""

    id: int
    shown: dict[str, Any]


def candidates(config: Config, wanted: Complain, wall: float) -> list[Candidate]:
    """The charges that a complaint may mean, no more than 20.  Blocks; reads the journal beside.

    Raises DeskError for a complaint that names too little, or a card in clear.
    """
    with DeskReader(config) as reader:
        if wanted.charge:
            found = reader.charges(charge_id=wanted.charge)
        else:
            condition, values = _condition(wanted)
            since, until = wall - _LOOK_BACK_S, wall + wanted.within_s
            if wanted.when:
                since, until = wanted.when - wanted.within_s, wanted.when + wanted.within_s
            found = reader.between(since, until, condition, *values)
        fitting = (each for each in found if not each.kind.undoes and _is_card(wanted.card, each))
        return [Candidate(each.id, _shown(each)) for each, _ in zip(fitting, range(_FOUND_MAX))]  # noqa: B905 - the shorter one ends it


def _condition(wanted: Complain) -> tuple[str, list[Any]]:
    if wanted.card and not _CARD.fullmatch(wanted.card):
        message = "card: give it masked, like 476173******0119"
        raise DeskError(message)
    if wanted.rrn:
        return "rrn = ?", [wanted.rrn]
    if not (wanted.card and wanted.amount and wanted.when):
        message = "give the charge, its RRN, or card (masked), amount and time"
        raise DeskError(message)
    return "amount = ? OR approved_amount = ?", [wanted.amount, wanted.amount]


def _is_card(masked: str, charge: Charge) -> bool:
    if not masked:
        return True
    match = _CARD.fullmatch(masked)
    return match is not None and (
        charge.pan.startswith(match[1]) and bool(charge.pan) and charge.pan.endswith(match[2])
    )


def _shown(charge: Charge) -> dict[str, Any]:
    return {
        "id": charge.id,
        "at": utc(charge.opened_at),
        "card": mask.pan(charge.pan) if charge.pan else "",
        "amount": charge.money,
        "currency": charge.currency,
        "merchant": charge.merchant,
        "terminal": charge.terminal,
        "rrn": charge.rrn,
        "state": charge.state,
    }


def evidence(config: Config, charge_id: int) -> list[str]:
    """What speaks for the service of a charge, a line each.  Blocks."""
    with DeskReader(config) as reader:
        return [
            f"{line['at']} {line['who']} {line['what']}"
            for line in story(reader, charge_id)
            if line["event"] in EVIDENCE or line["event"] == "REPORTED"
        ]


def judge(switch: Switch, charge: Charge, now: Now) -> Verdict:
    """What a charge's state means for a complaint about it, and what that starts at once."""
    known = _BY_STATE.get(charge.state)
    if known is not None:
        return known
    # It was handed over, and nobody ever said that it was served.
    host = switch.hosts.get(charge.host)
    settled = host is not None and host.has_settled(charge)
    up_to = switch.life.settings.cases.complaint_reverses_up_to.get(charge.currency, 0)
    if settled or charge.money > up_to or charge.given_back or charge.keeps:
        switch.docket.question(charge, Reason.COMPLAINT, now)
        return Verdict.REFUND_PROPOSED if settled else Verdict.CASE_OPENED
    switch.life.apply(charge, Event.NOT_SERVED, now, reason=Reason.COMPLAINT)
    begun = charge.state is State.REVERSAL_DUE
    return Verdict.REVERSAL_BEGUN if begun else Verdict.CASE_OPENED
