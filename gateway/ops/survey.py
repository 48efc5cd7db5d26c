"""What a scrape wants to know of all open charges: one look at each, a slice at a time.

Between two slices the turns go on, so that many open charges make a scrape slower and nothing else.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import trio

from gateway.ops.labels import CURRENCIES_MAX
from gateway.ops.metric import OTHER
from routing.charge import OPEN_STATES, State
from routing.reason import Reason

if TYPE_CHECKING:
    from routing.book import ChargeBook
    from routing.charge import Charge

SLICE: Final = 500
"""Charges that are looked at before others get their turn: well under a millisecond."""


@dataclass
class Seen:
    """What was found; wall times, 0 where there is none."""

    open: int = 0
    at_risk: Counter[str] = field(default_factory=Counter)
    cases: Counter[str] = field(default_factory=Counter)
    disputed: Counter[str] = field(default_factory=Counter)
    oldest_open: float = 0.0
    oldest_reversal: float = 0.0
    oldest_service: float = 0.0
    oldest_case: float = 0.0


async def look(book: ChargeBook) -> Seen:
    """Look at every open charge."""
    seen, charges = Seen(), book.open()
    for at in range(0, len(charges), SLICE):
        for charge in charges[at : at + SLICE]:
            _add(seen, charge)
        await trio.lowlevel.checkpoint()
    seen.at_risk, seen.disputed = _bounded(seen.at_risk), _bounded(seen.disputed)
    return seen


def _add(seen: Seen, charge: Charge) -> None:
    state = charge.state
    if state is State.CASE:
        seen.cases[charge.reason or OTHER] += 1
        seen.oldest_case = _earlier(seen.oldest_case, charge.updated_at)
        if charge.reason == Reason.DISPUTED:
            seen.disputed[charge.currency] += charge.money
    elif state in OPEN_STATES and not charge.kind.undoes:
        seen.open += 1
        seen.at_risk[charge.currency] += charge.money
        seen.oldest_open = _earlier(seen.oldest_open, charge.opened_at)
    if state is State.REVERSAL_DUE:
        seen.oldest_reversal = _earlier(seen.oldest_reversal, charge.reversal_since)
    elif state is State.DELIVERED:
        seen.oldest_service = _earlier(seen.oldest_service, charge.updated_at)


def _earlier(known: float, at: float) -> float:
    return at if not known or at < known else known


def _bounded(money: Counter[str]) -> Counter[str]:
    """By currency, those with the most; terminals say which currencies there are."""
    if len(money) <= CURRENCIES_MAX:
        return money
    kept = Counter(dict(money.most_common(CURRENCIES_MAX)))
    kept[OTHER] = money.total() - kept.total()
    return kept
