"""One charge or request from all that was written of it: journal, audit log, log lines.

The journal says what is so, the audit log who did what, the log what else was seen at the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.journal import audit_log
from gateway.story import story, utc
from routing.accounts.refusals import codes_of
from routing.accounts.request import restored
from routing.keeper import KeptKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from gateway.journal.desk_reader import DeskReader
    from gateway.journal.reader import JournalReader

_TOLD_ELSEWHERE: Final = frozenset({"at", "level", "event", "charge", "request"})
_GATEWAY: Final = "gateway"


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that was written down: when (UTC), where, by whom, and what it says."""

    at: str
    source: str
    who: str
    what: str
    state: str = ""
    more: str = ""


def of_charge(reader: JournalReader, logs: Iterable[Path], charge: int) -> list[Line]:
    """A charge's timeline, oldest first; empty if the journal does not have it."""
    told = story(reader, charge)
    if not told:
        return []
    lines = [Line(x["at"], "journal", x["who"], x["what"], x["state"], _more(x)) for x in told]
    lines += _audited(reader, "charge", charge, "")
    lines += _logged(logs, "charge", charge)
    return _in_order(lines)


def of_request(reader: DeskReader, logs: Iterable[Path], request: str) -> list[Line]:
    """A request's timeline: where it stands, what the audit log says of it, and the log."""
    lines = [*_standing(reader, request), *_audited(reader, "request", request, request)]
    return _in_order([*lines, *_logged(logs, "request", request)]) if lines else []


def _standing(reader: DeskReader, number: str) -> Iterator[Line]:
    for kept in reader.kept(KeptKind.ACCOUNT_REQUEST):
        if kept.key == number:
            known = restored(kept.data or {})
            facts = {"kind": known.kind, "subject": known.subject, "owner": known.owner}
            facts |= {
                "until": utc(known.due) if known.due else "",
                "why": codes_of(known.obstacles),
            }
            said = "where it stands"
            yield Line(utc(known.updated_at), "journal", _GATEWAY, said, known.state, _facts(facts))


def _in_order(lines: list[Line]) -> list[Line]:
    # Of what was written in one instant the journal comes first: it is what the rest is about.
    sources = ("journal", "audit", "log")
    return sorted(lines, key=lambda line: (line.at, sources.index(line.source)))


def _more(told: dict[str, Any]) -> str:
    code = f"told {told['code']}" if told["code"] else ""
    return "; ".join(filter(None, (code, told["remark"])))


def _audited(reader: JournalReader, named: str, wanted: int | str, subject: str) -> list[Line]:
    return [
        Line(utc(x.at), "audit", x.who or _GATEWAY, str(x.kind), more=_facts(x.said))
        for x in audit_log.lines(reader.snapshot())
        if x.said.get(named) == wanted or (subject and x.subject == subject)
    ]


def _logged(logs: Iterable[Path], named: str, wanted: int | str) -> Iterator[Line]:
    for path in logs:
        with path.open("rb") as file:
            for text in file:
                line = _decoded(text)
                if line.get(named) == wanted and "at" in line:
                    facts = {k: v for k, v in line.items() if k not in _TOLD_ELSEWHERE}
                    state = str(facts.pop("state", ""))
                    said = str(line.get("event", ""))
                    yield Line(utc(line["at"]), "log", _GATEWAY, said, state, _facts(facts))


def _decoded(text: bytes) -> dict[str, Any]:
    """A log line; an empty one where something else was written to the same place."""
    try:
        line = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {}
    return line if isinstance(line, dict) else {}


def _facts(said: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}".replace("_", " ") for key, value in said.items() if value)
