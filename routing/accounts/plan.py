"""Which of a merchant's accounts a charge goes to: rules, tried in their order.

Rule 1.  The account that the request names by its digit (DE 63) is meant.
Rule 2.  Else the first rule whose every condition holds says it; where none does, the main one.
Rule 3.  An account that is not open, or whose limit is passed, takes nothing: the charge is
         refused, or, where the merchant allows it, goes to the main account.
Rule 4.  Whatever follows on a charge goes to the charge's account: nothing is chosen again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from routing.accounts.bins import CardKind
from routing.entries import EntryLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

MAIN: Final = "main"
"""In words; in a charge's record the main account is ''."""
CHANNELS: Final = ("manual", "stripe", "chip", "contactless", "code", "online", "other")
"""How a card or a customer's code was read."""
_OTHER: Final = "other"
_BY_TWO_DIGITS: Final = {
    "01": "manual",
    "02": "stripe",
    "03": "code",
    "04": "code",
    "05": "chip",
    "07": "contactless",
    "10": "online",
    "80": "stripe",
    "81": "online",
    "90": "stripe",
    "91": "contactless",
    "95": "chip",
}
"""DE 22 of 1987 and of the POS dialect, its first two digits."""
_BY_POSITION: Final = {
    "1": "manual",
    "2": "stripe",
    "3": "code",
    "5": "chip",
    "6": "manual",
    "M": "contactless",
    "A": "contactless",
    "S": "online",
}
"""DE 22 of 1993, its seventh position."""
_LENGTH_1993: Final = 12
_READ_BY: Final = 6
_ACCOUNT: Final = re.compile("[2-9]")
RULES_MAX: Final = 50


class AccountRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Charges for which all of this holds go to `account`; what is not named holds for any."""

    account: str
    channel: tuple[str, ...] = ()
    card: tuple[str, ...] = ()
    """Kinds of cards, as the table of BINs knows them."""
    mcc: tuple[str, ...] = ()
    terminal: tuple[str, ...] = ()
    amount_min: int = 0
    amount_max: int = 0
    """Minor units; 0: no bound."""

    def holds(self, each: Asked) -> bool:
        """Whether a charge is one of these."""
        return (
            (not self.channel or each.channel in self.channel)
            and (not self.card or each.card in self.card)
            and (not self.mcc or each.mcc in self.mcc)
            and (not self.terminal or each.terminal in self.terminal)
            and each.amount >= self.amount_min
            and (not self.amount_max or each.amount <= self.amount_max)
        )


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A merchant's rules."""

    rules: tuple[AccountRule, ...] = ()
    fallback: bool = False
    """Whether what can't go to another account may go to the main one."""
    limits: dict[str, EntryLimits] = {}
    """What an account may collect, by its digit: for one charge and for a day."""

    def chosen(self, each: Asked) -> str:
        """The account that a charge goes to: its digit, or ''."""
        for rule in self.rules:
            if rule.holds(each):
                return "" if rule.account == MAIN else rule.account
        return ""

    def problems(self) -> Iterator[str]:
        """What can't be: field and why."""
        if len(self.rules) > RULES_MAX:
            yield f"rules: at most {RULES_MAX}"
        for account, limits in self.limits.items():
            least = min(limits.amount_max, limits.day_amount_max, limits.day_count_max)
            if not is_account(account) or least < 0:
                yield f"limits.{account}: of an account 2 to 9, 0 or more"
        for number, rule in enumerate(self.rules):
            if rule.account != MAIN and not is_account(rule.account):
                yield f"rules.{number}.account: 2 to 9, or {MAIN}"
            if not set(rule.channel) <= set(CHANNELS):
                yield f"rules.{number}.channel: of {', '.join(CHANNELS)}"
            if not set(rule.card) <= set(CardKind):
                yield f"rules.{number}.card: of {', '.join(CardKind)}"
            if min(rule.amount_min, rule.amount_max) < 0:
                yield f"rules.{number}.amount: 0 or more"
            elif 0 < rule.amount_max < rule.amount_min:
                yield f"rules.{number}.amount_max: not below amount_min"


class Asked(NamedTuple):
    """What is looked at of a charge."""

    terminal: str
    amount: int
    channel: str
    card: str
    mcc: str


class Collects(msgspec.Struct, frozen=True, kw_only=True):
    """An account beside the main one that collects."""

    id: str
    number: str = ""
    """DE 42 towards the host, where it has one of its own."""
    host: str = ""
    """Where its charges go; '': as the routes say."""
    opened_at: float = 0.0
    request: str = ""
    closed: bool = False


def is_account(digit: str) -> bool:
    """Whether this can be another account than the main one."""
    return _ACCOUNT.fullmatch(digit) is not None


def channel_of(entry_mode: str) -> str:
    """How a charge was collected, by DE 22 of whatever edition; `other` where that is not told."""
    if len(entry_mode) == _LENGTH_1993:
        return _BY_POSITION.get(entry_mode[_READ_BY], _OTHER)
    return _BY_TWO_DIGITS.get(entry_mode[:2], _OTHER)
