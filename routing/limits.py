"""How much and how often may be charged; checked before anything is sent.

By terminal, merchant and card, for one charge and for a UTC day; and the same card with the same
amount at the same merchant within minutes, which is more often a slip than a second sale.  Beside
the general limits stand those that merchants and terminals have of their own; the strictest counts.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from routing.entries import NO_LIMITS, EntryLimits
from routing.response_codes import AMOUNT_LIMIT, COUNT_LIMIT, DUPLICATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routing.cards import Cards
    from routing.charge import Charge

_SECONDS_A_DAY: Final = 86_400
KEYS_MAX: Final = 1_000_000
"""Terminals, merchants and cards of one day, and amounts of the last minutes, that are counted; the
oldest is forgotten first."""


class LimitSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits in minor units and counts; 0 means none.  A day is a UTC day."""

    amount_max: int = 0
    terminal_day_amount_max: int = 0
    terminal_day_count_max: int = 0
    merchant_day_amount_max: int = 0
    merchant_day_count_max: int = 0
    card_day_amount_max: int = 0
    card_day_count_max: int = 0
    repeated_amount_s: float = 0.0
    """Same card, amount and merchant again within so many seconds: counted, or refused with 94."""
    repeated_amount: Literal["count", "refuse"] = "count"

    def of_day(self, scope: str) -> tuple[int, int]:
        """Amount and count that `terminal`, `merchant` or `card` may have in a day."""
        amount: int = getattr(self, f"{scope}_day_amount_max")
        count: int = getattr(self, f"{scope}_day_count_max")
        return amount, count


@dataclass
class Sale:
    """What limits look at."""

    till: str
    """merchant|terminal."""
    pan: str
    amount: int
    currency: str
    opened_at: float


class OwnLimits:
    """The limits that merchants and terminals have of their own; here nobody has any."""

    def __init__(self) -> None:
        self.any_limits = False
        """Whether somebody has limits of their own."""

    def limits_of(self, merchant: str, terminal: str) -> tuple[EntryLimits, EntryLimits]:
        """Those of the merchant and of the terminal."""
        del merchant, terminal
        return NO_LIMITS, NO_LIMITS


