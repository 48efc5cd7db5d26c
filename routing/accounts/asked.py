"""What is asked of account services and what is answered: the same over every channel.

A terminal's message carries a `Record` as JSON; the other channels say the same in the same words.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Final

import msgspec

from routing.accounts.dossier import Change
from routing.accounts.new_card import NewCard
from routing.accounts.plan import Plan
from routing.accounts.refusals import (
    Code,
    Language,
    Obstacle,
    Refusal,
    Words,
    advice,
    codes_of,
)
from routing.accounts.rules import RuleSet

_TEXT: Final = re.compile(r"(?!.*\d[ -]?(?:\d[ -]?){11}\d)[^\x00-\x1f]{0,200}")
"""Free text; nothing in it that could be a card number."""
_NAME: Final = re.compile(r"[\w.-]{1,40}")
_HASH: Final = re.compile("[0-9a-f]{64}")
_CONTACT: Final = re.compile(r"[\w+().@ -]{3,60}")
_DOCUMENTS_MAX: Final = 20
_NAMES: Final = (
    *("serial", "kind", "state", "token", "request"),
    *("account", "number", "host", "licence"),
)


class Verb(StrEnum):
    """What can be asked for."""

    ENQUIRE = "enquire"
    REQUEST = "request"
    APPROVE = "approve"
    REJECT = "reject"
    RESUME = "resume"
    COUNTER = "counter"
    ACCEPT = "accept"
    WITHDRAW = "withdraw"
    APPEAL = "appeal"
    REPORT = "report"
    """A step that somebody did: a check of the applicant, a repair, a shipment."""
    FILE = "file"
    """Data of the merchant that requests are decided by: contract, documents, lock."""


class Channel(StrEnum):
    """How a request came."""

    TERMINAL = "terminal"
    API = "api"
    GATEWAY = "gateway"


class File(StrEnum):
    """What a request is about: DE 101."""

    MERCHANT = "MERCHANT"
    TERMINAL = "TERMINAL"
    SETTLEACC = "SETTLEACC"
    MERCH2 = "MERCH2"
    LIMITS = "LIMITS"
    GRANT = "GRANT"
    RULES = "RULES"


class Action(StrEnum):
    """What is to be done with it: DE 91, or the last digit of DE 24."""

    ADD = "1"
    CHANGE = "2"
    DELETE = "3"
    ENQUIRE = "5"


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The particulars: DE 120, 72 or 62 of a message, as JSON; a body's `record` over HTTP."""

    token: str = ""
    request: str = ""
    """The number of a request that is under way."""
    merchant: str = ""
    """Whom it is about, where the sender is somebody else (or to check what was keyed)."""
    terminal: str = ""
    reason: str = ""
    contact: str = ""
    name: str = ""
    docs: dict[str, str] = {}
    """SHA-256 of each document in hex, by kind."""
    state: str = ""
    """Of a terminal: DEACTIVATED, ACTIVE, RETIRED or SUSPENDED."""
    kind: str = ""
    """Why a terminal is taken out of service."""
    serial: str = ""
    begins: float = 0.0
    ends: float = 0.0
    """A planned window, in seconds since the epoch."""
    what: str = ""
    """Which step is reported, what is granted, which complaint."""
    evidence: str = ""
    """For whom a person acts who is not there, and what shows it."""
    who: str = ""
    hours: float = 0.0
    ok: bool = True
    account: str = ""
    """Which account beside the main one: its digit."""
    number: str = ""
    """DE 42 of that account towards the host."""
    host: str = ""
    licence: str = ""
    """The unified social credit code."""
    marks: dict[str, int] = {}
    """Of a review, by item."""
    plan: Plan | None = None
    """By which rules charges go to which account."""
    rules: RuleSet | None = None
    change: Change | None = None
    """What is to change in a merchant's file."""
    card: str = ""
    """A new settlement card's number, enciphered: see `gateway.card_door`."""
    again: str = ""
    """The same number, keyed and enciphered once more, where both do not stand in `card`."""
    version: int | None = None
    """The version of the settlement card that the sender has seen."""
    lang: Language | None = None
    """In what to answer; by default in what the registry has of the terminal."""

    def wrong_fields(self) -> list[str]:
        """Fields whose content can't be right."""
        wrong = [
            name
            for name in ("reason", "evidence", "what", "name")
            if not _TEXT.fullmatch(getattr(self, name))
        ]
        wrong += [
            name
            for name in _NAMES
            if getattr(self, name) and not _NAME.fullmatch(getattr(self, name))
        ]
        if self.contact and not _CONTACT.fullmatch(self.contact):
            wrong.append("contact")
        good = all(_NAME.fullmatch(k) and _HASH.fullmatch(v) for k, v in self.docs.items())
        if not good or len(self.docs) > _DOCUMENTS_MAX:
            wrong.append("docs")
        if (self.begins or self.ends) and not 0 < self.begins < self.ends:
            wrong.append("begins")
        return wrong


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request for something, whatever way it came."""

    verb: Verb
    file: File | None = None
    action: Action | None = None
    merchant: str = ""
    terminal: str = ""
    who: str = ""
    channel: Channel = Channel.API
    record: Record = Record()
    identity: str = ""
    """What a repeat of the message shares with it; '': a repeat is decided anew."""
    software: str = ""
    card: NewCard | None = None
    """The card that came enciphered in the record; `asked` shows its mask only."""
    entry: str = ""
    """How it was read, where the message tells: DE 22."""
    clock: float = 0.0
    """The terminal's own time, where the message tells it; 0: it does not."""

    def wrong_fields(self) -> list[str]:
        """Fields whose content can't be right."""
        return self.record.wrong_fields() + (self.card.wrong_fields() if self.card else [])


class Outcome(StrEnum):
    """What became of it; each dialect and HTTP have their codes for these."""

    DONE = "done"
    REFUSED = "refused"
    NOT_ALLOWED = "not allowed"
    UNKNOWN = "unknown"
    DUPLICATE = "duplicate"
    WRONG_FIELD = "wrong field"
    LOCKED = "locked"
    UNSUPPORTED = "unsupported"
    BAD_FORMAT = "bad format"


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer.  What is refused has obstacles: see `refused`."""

    outcome: Outcome = Outcome.DONE
    request: str = ""
    state: str = ""
    obstacles: tuple[Obstacle, ...] = ()
    token: str = ""
    wrong: tuple[str, ...] = ()
    """Fields that can't be right."""
    title: Words = Words("", "")
    next: Words = Words("", "")
    due: float = 0.0
    facts: dict[str, Any] = {}

    @property
    def codes(self) -> str:
        """DE 44: the codes of all obstacles, or the fields that are wrong."""
        return codes_of(self.obstacles) or ",".join(self.wrong)

    def sentences(self, language: Language) -> list[str]:
        """What to do next."""
        told = advice(self.obstacles, language)
        if self.wrong:
            zh, en = "请更正字段", "Correct the fields"
            told.append(f"{zh if language is Language.CHINESE else en}: {', '.join(self.wrong)}")
        if not told and self.next.say(language):
            told.append(self.next.say(language))
        return told


def refused(
    refusal: Refusal, outcome: Outcome = Outcome.REFUSED, request: str = "", state: str = ""
) -> Reply:
    """The answer that a refusal is."""
    only_locked = {each.code for each in refusal.obstacles} == {Code.LOCKED}
    if outcome is Outcome.REFUSED and only_locked:
        outcome = Outcome.LOCKED
    return Reply(outcome=outcome, request=request, state=state, obstacles=refusal.obstacles)
