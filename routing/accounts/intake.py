"""How a request for something comes in: of which kind it is, about whom, and what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing.accounts.asked import Action, Asked, Channel, File, Outcome, Reply, refused
from routing.accounts.machine import Kind
from routing.accounts.refusals import Code, Refusal
from routing.accounts.request import AccountRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from routing.accounts.case import Case
    from routing.clock import Now

_KIND: Final[Mapping[tuple[File, Action], Kind]] = {
    (File.MERCHANT, Action.ENQUIRE): Kind.CANCELLATION,
    (File.MERCHANT, Action.DELETE): Kind.CANCELLATION,
    (File.TERMINAL, Action.DELETE): Kind.CANCELLATION,
    (File.TERMINAL, Action.ENQUIRE): Kind.DEACTIVATION,
    (File.TERMINAL, Action.CHANGE): Kind.DEACTIVATION,
    (File.MERCHANT, Action.ADD): Kind.ONBOARDING,
    (File.TERMINAL, Action.ADD): Kind.ONBOARDING,
    (File.SETTLEACC, Action.ENQUIRE): Kind.SETTLEMENT,
    (File.SETTLEACC, Action.CHANGE): Kind.SETTLEMENT,
    (File.MERCH2, Action.ENQUIRE): Kind.SECOND,
    (File.MERCH2, Action.ADD): Kind.SECOND,
    (File.MERCH2, Action.CHANGE): Kind.CHANGE,
    (File.MERCH2, Action.DELETE): Kind.CHANGE,
    (File.GRANT, Action.ADD): Kind.CHANGE,
    (File.RULES, Action.ADD): Kind.CHANGE,
}
_LATER: Final = frozenset({File.LIMITS})
"""Files that messages may name and that nobody here changes."""


def kind_of(asked: Asked, cases: Mapping[Kind, Case]) -> Kind | Outcome:
    """Which kind of request this is, or why it is none."""
    if asked.file is None or asked.action is None:
        return Outcome.BAD_FORMAT
    if asked.file in _LATER:
        return Outcome.UNSUPPORTED
    kind = _KIND.get((asked.file, asked.action))
    for each in cases.values():
        kind = each.takes(asked) or kind
    if kind is None:
        return Outcome.WRONG_FIELD
    return kind if cases[kind].is_on else Outcome.UNSUPPORTED


def subject(asked: Asked) -> tuple[str, str]:
    """Merchant and terminal that it is about."""
    merchant = asked.record.merchant or asked.merchant
    if asked.file is not File.TERMINAL:
        return merchant, ""
    return merchant, asked.record.terminal or asked.terminal


def foreign(asked: Asked) -> Refusal | None:
    """A terminal speaks of another merchant than its own: keyed wrongly, or worse."""
    if asked.channel is Channel.TERMINAL and asked.record.merchant not in ("", asked.merchant):
        return Refusal.of(Code.HOLDER_DIFFERS, "merchant")
    return None


def draft(kind: Kind, first: str, asked: Asked, now: Now) -> AccountRequest:
    """A request as it would be; on no shelf yet."""
    merchant, terminal = subject(asked)
    record = asked.record
    request = AccountRequest(
        id="",
        kind=kind,
        merchant=merchant,
        terminal=terminal,
        state=first,
        maker=asked.who,
        channel=asked.channel,
        opened_at=now.wall,
        reason=record.reason,
        contact=record.contact,
        name=record.name,
        documents=dict(record.docs),
    )
    if record.evidence:
        request.facts["evidence"] = record.evidence
    if asked.channel is Channel.TERMINAL:
        request.facts["software"] = asked.software
        if asked.clock:
            request.facts["skew_s"] = round(asked.clock - now.wall, 1)
    return request


def about(request: AccountRequest) -> str:
    """What a confirm token is good for."""
    return f"{request.kind}|{request.subject}|{request.maker}"


def not_possible(kind: Kind | Outcome, foreign: Refusal | None) -> Reply:
    """The answer to what is no request, or about somebody else's account."""
    if foreign is not None:
        return refused(foreign)
    outcome = kind if isinstance(kind, Outcome) else Outcome.UNSUPPORTED
    wrong = ("file", "action") if outcome is Outcome.WRONG_FIELD else ()
    return Reply(outcome=outcome, wrong=wrong)
