"""Who may do what: roles, what they may, and grants for a time.

Rule 1.  Nobody may anything who is not known; a role may what MAY says, and no more.
Rule 2.  Who made a request never decides it, and who decided it never decides its appeal.
Rule 3.  A grant lets one person do one thing until a time; another person gives it.  It resumes the
         requests that waited for it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Role(StrEnum):
    """What a person is in account services."""

    CASHIER = "cashier"
    MERCHANT = "merchant"
    CLERK = "clerk"
    REVIEWER = "reviewer"
    APPEALS = "appeals"
    SECURITY = "security"
    TECHNICIAN = "technician"
    SUPERVISOR = "supervisor"
    AGENT = "agent"
    """Somebody outside, who helps merchants to open accounts."""
    GATEWAY = "gateway"


class May(StrEnum):
    """What can be allowed."""

    ENQUIRE = "enquire"
    CANCEL = "account.cancel.request"
    DEACTIVATE = "device.deactivate.request"
    RESTORE = "device.restore.request"
    ONBOARD = "account.onboard.request"
    SETTLE_CARD = "settle.change"
    SETTLE_RUN = "settle.run"
    SECOND = "second.open"
    ASK_GRANT = "grant.request"
    COMPLAIN = "complain"
    FILE = "file.change"
    VERIFY = "verify"
    DECIDE = "decide"
    APPEAL_DECIDE = "appeal.decide"
    SUSPEND = "suspend"
    LOCK = "lock"
    UNLOCK = "unlock"
    TEST = "device.test"
    GRANT = "grant"
    RULES = "rules"


_ASKS: Final = frozenset(
    {May.ENQUIRE, May.CANCEL, May.DEACTIVATE, May.RESTORE, May.ONBOARD, May.SETTLE_CARD}
    | {May.SECOND, May.ASK_GRANT, May.COMPLAIN}
)
MAY: Final[dict[Role, frozenset[May]]] = {
    Role.CASHIER: frozenset({May.ENQUIRE, May.ASK_GRANT, May.COMPLAIN}),
    Role.MERCHANT: _ASKS,
    Role.CLERK: _ASKS | {May.FILE, May.VERIFY, May.SETTLE_RUN},
    Role.REVIEWER: frozenset({May.ENQUIRE, May.DECIDE, May.VERIFY, May.RULES}),
    Role.APPEALS: frozenset({May.ENQUIRE, May.APPEAL_DECIDE}),
    Role.SECURITY: frozenset({May.ENQUIRE, May.SUSPEND, May.LOCK}),
    Role.TECHNICIAN: frozenset({May.ENQUIRE, May.TEST, May.RESTORE, May.DEACTIVATE}),
    Role.SUPERVISOR: frozenset({May.ENQUIRE, May.GRANT, May.UNLOCK, May.RULES, May.DECIDE}),
    Role.AGENT: frozenset({May.ENQUIRE, May.SECOND, May.COMPLAIN}),
    Role.GATEWAY: frozenset({May.SUSPEND, May.LOCK, May.DEACTIVATE}),
}
GATEWAY: Final = ""
"""The name of the gateway itself, as everywhere in the journal."""


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody that the configuration knows."""

    name: str
    """A person's name in the token file; of a terminal's operator `<merchant>/<code>`, with `*` as
    the code for every operator of that merchant."""
    roles: tuple[Role, ...]
    trained: bool = True
    """Without training nobody decides, whatever the role."""
    acts_for: tuple[str, ...] = ()
    """Of an agent: the merchants that it acts for; none: everybody of its role's reach."""
    phone: str = ""
    """Where reminders that went unheard are followed up."""


class Grant(msgspec.Struct, frozen=True):
    """One person may do one thing until a time."""

    who: str
    what: May
    until: float
    """Seconds since the epoch."""
    by: str
    request: str = ""


def operator_name(merchant: str, code: str) -> str:
    """How a terminal's operator is called among persons."""
    return f"{merchant}/{code.strip()}"


class People:
    """Everybody who is known, and the grants in force."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._known = {each.name: each for each in people}
        self._grants: dict[str, Grant] = {}

    def find(self, name: str) -> Person | None:
        """A known person; operators may stand there under `*`."""
        known = self._known.get(name)
        if known is None and "/" in name:
            known = self._known.get(name.partition("/")[0] + "/*")
        return known

    def knows(self, name: str) -> bool:
        """Whether somebody may be listened to at all."""
        return name == GATEWAY or self.find(name) is not None

    def roles_of(self, name: str) -> tuple[Role, ...]:
        """What somebody is."""
        if name == GATEWAY:
            return (Role.GATEWAY,)
        known = self.find(name)
        return known.roles if known is not None else ()

    def may(self, name: str, what: May, wall: float) -> bool:
        """Whether somebody may do this now."""
        known = self.find(name)
        if known is not None and not known.trained and what in (May.DECIDE, May.APPEAL_DECIDE):
            return False
        if any(what in MAY[role] for role in self.roles_of(name)):
            return True
        grant = self._grants.get(f"{name}|{what}")
        return grant is not None and known is not None and wall < grant.until

    def granted(self, grant: Grant) -> str:
        """A grant is in force; returns its key."""
        key = f"{grant.who}|{grant.what}"
        self._grants[key] = grant
        return key

    def over(self, wall: float) -> list[str]:
        """The keys of grants whose time is over; they are forgotten."""
        keys = [key for key, grant in self._grants.items() if grant.until <= wall]
        for key in keys:
            del self._grants[key]
        return keys

    @property
    def grants(self) -> Mapping[str, Grant]:
        """The grants in force, by key."""
        return self._grants

    def with_role(self, role: Role) -> list[Person]:
        """Everybody of a role: who is reminded."""
        return [each for each in self._known.values() if role in each.roles]
