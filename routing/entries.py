"""What the registry holds of merchants and terminals: one entry each, as it is loaded and kept.

Entries hold no card and no key: an account names its card by token and mask, a terminal its keys by
name.  What is empty or 0 says nothing, so that the general settings hold.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from routing.service import Proof

if TYPE_CHECKING:
    from collections.abc import Iterator

MERCHANT_ID_MAX: Final = 15
TERMINAL_ID_MAX: Final = 8
LIMIT_MAX: Final = 10**15
"""Minor units, or charges."""
_ID: Final = re.compile(r"[!-{}~](?:[ -{}~]*[!-{}~])?")
"""What DE 41 and DE 42 may hold: no '|', which stands between the two in every key of ours."""
_CARD: Final = re.compile(r"\d{13}")
_MASKED: Final = re.compile(r"\d{0,6}\*+\d{0,4}")
_MCC: Final = re.compile(r"\d{4}")


class MerchantState(StrEnum):
    """Whether a merchant takes money."""

    APPLIED = "APPLIED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    CLOSING = "CLOSING"
    """On its way out: what is open is settled, nothing new begins."""
    CLOSED = "CLOSED"


class TerminalState(StrEnum):
    """Where a terminal stands; the way from one to another is for the account services."""

    APPLIED = "APPLIED"
    VERIFIED = "VERIFIED"
    SHIPPED = "SHIPPED"
    REGISTERED = "REGISTERED"
    """Its first sign-in makes it ACTIVE."""
    ACTIVE = "ACTIVE"
    CLOSING = "CLOSING"
    """On its way out of service: it settles and reverses, and sells no more."""
    SUSPENDED = "SUSPENDED"
    """At once, for a breach or an attack; looked at afterwards."""
    DEACTIVATED = "DEACTIVATED"
    UNDER_REPAIR = "UNDER_REPAIR"
    REMEDIATION = "REMEDIATION"
    TESTING = "TESTING"
    RETIRED = "RETIRED"


SELLING: Final = frozenset({TerminalState.ACTIVE})
SIGNING_IN: Final = SELLING | {TerminalState.REGISTERED, TerminalState.TESTING}


class EntryLimits(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Limits of one merchant or terminal, minor units and counts; they hold beside the general
    ones, and the strictest counts.  0: none of its own.
    """

    amount_max: int = 0
    day_amount_max: int = 0
    day_count_max: int = 0

    def __bool__(self) -> bool:
        return bool(self.amount_max or self.day_amount_max or self.day_count_max)


NO_LIMITS: Final = EntryLimits()


class Account(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Where a merchant's money goes: a card or an account of a bank, never in clear."""

    id: str = "main"
    state: Literal["applied", "open", "closed"] = "open"
    bank: str = ""
    kind: Literal["", "debit", "corporate"] = ""
    holder: str = ""
    token: str = ""
    """Under which the bank or a vault knows the number."""
    masked: str = ""


class MerchantEntry(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One merchant."""

    id: str
    """DE 42."""
    name: str = ""
    state: MerchantState = MerchantState.ACTIVE
    kind: str = ""
    region: str = ""
    mcc: str = ""
    language: Literal["en", "zh"] = "en"
    """Of texts to its terminals."""
    accounts: tuple[Account, ...] = ()
    limits: EntryLimits = EntryLimits()
    proof: Proof | None = None
    """What proves its service; its terminals may say otherwise."""
    window_s: float = 0.0

    def problems(self) -> Iterator[str]:
        """What fits the types and still can't be: key and why."""
        yield from _id_problems("id", self.id, MERCHANT_ID_MAX)
        yield from _common_problems(self)
        if self.mcc and not _MCC.fullmatch(self.mcc):
            yield "mcc: four digits"
        names = [each.id for each in self.accounts]
        if len(set(names)) < len(names):
            yield "accounts: two have the same id"
        for number, account in enumerate(self.accounts):
            if account.masked and not _MASKED.fullmatch(account.masked):
                yield f"accounts.{number}.masked: masked, like 622848******1234"
            if any(_CARD.search(text) for text in (account.holder, account.bank, account.token)):
                yield f"accounts.{number}: what might be a card number does not belong here"


class TerminalEntry(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One terminal of a merchant."""

    merchant: str
    id: str
    """DE 41."""
    state: TerminalState = TerminalState.ACTIVE
    why: Literal[
        "",
        "FAULT",
        "VIOLATION",
        "ACCOUNT",
        "MAINTENANCE",
        "UPGRADE",
        "REGULATION",
        "STRATEGY",
    ] = ""
    """What a terminal is out of service for."""
    model: str = ""
    serial: str = ""
    software: str = ""
    """Version, as the terminal or its vendor says it."""
    capabilities: tuple[str, ...] = ()
    tpdu: str = ""
    """Ten hex digits, where it has one of its own."""
    batch: str = ""
    """The number of its first batch: six digits."""
    key_names: dict[str, str] = {}
    """By usage: the name of a key of its own, where that is not merchant|terminal."""
    language: Literal["", "en", "zh"] = ""
    limits: EntryLimits = EntryLimits()
    proof: Proof | None = None
    window_s: float = 0.0

    @property
    def till(self) -> str:
        """merchant|terminal, as everywhere in routing."""
        return f"{self.merchant}|{self.id}"

    def problems(self) -> Iterator[str]:
        """What fits the types and still can't be: key and why."""
        yield from _id_problems("merchant", self.merchant, MERCHANT_ID_MAX)
        yield from _id_problems("id", self.id, TERMINAL_ID_MAX)
        yield from _common_problems(self)
        if self.batch and not re.fullmatch(r"\d{6}", self.batch):
            yield "batch: six digits"
        if self.tpdu and not re.fullmatch("[0-9A-Fa-f]{10}", self.tpdu):
            yield "tpdu: ten hex digits"


def _id_problems(key: str, value: str, length_max: int) -> Iterator[str]:
    if not _ID.fullmatch(value) or len(value) > length_max:
        yield f"{key}: 1 to {length_max} printable characters, no '|', no blank around them"


def _common_problems(entry: MerchantEntry | TerminalEntry) -> Iterator[str]:
    limits = entry.limits
    bounds = (limits.amount_max, limits.day_amount_max, limits.day_count_max)
    if min(bounds) < 0 or max(bounds) > LIMIT_MAX:
        yield f"limits: 0 to {LIMIT_MAX}"
    if entry.window_s < 0 or (entry.proof in _TIMED and not entry.window_s):
        yield "window_s: seconds, needed where a proof is waited for"


_TIMED: Final = frozenset({Proof.CONFIRMATION, Proof.NEXT_MESSAGE})
