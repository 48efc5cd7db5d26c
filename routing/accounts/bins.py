"""Which bank gave a card out, and of what kind it is: the table of BINs, the longest one counts.

The table is data: a file of the configuration, since acquirers have their own.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LENGTHS: Final = range(13, 20)
"""Digits that a card number may have."""
_BIN_DIGITS_MAX: Final = 12


class CardKind(StrEnum):
    """What a card is."""

    DEBIT = "debit"
    CREDIT = "credit"
    CORPORATE = "corporate"
    """A company's, to which its account is settled."""
    PREPAID = "prepaid"


class Medium(StrEnum):
    """What a card is read by."""

    CHIP = "chip"
    STRIPE = "stripe"
    BOTH = "both"


class Bin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the table."""

    prefix: str
    lengths: tuple[int, ...]
    """Digits that its cards have."""
    bank: str
    kind: CardKind
    medium: Medium = Medium.BOTH

    def problems(self) -> Iterator[str]:
        """What can't be."""
        digits = self.prefix.isascii() and self.prefix.isdigit()
        if not digits or not 0 < len(self.prefix) <= _BIN_DIGITS_MAX:
            yield f"prefix: 1 to {_BIN_DIGITS_MAX} digits"
        if not self.lengths or not set(self.lengths) <= set(LENGTHS):
            yield f"lengths: {LENGTHS[0]} to {LENGTHS[-1]}"
        if not self.bank:
            yield "bank: none given"


class BinTable:
    """All of them."""

    def __init__(self, bins: Iterable[Bin]) -> None:
        self._bins = {each.prefix: each for each in bins}
        self._lengths = sorted({len(prefix) for prefix in self._bins}, reverse=True)

    def __len__(self) -> int:
        return len(self._bins)

    def find(self, digits: str) -> Bin | None:
        """The longest BIN that a number begins with."""
        for length in self._lengths:
            found = self._bins.get(digits[:length])
            if found is not None:
                return found
        return None


def has_check_digit(digits: str) -> bool:
    """Whether the last digit fits the others (Luhn, mod 10)."""
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (doubled + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0
