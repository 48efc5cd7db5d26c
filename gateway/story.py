"""The story of one charge: what happened, when, why, and who did it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from codec import mask
from gateway.journal import docket
from routing.docket import Entry
from routing.states import Event, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.journal.reader import JournalReader
    from routing.charge import Charge
    from routing.effects import Noted

GATEWAY: Final = "gateway"
_HOST: Final = "host {host}"
_TERMINAL: Final = "terminal {terminal}"
_PERSON: Final = "a person"

_TOLD: Final[dict[Event, tuple[str, str]]] = {
    Event.APPROVAL: (_HOST, "approved it"),
    Event.UNDELIVERABLE_APPROVAL: (GATEWAY, "could not hand the approval over: it is undone"),
    Event.OVER_LIMIT: (GATEWAY, "found the approved amount beyond a limit in force"),
    Event.DECLINE: (_HOST, "declined it"),
    Event.NO_ANSWER: (GATEWAY, "waited for the host's answer in vain"),
    Event.UNSENDABLE: (GATEWAY, "could not send it: no byte ever left"),
    Event.RESTART: (GATEWAY, "started anew and found it so"),
    Event.DELIVERY_PROVEN: (_TERMINAL, "has its answer"),
    Event.DELIVERY_IS_SERVICE: (_TERMINAL, "has its answer, which is service in its class"),
    Event.TERMINAL_LOST: (_TERMINAL, "was lost before it is known to have its answer"),
    Event.PROOF_TIME_OVER: (GATEWAY, "waited for a proof of delivery in vain"),
    Event.WINDOW_OVER: (GATEWAY, "waited for the confirmation of service in vain"),
    Event.REPEAT: (_TERMINAL, "asked again"),
    Event.CONFIRMED: (_TERMINAL, "confirmed that it served"),
    Event.NOT_SERVED: (_TERMINAL, "said that it did not serve"),
    Event.TERMINAL_REVERSAL: (_TERMINAL, "reversed it"),
    Event.PARTLY_SERVED: (_TERMINAL, "served a part, and reversed the rest"),
    Event.REVERSAL_SENT: (GATEWAY, "sent the reversal"),
    Event.REVERSAL_ACCEPTED: (_HOST, "acknowledged the reversal"),
    Event.PARTLY_REVERSED: (_HOST, "acknowledged the partial reversal"),
    Event.NOTHING_FOUND: (_HOST, "has nothing to reverse"),
    Event.REVERSAL_REFUSED: (_HOST, "refused the reversal"),
    Event.REVERSAL_UNANSWERED: (GATEWAY, "got no definite answer to the reversal"),
    Event.REVERSAL_EXHAUSTED: (GATEWAY, "gave the reversal up"),
    Event.OUTCOME_UNKNOWN: (GATEWAY, "does not know whether the host took it"),
    Event.ADVICE_TAKEN: (_HOST, "took the advice"),
    Event.ADVICE_DISPUTED: (_HOST, "refused the advice that was sent again"),
    Event.ADVISED_AGAIN: (_TERMINAL, "sent the advice again"),
    Event.LATE_DECLINE_BEFORE_REVERSAL: (_HOST, "declined it, late"),
    Event.VOUCHED_LATE: (_TERMINAL, "settled it after all: it was served"),
    Event.QUESTIONED: (_PERSON, "questioned how it ended"),
    Event.HELD_FOR_REVIEW: (GATEWAY, "held what was to be taken back: once too often"),
    Event.CLOSED_SERVED: (_PERSON, "decided: it was served"),
    Event.CLOSED_REFUNDED: (_PERSON, "decided: it was refunded"),
    Event.CLOSED_REVERSED: (_PERSON, "decided: it was reversed"),
    Event.CASE_RETRIED: (_PERSON, "decided: reverse it"),
}
_SAID: Final[dict[str, str]] = {
    Entry.PROPOSED: "proposed to close it as {how}",
    Entry.WITHDRAWN: "withdrew what was proposed",
    Entry.DECIDED: "decided: {how}",
    Entry.DISPUTED: "disputed it: its money is frozen",
    Entry.REPORTED: "reported over HTTP: {served}",
    Entry.COMPLAINT: "took a complaint: {verdict}",
    Entry.DIFFERENCE: "found a difference to the settlement file: {kind}",
    Entry.NOTICE: "wrote a notice to the customer: {told}",
}
EVIDENCE: Final = frozenset(
    {
        Event.DELIVERY_PROVEN,
        Event.DELIVERY_IS_SERVICE,
        Event.CONFIRMED,
        Event.ADVICE_TAKEN,
        Event.VOUCHED_LATE,
        Event.CLOSED_SERVED,
    }
)
"""Steps that speak for a service."""


def story(reader: JournalReader, charge_id: int) -> list[dict[str, Any]]:
    """One charge as a timeline, a line each; empty if there is none with this id."""
    charge = next(reader.charges(charge_id=charge_id), None)
    if charge is None:
        return []
    steps = list(_steps(reader, charge))
    said = list(map(_entry, _telling(docket.of_charge(reader.snapshot(), charge_id))))
    # What was said leads to the step, so of two at one instant it comes first.
    told = sorted([(line["at_s"], rank, line) for rank, line in _ranked(said, steps)], key=_order)
    return [_opened(charge), *(_shown(line) for _, _, line in told)]


def _ranked(
    said: list[dict[str, Any]], steps: list[dict[str, Any]]
) -> Iterator[tuple[int, dict[str, Any]]]:
    yield from ((0, line) for line in said)
    yield from ((1, line) for line in steps)


def _order(item: tuple[float, int, dict[str, Any]]) -> tuple[float, int]:
    return item[0], item[1]


def _telling(entries: Iterator[Noted]) -> Iterator[Noted]:
    return (entry for entry in entries if entry.kind in _SAID)


def _steps(reader: JournalReader, charge: Charge) -> Iterator[dict[str, Any]]:
    for at, event, after, reason, code in reader.steps_of(charge.id):
        who, what = _TOLD.get(Event(event), (GATEWAY, event.replace("_", " ").lower()))
        yield {
            "at_s": at,
            "event": event,
            "state": after,
            "code": code,
            "remark": reason.replace("_", " "),
            "who": who.format(host=charge.host, terminal=charge.terminal),
            "what": what,
        }


def _entry(entry: Noted) -> dict[str, Any]:
    known = {name: str(value).replace("_", " ") for name, value in entry.said.items()}
    what = _SAID[entry.kind].format_map(known | {"": ""})
    if known.get("proposed_by"):
        what += f", as {known['proposed_by']} had proposed"
    return {
        "at_s": entry.at,
        "event": entry.kind.upper().replace(" ", "_"),
        "state": "",
        "code": "",
        "remark": known.get("why", ""),
        "who": entry.who or GATEWAY,
        "what": what,
    }


def _shown(line: dict[str, Any]) -> dict[str, Any]:
    return {"at": utc(line["at_s"]), **{key: value for key, value in line.items() if key != "at_s"}}


def _opened(charge: Charge) -> dict[str, Any]:
    card = mask.pan(charge.pan) if charge.pan else "no card number"
    about = f" of charge {charge.original_id}" if charge.original_id else ""
    return {
        "at": utc(charge.opened_at),
        "event": "OPENED",
        "state": State.SENT,
        "code": "",
        "remark": (
            f"{charge.kind}{about}, {charge.mti} of {charge.money} {charge.currency}, card {card},"
            f" terminal {charge.terminal} STAN {charge.stan},"
            f" to {charge.host} as STAN {charge.host_stan}"
        ),
        "who": f"terminal {charge.terminal}",
        "what": "asked for it",
    }


def utc(wall: float) -> str:
    """A time as people read it."""
    return datetime.fromtimestamp(wall, UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")
