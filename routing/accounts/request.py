"""A request of account services: everything about it that must outlive the process.

It is kept whole at each step, in the turn of the step; so a process that ends anywhere leaves it
either before the step or after it.  Of documents it holds hashes only.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from routing.accounts.machine import Kind
from routing.accounts.refusals import Obstacle

HISTORY_MAX: Final = 200
"""Lines of a request's story that it carries itself; the audit log has all of them."""
ANSWERS_MAX: Final = 16
"""Stored answers of one request: repeats of older messages are decided anew."""


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a request's story."""

    at: float
    who: str
    what: str
    state: str
    codes: str = ""
    remark: str = ""


class AccountRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One request."""

    id: str
    kind: Kind
    merchant: str
    terminal: str = ""
    """'' if it is about the merchant."""
    state: str
    maker: str
    channel: str
    opened_at: float
    updated_at: float = 0.0
    since: float = 0.0
    """When it came to its state."""
    owner: str = ""
    """The role that must act."""
    due: float = 0.0
    """Until when; 0: nobody must."""
    reminded: float = 0.0
    escalated: float = 0.0
    rule_version: str = ""
    approvals: list[str] = []
    refuser: str = ""
    reason: str = ""
    contact: str = ""
    name: str = ""
    documents: dict[str, str] = {}
    """SHA-256 of each, by kind."""
    verified: dict[str, str] = {}
    """Who made which check of the applicant."""
    obstacles: list[Obstacle] = []
    """As of the last look."""
    facts: dict[str, Any] = {}
    """What only its own case understands."""
    answers: dict[str, dict[str, Any]] = {}
    """What was answered, by the message's identity."""
    history: list[Line] = []

    @property
    def subject(self) -> str:
        """merchant|terminal, as elsewhere."""
        return subject_of(self.merchant, self.terminal)

    def told(self, line: Line) -> None:
        """One more line of its story."""
        self.history.append(line)
        del self.history[:-HISTORY_MAX]

    def answered(self, identity: str, answer: dict[str, Any]) -> None:
        """Keep an answer for the message's repeats."""
        self.answers[identity] = answer
        while len(self.answers) > ANSWERS_MAX:
            del self.answers[next(iter(self.answers))]

    @property
    def is_about_terminal(self) -> bool:
        """Whether one terminal, not the merchant."""
        return bool(self.terminal)


def subject_of(merchant: str, terminal: str) -> str:
    """merchant|terminal."""
    return f"{merchant}|{terminal}"


def restored(data: dict[str, Any]) -> AccountRequest:
    """A request as it was kept."""
    return msgspec.convert(data, AccountRequest)


def kept(request: AccountRequest) -> dict[str, Any]:
    """What is kept of it: a copy in JSON's types."""
    data: dict[str, Any] = msgspec.to_builtins(request)
    return data
