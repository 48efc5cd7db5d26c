"""A shop street's account services in these tests: who is who, and how each asks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from codec import Message, build, dialect
from routing.accounts.asked import Action, Asked, Channel, File, Record, Reply, Verb
from routing.accounts.people import Person, Role
from routing.accounts.rules import RuleSet
from routing.accounts.settings import AccountSettings
from routing.accounts.settlement_settings import SettlementSettings
from tests.routing.world import BATCH, HEADER, ISO, MERCHANT, POS, TERMINAL, World

if TYPE_CHECKING:
    from routing.accounts.request import AccountRequest

OWNER: Final = f"{MERCHANT}/01"
CASHIER: Final = f"{MERCHANT}/07"
PEOPLE: Final = (
    Person(name=OWNER, roles=(Role.MERCHANT,)),
    Person(name=CASHIER, roles=(Role.CASHIER,)),
    Person(name="clara", roles=(Role.CLERK,)),
    Person(name="rita", roles=(Role.REVIEWER,)),
    Person(name="ron", roles=(Role.REVIEWER,)),
    Person(name="novice", roles=(Role.REVIEWER,), trained=False),
    Person(name="anna", roles=(Role.APPEALS,)),
    Person(name="both", roles=(Role.CLERK, Role.REVIEWER, Role.APPEALS)),
    Person(name="sam", roles=(Role.SUPERVISOR,)),
    Person(name="sue", roles=(Role.SUPERVISOR,)),
    Person(name="sec", roles=(Role.SECURITY,)),
    Person(name="tech", roles=(Role.TECHNICIAN,)),
)
HASH: Final = "ab" * 32


class Street(World):
    """A world whose people ask for things."""

    def __init__(self, name: str = POS, *rules: RuleSet, **settings: Any) -> None:
        settlement = settings.pop("settlement", SettlementSettings())
        accounts = AccountSettings(people=PEOPLE, rules=rules, **settings)
        super().__init__(name, accounts=accounts, settlement=settlement, notices=True)

    def asks(self, asked: Asked) -> Reply:
        """The answer to something, once all that it rests on is durable."""
        told: list[Reply] = []
        self.switch.office.ask(asked, lambda reply, _: told.append(reply), self.now)
        self.settle()
        (reply,) = told
        return reply

    def says_so(self, verb: Verb, who: str, request: str = "", **record: Any) -> Reply:
        """A person's word on a request."""
        asked = Asked(verb=verb, who=who, record=Record(request=request, **record))
        return self.asks(asked)

    def enquires(
        self, who: str = "clara", file: File = File.MERCHANT, terminal: str = "", **record: Any
    ) -> Reply:
        """What stands against it?"""
        said = Record(merchant=MERCHANT, terminal=terminal, **record)
        asked = Asked(verb=Verb.ENQUIRE, file=file, action=Action.ENQUIRE, who=who, record=said)
        return self.asks(asked)

    def requests(
        self,
        who: str = "clara",
        file: File = File.MERCHANT,
        action: Action = Action.DELETE,
        terminal: str = "",
        **record: Any,
    ) -> Reply:
        """Enquire, and send the request with the token."""
        kinds = {"state": record["state"]} if "state" in record else {}
        if action is Action.DELETE and file is File.TERMINAL:
            kinds["state"] = "CANCELLED"
        token = self.enquires(who, file, terminal, **kinds).token
        said = Record(merchant=MERCHANT, terminal=terminal, token=token, **record)
        asked = Asked(verb=Verb.REQUEST, file=file, action=action, who=who, record=said)
        return self.asks(asked)

    def the(self, request: str) -> AccountRequest:
        """A request as it stands."""
        known = self.switch.office.shelf.get(request)
        assert known is not None
        return known

    def audited(self, kind: str) -> list[dict[str, Any]]:
        """What the audit log says of a kind."""
        return [each.said for each in self.journal.audit if each.kind == kind]

    def told_of(self, request: str) -> list[str]:
        """States that notices told of."""
        said = [each.said for each in self.journal.entries if each.kind == "notice"]
        return [str(each["state"]) for each in said if each.get("request") == request]


def file_action(
    spoken: str,
    action: str,
    file: str = "MERCHANT",
    stan: int = 700,
    operator: str = "01",
    **record: Any,
) -> Message:
    """An account request as a terminal of dialect `spoken` sends it."""
    fields = {11: f"{stan:06d}", 41: TERMINAL, 42: MERCHANT}
    text = json.dumps(record) if record else ""
    if spoken == POS:
        number = {"MERCHANT": "01", "TERMINAL": "02", "SETTLEACC": "03", "MERCH2": "04"}
        fields |= {60: "40" + BATCH + action + number.get(file, "99"), 63: operator.ljust(3)}
        fields |= {62: text} if text else {}
        return build(dialect(spoken), "0300", fields, HEADER)
    record["who"] = operator
    text = json.dumps(record)
    if spoken == ISO:
        fields |= {7: "0921211320", 91: action, 101: file, 120: text}
        return build(dialect(spoken), "0300", fields)
    fields |= {7: "0921211320", 12: "260921211320", 24: "30" + action, 101: file, 72: text}
    return build(dialect(spoken), "1304", fields)


def record_in(message: Message) -> dict[str, Any]:
    """The record of an answer."""
    for de in (62, 120, 72):
        if message.has(de) and str(message[de]).startswith("{"):
            found: dict[str, Any] = json.loads(message[de])
            return found
    return {}


__all__ = ["CASHIER", "OWNER", "Channel", "Street", "file_action", "record_in"]
