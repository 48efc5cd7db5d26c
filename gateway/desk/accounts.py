"""Account services at the desk: what a person asks, over HTTP or by command, and the stories."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.desk.requests import Account, DeskError, Reply
from gateway.journal.desk_reader import DeskReader
from gateway.story import utc
from routing.accounts import words
from routing.accounts.asked import Action, Asked, Channel, File, Outcome, Verb
from routing.accounts.asked import Reply as Told
from routing.accounts.machine import Kind
from routing.accounts.new_card import UNREADABLE
from routing.accounts.office import CASES
from routing.accounts.refusals import Language
from routing.accounts.request import AccountRequest, Line, restored
from routing.effects import SealedCard
from routing.keeper import AuditKind, KeptKind

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.config import Config
    from gateway.desk.desk import Desk
    from gateway.desk.floor import Floor
    from gateway.journal import audit_log
    from routing.accounts.machine import Machine
    from routing.clock import Now
    from routing.switch import Switch

MACHINES: Final = {each.machine.kind: each.machine for each in CASES}
_TOLD_FACTS: Final = ("why", "work_order", "serial", "category", "about", "backup", "tests")
"""Of what only a request's own case understands: what a support person is asked for."""
_STATUS: Final = {
    Outcome.DONE: 200,
    Outcome.REFUSED: 409,
    Outcome.NOT_ALLOWED: 403,
    Outcome.UNKNOWN: 404,
    Outcome.DUPLICATE: 409,
    Outcome.WRONG_FIELD: 422,
    Outcome.LOCKED: 423,
    Outcome.UNSUPPORTED: 501,
    Outcome.BAD_FORMAT: 400,
}


async def ask(request: Account, who: str, switch: Switch, floor: Floor, desk: Desk) -> Reply:
    """Have account services do it; durable when it returns.  Raises DeskError."""
    card = None
    if request.record.card:
        sealed = SealedCard(request.record.card, request.record.again, "")
        card = UNREADABLE if desk.cards is None else await desk.cards.opened(sealed)
    told: list[Told] = []

    def answered(reply: Told, now: Now) -> None:
        del now
        told.append(reply)

    try:
        asked = Asked(
            verb=Verb(request.verb),
            file=File(request.file) if request.file else None,
            action=Action(request.action) if request.action else None,
            merchant=request.record.merchant,
            terminal=request.record.terminal,
            who=who,
            channel=Channel.API,
            record=request.record,
            card=card,
            identity=f"api|{who}|{request.key}" if request.key else "",
        )
    except ValueError as error:
        raise DeskError(str(error)) from None
    switch.office.ask(asked, answered, desk.clock.now())
    await floor.settle()
    if not told:
        return Reply(status=503, said="the journal can't be asked now: ask again")
    return shown(told[0])


def shown(told: Told) -> Reply:
    """An answer in both languages."""
    facts: dict[str, Any] = {
        "request": told.request,
        "state": told.state,
        "outcome": told.outcome,
        "codes": told.codes,
        "token": told.token,
        "wrong": list(told.wrong),
        "due": utc(told.due) if told.due else "",
        "title": words.both(told.title),
        "next": {each.value: told.sentences(each) for each in Language},
        "obstacles": [
            {
                **{each.value: obstacle.say(each) for each in Language},
                **msgspec.to_builtins(obstacle),
                "until": utc(obstacle.until) if obstacle.until else "",
            }
            for obstacle in told.obstacles
        ],
        **told.facts,
    }
    said = told.title.en or told.outcome
    if told.obstacles:
        said = "; ".join(f"{each.code} {each.say(Language.ENGLISH)}" for each in told.obstacles)
    elif told.wrong:
        said = f"can't be right: {', '.join(told.wrong)}"
    return Reply(status=_STATUS[told.outcome], said=said, facts=facts)


def hash_of(path: Path) -> str:
    """SHA-256 of a document; the document itself goes nowhere.  Raises OSError."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def listed(config: Config, *, everything: bool = False) -> list[dict[str, Any]]:
    """Requests under way, or all, the oldest first: whose turn it is, and until when."""
    with DeskReader(config) as reader:
        found = [restored(each.data or {}) for each in reader.kept(KeptKind.ACCOUNT_REQUEST)]
    found.sort(key=lambda each: each.opened_at)
    return [
        _row(each) for each in found if everything or not MACHINES[each.kind].is_end(each.state)
    ]


def _row(request: AccountRequest) -> dict[str, Any]:
    place = MACHINES[request.kind].places[request.state]
    return {
        "request": request.id,
        "kind": request.kind,
        "merchant": request.merchant,
        "terminal": request.terminal,
        "state": request.state,
        "title": words.both(place.title),
        "owner": request.owner,
        "due": utc(request.due) if request.due else "",
        "maker": request.maker,
        "codes": ",".join(each.code for each in request.obstacles),
    }


def explained(config: Config, request_id: str) -> dict[str, Any]:
    """A request as a timeline from the audit log, with what is next; {} if there is none.

    Raises JournalError or KeyFileError.
    """
    with DeskReader(config) as reader:
        lines = [each for each in reader.audited(request_id) if each.kind == AuditKind.ACCOUNT_STEP]
        row = next((x for x in reader.kept(KeptKind.ACCOUNT_REQUEST) if x.key == request_id), None)
    if not lines:
        return {}
    machine = MACHINES[Kind(lines[0].said["kind"])]
    story = [_told(each, machine) for each in lines]
    known: dict[str, Any] = {"request": request_id, "kind": lines[0].said["kind"]}
    known |= {"subject": lines[0].said["subject"], "story": story}
    if row is not None:
        request = restored(row.data or {})
        place = machine.places[request.state]
        known |= _row(request)
        known |= {"reason": request.reason, "rules": request.rule_version}
        known["documents"] = request.documents
        known |= {name: request.facts[name] for name in _TOLD_FACTS if request.facts.get(name)}
        known["next"] = words.both(place.next)
    return known


def _told(line: audit_log.Line, machine: Machine) -> dict[str, Any]:
    said = line.said
    told = Line(
        line.at,
        line.who,
        str(said["what"]),
        str(said["state"]),
        str(said.get("codes", "")),
        str(said.get("remark", "")),
    )
    return {
        "at": utc(line.at),
        "who": line.who,
        "what": told.what,
        "state": told.state,
        "codes": told.codes,
        "remark": told.remark,
        "seq": line.seq,
        **{each.value: words.told(told, machine, each) for each in Language},
    }
