"""What was collected by account and by channel, held against what was collected in all.

Each charge is on one account and in one channel, so the parts must be the whole: both are read of
the journal at one instant, by two questions, and `adds_up` says whether they agree.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.journal.desk_reader import DeskReader
from routing.accounts.plan import MAIN
from routing.charge import END_OF, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config import Config
    from gateway.journal.desk_reader import Collected

ENDS: Final = ("served", "reversed", "refunded", "declined", "cases", "open")


class Part(msgspec.Struct, kw_only=True):
    """One account's charges in one channel and currency, by how they ended; minor units."""

    merchant: str
    account: str
    channel: str
    currency: str
    charges: int = 0
    money: int = 0
    served: int = 0
    reversed: int = 0
    refunded: int = 0
    declined: int = 0
    cases: int = 0
    open: int = 0
    share: float = 0.0
    """Of the merchant's money in this currency."""


class Totals(msgspec.Struct, kw_only=True):
    """The parts, and the whole by merchant and currency."""

    parts: list[Part] = []
    whole: list[Part] = []
    adds_up: bool = True
    differs: list[str] = []


def totals(config: Config, merchant: str, since: float, until: float) -> Totals:
    """A merchant's ('': everybody's) charges of a time.  Blocks.  Raises JournalError."""
    with DeskReader(config) as reader, reader.snapshot():
        parts = _summed(reader.collected(merchant, since, until, by_account=True))
        whole = _summed(reader.collected(merchant, since, until, by_account=False))
    money: Counter[tuple[str, str]] = Counter()
    for each in whole:
        money[each.merchant, each.currency] += each.money
    for part in parts:
        in_all = money[part.merchant, part.currency]
        part.share = round(part.money / in_all, 4) if in_all else 0.0
    differs = list(_differences(parts, whole))
    return Totals(parts=parts, whole=whole, adds_up=not differs, differs=differs)


def _summed(rows: Iterator[Collected]) -> list[Part]:
    found: dict[tuple[str, str, str, str], Part] = {}
    for row in rows:
        account = row.account or MAIN
        key = (row.merchant, account, row.channel, row.currency)
        if key not in found:
            found[key] = Part(
                merchant=row.merchant, account=account, channel=row.channel, currency=row.currency
            )
        part, end = found[key], END_OF.get(State(row.state), "open")
        end = "cases" if end == "case" else end
        part.charges += row.charges
        part.money += row.money
        part.refunded += row.given_back
        setattr(part, end, getattr(part, end) + row.money - row.given_back)
    return [found[key] for key in sorted(found)]


def _differences(parts: list[Part], whole: list[Part]) -> Iterator[str]:
    """Where the parts are not the whole."""
    sums: dict[tuple[str, str], Counter[str]] = {}
    for part in parts:
        counter = sums.setdefault((part.merchant, part.currency), Counter())
        counter.update({name: getattr(part, name) for name in ("charges", "money", *ENDS)})
    for each in whole:
        counter = sums.get((each.merchant, each.currency), Counter())
        for name in ("charges", "money", *ENDS):
            if counter[name] != getattr(each, name):
                said = f"{counter[name]} by account, {getattr(each, name)} in all"
                yield f"{each.merchant} {each.currency}: {name}: {said}"
        by_end = sum(getattr(each, name) for name in ENDS)
        if by_end != each.money:
            yield f"{each.merchant} {each.currency}: {by_end} by end, {each.money} in all"


def rows_of(found: Totals) -> list[dict[str, Any]]:
    """The parts for a table."""
    rows: list[dict[str, Any]] = msgspec.to_builtins(found.parts)
    return rows
