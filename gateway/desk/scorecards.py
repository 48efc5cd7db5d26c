"""How hosts and merchants do: shares and times over the last days, from the journal."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.journal.desk_reader import DeskReader, Outcome
from routing.docket import Entry
from routing.reason import Reason
from routing.states import Event, State
from routing.transaction import Transaction

if TYPE_CHECKING:
    from gateway.config import Config

_APPROVED: Final = frozenset({Event.APPROVAL, Event.UNDELIVERABLE_APPROVAL, Event.OVER_LIMIT})
_ANSWERED: Final = _APPROVED | {Event.DECLINE}
_P95: Final = 0.95
_UNDONE: Final = frozenset({State.REVERSAL_DUE, State.REVERSED, State.NOTHING_TO_REVERSE})
_SILENT: Final = frozenset({Reason.NOT_CONFIRMED})
_NOT_SERVED: Final = frozenset({Reason.NOT_SERVED, Reason.NOT_CONFIRMED, Reason.COMPLAINT})


class HostCard(msgspec.Struct, kw_only=True):
    """One host; shares are of its charges, 0 to 1."""

    host: str
    charges: int = 0
    approved: int = 0
    declined: int = 0
    timed_out: int = 0
    reversed: int = 0
    """Charges of which a reversal was sent."""
    approval_share: float = 0.0
    timeout_share: float = 0.0
    reversal_share: float = 0.0
    answer_p95_s: float = 0.0
    differences: int = 0
    """To its settlement files."""


class MerchantCard(msgspec.Struct, kw_only=True):
    """One merchant; shares are of its approved charges."""

    merchant: str
    charges: int = 0
    approved: int = 0
    not_served: int = 0
    """It said no, or nothing, or a customer complained with success."""
    silent: int = 0
    """It did not confirm within its window."""
    taken_back: int = 0
    """Delivered, and then undone."""
    not_served_share: float = 0.0
    silent_share: float = 0.0


def hosts(config: Config, since: float) -> list[HostCard]:
    """A card for each host that the configuration names or that got a charge since.  Blocks."""
    cards = {host.name: HostCard(host=host.name) for host in config.host}
    times: defaultdict[str, list[float]] = defaultdict(list)
    with DeskReader(config) as reader:
        for each in reader.outcomes(since):
            if Transaction(each.kind).undoes:
                continue
            card = cards.setdefault(each.host, HostCard(host=each.host))
            _count_for_host(card, each)
            if each.first_event in _ANSWERED:
                times[each.host].append(each.first_at - each.opened_at)
        # Those between a terminal's batch and this journal are no host's.
        found = Counter(
            str(e.said.get("host", "")) for e in reader.entries(Entry.DIFFERENCE, since)
        )
    for name, card in cards.items():
        card.approval_share = _share(card.approved, card.charges)
        card.timeout_share = _share(card.timed_out, card.charges)
        card.reversal_share = _share(card.reversed, card.charges)
        card.answer_p95_s = round(_percentile(times[name]), 4)
        card.differences = found[name]
    return sorted(cards.values(), key=lambda card: card.host)


def _count_for_host(card: HostCard, each: Outcome) -> None:
    card.charges += 1
    card.approved += each.first_event in _APPROVED
    card.declined += each.first_event == Event.DECLINE
    card.timed_out += each.first_event == Event.NO_ANSWER
    card.reversed += each.reversals > 0


def merchants(config: Config, since: float) -> list[MerchantCard]:
    """A card for each merchant that charged since, the worst first.  Blocks."""
    cards: dict[str, MerchantCard] = {}
    with DeskReader(config) as reader:
        for each in reader.outcomes(since):
            if Transaction(each.kind).undoes or _is_canary(each, config):
                continue
            card = cards.setdefault(each.merchant, MerchantCard(merchant=each.merchant))
            approved = each.first_event in _APPROVED
            # What is undone is counted by why; a late approval was never for the merchant to serve.
            card.charges += 1
            card.approved += approved
            card.not_served += approved and each.reason in _NOT_SERVED
            card.silent += approved and each.reason in _SILENT
            card.taken_back += each.delivered > 0 and each.state in _UNDONE
    for card in cards.values():
        card.not_served_share = _share(card.not_served, card.approved)
        card.silent_share = _share(card.silent, card.approved)
    return sorted(cards.values(), key=lambda card: (-card.not_served_share, card.merchant))


class OperatorCard(msgspec.Struct, kw_only=True):
    """One operator of a merchant, as the terminals name them."""

    merchant: str
    operator: str
    charges: int = 0
    voids: int = 0
    refunds: int = 0
    taken_back: int = 0
    """Delivered, and then undone."""
    undone_share: float = 0.0
    """Voids, refunds and what was taken back, of the charges."""


def operators(config: Config, since: float) -> list[OperatorCard]:
    """A card for each operator since, who undid most first.  Blocks."""
    cards: dict[tuple[str, str], OperatorCard] = {}
    with DeskReader(config) as reader:
        for each in reader.outcomes(since):
            if not each.operator or _is_canary(each, config):
                continue
            key = each.merchant, each.operator
            card = cards.setdefault(key, OperatorCard(merchant=key[0], operator=key[1]))
            kind = Transaction(each.kind)
            card.charges += not kind.undoes
            card.voids += kind is Transaction.VOID
            card.refunds += kind is Transaction.REFUND
            card.taken_back += each.delivered > 0 and each.state in _UNDONE and not kind.undoes
    for card in cards.values():
        undone = card.voids + card.refunds + card.taken_back
        card.undone_share = _share(undone, card.charges)
    return sorted(cards.values(), key=lambda c: (-c.undone_share, c.merchant, c.operator))


class Suspect(msgspec.Struct, kw_only=True):
    """A terminal that took back, after delivery, as often as an export asks for."""

    merchant: str
    terminal: str
    charges: int = 0
    taken_back: int = 0
    held: int = 0
    """Cases that were held for review."""
    amount: int = 0
    """Of what was taken back or held, minor units."""


def suspects(config: Config, since: float, at_least: int) -> list[Suspect]:
    """The list for a supervisor: who took back at least so often, most first.  Blocks."""
    found: dict[tuple[str, str], Suspect] = {}
    with DeskReader(config) as reader:
        for each in reader.outcomes(since):
            if Transaction(each.kind).undoes or _is_canary(each, config):
                continue
            key = each.merchant, each.terminal
            suspect = found.setdefault(key, Suspect(merchant=key[0], terminal=key[1]))
            back = each.delivered > 0 and each.state in _UNDONE
            held = each.reason == Reason.HELD_FOR_REVIEW
            suspect.charges += 1
            suspect.taken_back += back
            suspect.held += held
            suspect.amount += each.amount if back or held else 0
    listed = [each for each in found.values() if each.taken_back + each.held >= at_least]
    return sorted(listed, key=lambda each: (-each.taken_back - each.held, each.terminal))


def _is_canary(each: Outcome, config: Config) -> bool:
    return (each.merchant, each.terminal) == config.canary.identity


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def _percentile(times: list[float]) -> float:
    if not times:
        return 0.0
    return sorted(times)[min(int(len(times) * _P95), len(times) - 1)]
