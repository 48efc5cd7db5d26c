"""New limits tried on what was really charged: how many charges they would have refused."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from gateway.journal.desk_reader import DeskReader
from routing.cards import Cards
from routing.charge import State
from routing.limits import Limits, LimitSettings, sale_of

if TYPE_CHECKING:
    from gateway.config import Config


class Trial(msgspec.Struct, kw_only=True):
    """What the limits would have done; amounts in minor units."""

    charges: int = 0
    refused: int = 0
    refused_amount: int = 0
    by_code: dict[str, int] = {}
    """61 amount, 65 count, 94 repeated."""
    merchants: dict[str, int] = {}
    """Those refused most, at most ten."""
    repeated: int = 0
    """Same card, amount and merchant within the time, whether refused or not."""


_MERCHANTS_SHOWN = 10


def dry_run(config: Config, limits: LimitSettings, since: float, until: float) -> Trial:
    """Let the charges of a time pass before `limits` again, in their order.  Blocks.

    What a host declined, or what was undone, gave its share back; here it does so at once.
    """
    trial, tried = Trial(), Limits(limits, Cards(os.urandom(32)))
    codes: Counter[str] = Counter()
    merchants: Counter[str] = Counter()
    with DeskReader(config) as reader:
        for charge in reader.between(since, until, "state <> 'NEVER_LEFT'"):
            if charge.kind.undoes:
                continue
            trial.charges += 1
            sale = sale_of(charge)
            code = tried.refusal(sale, charge.opened_at)
            if code is not None:
                trial.refused += 1
                trial.refused_amount += charge.amount
                codes[code] += 1
                merchants[charge.merchant] += 1
                continue
            tried.add(sale, charge.opened_at)
            if charge.state in _GAVE_BACK:
                tried.give_back(sale, charge.opened_at)
    trial.by_code, trial.repeated = dict(codes), tried.repeated
    trial.merchants = dict(merchants.most_common(_MERCHANTS_SHOWN))
    return trial


_GAVE_BACK = frozenset({State.DECLINED, State.REVERSED, State.NOTHING_TO_REVERSE, State.VOIDED})
