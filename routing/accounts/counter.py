"""Account requests of terminals: a file action comes in, its answer goes out.

The MAC is mandatory: without one nobody knows whose request it is.  A terminal's operator is known
among persons as `<merchant>/<code>`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from routing.accounts.asked import Action, Asked, Channel, File, Outcome, Record, Reply, Verb
from routing.accounts.card_rules import ENTRIES
from routing.accounts.people import operator_name
from routing.accounts.refusals import TEXT_BYTES_MAX, Language, encoded, fitted
from routing.conventions import CONVENTIONS
from routing.conventions.file_action import Told, can_hold_chinese
from routing.effects import CardWork, SealedCard, ToTerminal
from routing.sign_in import Till
from routing.terminal_network import skew_s

if TYPE_CHECKING:
    from codec import Message
    from routing.accounts.new_card import NewCard
    from routing.accounts.office import Office
    from routing.cause import Asker
    from routing.clock import Now
    from routing.conventions.file_action import FileAction
    from routing.listener import Listener
    from routing.sign_ins import SignIns

_decode: Final = msgspec.json.Decoder(Record).decode
_encode: Final = msgspec.json.Encoder().encode
_DISPENSABLE: Final = ("facts", "until", "next", "about", "title")
"""Left out of a record that would be too long, the first of these first."""


class TerminalCounter:
    """Where terminals ask."""

    def __init__(self, office: Office, sign_ins: SignIns) -> None:
        self._office, self._sign_ins = office, sign_ins

    def heard(self, asker: Asker, listener: Listener, now: Now) -> None:
        """A file action of a terminal."""
        message = asker.request
        said = listener.convention.file_action(message)
        asked = self._asked(message, said, now)
        if listener.name in self._office.life.settings.listeners_without_mac:
            self._office.denied(asked, "a listener without MAC", now)
            self._tell(asker, Reply(outcome=Outcome.NOT_ALLOWED), Record(), now)
            return
        problem = _problem(message, said)
        if problem is not None:
            self._office.progress.mistake(asked.who)
            self._tell(asker, problem, Record(), now)
            return
        try:
            record = _decode(_bytes(said.record)) if said.record else Record()
        except (msgspec.MsgspecError, UnicodeError) as error:
            self._office.progress.mistake(asked.who)
            wrong = Reply(outcome=Outcome.WRONG_FIELD, wrong=(_field_in(error),))
            self._tell(asker, wrong, Record(), now)
            return
        operator = said.operator or record.who
        asked = msgspec.structs.replace(
            asked, record=record, who=operator_name(asked.merchant, operator)
        )
        self._ask(asker, asked, now)

    def _ask(self, asker: Asker, asked: Asked, now: Now) -> None:
        """Have it answered; a card number that came enciphered is opened first."""
        record = asked.record

        def tell(reply: Reply, now: Now) -> None:
            self._tell(asker, reply, record, now)

        def opened(card: NewCard, now: Now) -> None:
            self._office.ask(msgspec.structs.replace(asked, card=card), tell, now)

        if not record.card:
            self._office.ask(asked, tell, now)
            return
        session = self._sign_ins.session(Till.of(asked.merchant, asked.terminal))
        key = session.track_key if session is not None else ""
        sealed = SealedCard(record.card, record.again, key)
        self._office.life.outbox.key_work.append(CardWork(sealed, opened))

    def _asked(self, message: Message, said: FileAction, now: Now) -> Asked:
        action = Action(said.action) if said.action in set(Action) else None
        get = message.get
        parts = (get(42, ""), get(41, ""), get(11, ""), message.mti[1], said.sent_at)
        return Asked(
            verb=Verb.ENQUIRE if action is Action.ENQUIRE else Verb.REQUEST,
            file=File(said.file) if said.file in set(File) else None,
            action=action,
            merchant=get(42, "").rstrip(),
            terminal=get(41, "").rstrip(),
            who=operator_name(get(42, "").rstrip(), said.operator),
            channel=Channel.TERMINAL,
            identity="|".join(parts),
            software=said.software,
            entry=ENTRIES.get((get(22) or "")[:2], ""),
            clock=_clock(message, now),
        )

    def _tell(self, asker: Asker, reply: Reply, record: Record, now: Now) -> None:
        """The answer leaves once everything that it tells of is durable."""
        request = asker.request
        convention = CONVENTIONS[request.dialect.name]
        fields = convention.file_fields
        language = Language.ENGLISH
        if can_hold_chinese(request):
            language = record.lang or self._office.registered.language(
                request.get(42, ""), request.get(41, "")
            )
        text = fitted(reply.sentences(language), language, TEXT_BYTES_MAX)
        told = Told(
            reply.outcome,
            reply.codes,
            encoded(text, language).decode("latin-1"),
            _record_of(reply, fields.record_bytes_max),
        )
        answer = convention.file_answer(request, told, now)
        self._office.life.outbox.sends.append(ToTerminal(asker.conn, answer))


def _problem(message: Message, said: FileAction) -> Reply | None:
    """What is wrong before the record is looked at: fields by their numbers."""
    missing = [str(de) for de in (11, 41, 42) if not message.has(de)]
    if missing:
        return Reply(outcome=Outcome.BAD_FORMAT, wrong=tuple(missing))
    if said.file not in set(File) or said.action not in set(Action):
        wrong = ("file",) if said.file not in set(File) else ("action",)
        return Reply(outcome=Outcome.BAD_FORMAT, wrong=wrong)
    return None


def _bytes(record: str) -> bytes:
    """The bytes of a record as they came; the POS dialect keeps them as Latin-1."""
    return record.strip(" ").encode("latin-1")


def _field_in(error: Exception) -> str:
    """The field that a record's error names: `$.reason`, never its value."""
    _, found, path = str(error).partition("`$.")
    return path.rstrip("`")[:20] if found else "record"


def _clock(message: Message, now: Now) -> float:
    """The terminal's own time, by DE 7 or by DE 12 and 13; 0 for none."""
    if not message.has(7):
        skew = skew_s(message, now)
        return now.wall + skew if skew is not None else 0.0
    return _time_in(message[7], now)


def _time_in(sent_at: str, now: Now) -> float:
    """DE 7 as a time: of the year that brings it closest; 0 for none."""
    try:
        sent = datetime.strptime(f"2000{sent_at}", "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return 0.0
    year = now.utc().year
    nearest = [
        sent.replace(year=each) for each in (year - 1, year, year + 1) if _has_day(sent, each)
    ]
    return min(
        (each.timestamp() for each in nearest), key=lambda at: abs(at - now.wall), default=0.0
    )


def _has_day(sent: datetime, year: int) -> bool:
    try:
        sent.replace(year=year)
    except ValueError:
        return False
    return True


def _record_of(reply: Reply, bytes_max: int) -> str:
    """The answer's record: as much of what can be left out as fits, in ASCII."""
    whole: dict[str, Any] = {
        "request": reply.request,
        "state": reply.state,
        "token": reply.token,
        "why": [each.code for each in reply.obstacles],
        "about": {each.code: each.about for each in reply.obstacles if each.about},
        "until": {each.code: int(each.until) for each in reply.obstacles if each.until},
        "due": int(reply.due),
        "title": reply.title.en,
        "next": reply.next.en,
        "facts": {name: value for name, value in reply.facts.items() if value},
    }
    whole = {name: value for name, value in whole.items() if value}
    for name in ("", *_DISPENSABLE):
        whole.pop(name, None)
        text = _encode(whole).decode()
        if len(text) <= bytes_max and text.isascii():
            return text if whole else ""
    return ""