class Limits:
    """What each terminal, merchant and card has charged today, less what was given back."""

    def __init__(self, settings: LimitSettings, cards: Cards, own: OwnLimits | None = None) -> None:
        self._cards = cards
        self._own = OwnLimits() if own is None else own
        self.change(settings)
        self._day = -1
        self._used: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._amounts: OrderedDict[str, float] = OrderedDict()
        self.repeated = 0
        """Same card, amount and merchant within the time, whether refused or not."""
        self.forgotten = 0

    def __len__(self) -> int:
        """How many keys the fuller of the two tables holds."""
        return max(len(self._used), len(self._amounts))

    def change(self, settings: LimitSettings) -> None:
        """Other limits are in force from now on; what is counted stays."""
        self.settings = settings
        self._by_day = [
            (scope, *settings.of_day(scope))
            for scope in ("terminal", "merchant", "card")
            if any(settings.of_day(scope))
        ]
        self._general = bool(self._by_day or settings.amount_max or settings.repeated_amount_s)

    def exist(self) -> bool:
        """Whether there is any limit; without, nothing is counted either."""
        return self._general or self._own.any_limits

    def refusal(self, sale: Sale, wall: float) -> str | None:
        """DE 39 for a charge that would pass a limit (61 amount, 65 count, 94 repeated); None if
        it may go.
        """
        limits = self.settings
        if self._is_too_much(sale):
            return AMOUNT_LIMIT
        self._turn_day(wall)
        for key, amount_max, count_max in self._every_day_limit(sale):
            amount, count = self._used.get(key, (0, 0))
            if amount_max and amount + sale.amount > amount_max:
                return AMOUNT_LIMIT
            if count_max and count >= count_max:
                return COUNT_LIMIT
        if self._is_repeated(sale, wall):
            self.repeated += 1
            return DUPLICATE if limits.repeated_amount == "refuse" else None
        return None

    def is_beyond(self, sale: Sale, wall: float) -> bool:
        """Whether a charge that is counted already has passed a limit that is in force now."""
        if self._is_too_much(sale):
            return True
        self._turn_day(wall)
        if int(sale.opened_at) // _SECONDS_A_DAY != self._day:
            return False
        for key, amount_max, count_max in self._every_day_limit(sale):
            amount, count = self._used.get(key, (0, 0))
            if (amount_max and amount > amount_max) or (count_max and count > count_max):
                return True
        return False

    def add(self, sale: Sale, wall: float) -> None:
        """A charge was opened."""
        self._change(sale, sale.amount, 1, wall)
        if self.settings.repeated_amount_s and sale.pan:
            self._amounts[self._amount_key(sale)] = sale.opened_at
            self._bound(self._amounts)

    def give_back(self, sale: Sale, wall: float) -> None:
        """A charge was declined, never left or was reversed: it counts no more."""
        self._change(sale, -sale.amount, -1, wall)
        if self._amounts and self._amounts.get(key := self._amount_key(sale)) == sale.opened_at:
            del self._amounts[key]

    def _is_too_much(self, sale: Sale) -> bool:
        general = self.settings.amount_max
        if general and sale.amount > general:
            return True
        if not self._own.any_limits:
            return False
        merchant, _, terminal = sale.till.partition("|")
        own = self._own.limits_of(merchant, terminal)
        return any(each.amount_max and sale.amount > each.amount_max for each in own)

    def _is_repeated(self, sale: Sale, wall: float) -> bool:
        if not self.settings.repeated_amount_s or not sale.pan:
            return False
        last = self._amounts.get(self._amount_key(sale))
        return last is not None and wall - last < self.settings.repeated_amount_s

    def _amount_key(self, sale: Sale) -> str:
        merchant = sale.till.partition("|")[0]
        return f"{merchant}|{self._cards.hash(sale.pan)}|{sale.amount}|{sale.currency}"

    def _every_day_limit(self, sale: Sale) -> Iterator[tuple[str, int, int]]:
        yield from self._day_limits(sale)
        yield from self._own_day_limits(sale)

    def _day_limits(self, sale: Sale) -> Iterator[tuple[str, int, int]]:
        """Key, amount and count of each limit by day that this charge counts towards."""
        merchant, _, _ = sale.till.partition("|")
        for scope, amount_max, count_max in self._by_day:
            if scope == "card":
                if sale.pan:
                    yield f"c|{self._cards.hash(sale.pan)}", amount_max, count_max
            elif scope == "terminal":
                yield f"t|{sale.till}", amount_max, count_max
            else:
                yield f"m|{merchant}", amount_max, count_max

    def _own_day_limits(self, sale: Sale) -> Iterator[tuple[str, int, int]]:
        """The same of the limits that merchants and terminals have of their own."""
        if not self._own.any_limits:
            return
        merchant, _, terminal = sale.till.partition("|")
        of_merchant, of_terminal = self._own.limits_of(merchant, terminal)
        yield f"m|{merchant}", of_merchant.day_amount_max, of_merchant.day_count_max
        yield f"t|{sale.till}", of_terminal.day_amount_max, of_terminal.day_count_max

    def _change(self, sale: Sale, amount: int, count: int, wall: float) -> None:
        if not (self._by_day or self._own.any_limits):
            return
        self._turn_day(wall)
        if int(sale.opened_at) // _SECONDS_A_DAY != self._day:
            return
        # A key that has a general limit and one of its own counts once.
        for key in dict.fromkeys(key for key, _, _ in self._every_day_limit(sale)):
            used_amount, used_count = self._used.get(key, (0, 0))
            self._used[key] = (used_amount + amount, used_count + count)
        self._bound(self._used)

    def _bound(self, table: OrderedDict[str, tuple[int, int]] | OrderedDict[str, float]) -> None:
        while len(table) > KEYS_MAX:
            table.popitem(last=False)
            self.forgotten += 1

    def _turn_day(self, wall: float) -> None:
        day = int(wall) // _SECONDS_A_DAY
        if day != self._day:
            self._day = day
            self._used.clear()


def sale_of(charge: Charge) -> Sale:
    """What limits look at, of a charge."""
    return Sale(charge.till, charge.pan, charge.amount, charge.currency, charge.opened_at)
