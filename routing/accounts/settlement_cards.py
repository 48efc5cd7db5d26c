"""The settlement cards of all merchants, version by version: which one counts on which day.

Rule 1.  A version is never changed but for the day it begins with, which is set once.
Rule 2.  A later version begins with a later day.  So on any day exactly one counts: the newest of
         those that have begun by then.  A settlement run of that day sees that one, whenever it
         comes, also when it comes late or again.
Rule 3.  A version has no day before the bank acknowledged it: until then the old card is in force.

Of a card stand here its token, its mask, and its number under the bank's key for as long as the
bank may have to be told it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from routing.accounts.settlement_days import ALWAYS, SettlementDays
from routing.keeper import KeptKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routing.accounts.office import Office
    from routing.accounts.request import AccountRequest
    from routing.clock import Now

VERSIONS_MAX: Final = 100
"""Versions of a merchant that are held; what the older ones were, the audit log tells."""
MAIN: Final = "main"
"""The account of a registry's entry that a settlement card belongs to."""


class CardVersion(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One settlement card of a merchant."""

    number: int
    token: str
    masked: str
    holder: str = ""
    bank: str = ""
    kind: str = ""
    sealed: str = ""
    """The number under the bank's key, as long as the bank may have to be told it."""
    request: str = ""
    begins: str = ""
    """The first settlement day on which it counts; '' while the bank has not acknowledged it."""
    checked_by: str = ""
    """Who looked at a payout to it that was held."""


class SettlementAccount(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One merchant's cards, and what the bank is known to have."""

    merchant: str
    versions: list[CardVersion] = []
    given: int = 0
    """The highest number that a version was ever given: none is given twice."""
    to_send: int = 0
    """The version that the bank has to be told; 0: none.  This is the outbox."""
    waits_since: float = 0.0
    bank_version: int = 0
    """The newest that the bank acknowledged."""
    synced_at: float = 0.0
    mismatch: str = ""
    """How the bank differed at the last comparison; '' if it did not."""

    def on(self, day: str) -> CardVersion | None:
        """The one that counts on a day; None before the first one began."""
        begun = [each for each in self.versions if each.begins and each.begins <= day]
        return max(begun, key=_begin) if begun else None

    def version(self, number: int) -> CardVersion | None:
        """A version by its number."""
        return next((each for each in self.versions if each.number == number), None)

    @property
    def newest(self) -> int:
        """The number of the newest version; 0: there is none."""
        return max((each.number for each in self.versions), default=0)

    @property
    def at_bank(self) -> CardVersion | None:
        """The version that the bank should have as its newest."""
        return self.version(self.bank_version)


def _begin(version: CardVersion) -> str:
    return version.begins


class SettlementCards:
    """All of them."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.days = SettlementDays(office)
        self._accounts: dict[str, SettlementAccount] = {}

    def restore(self) -> float:
        """What earlier lives kept; returns when both sides were compared last."""
        compared_at = self.days.restore()
        for each in self._office.life.keeper.left(KeptKind.SETTLEMENT_CARD):
            if each.data is not None:
                self._accounts[each.key] = msgspec.convert(each.data, SettlementAccount)
        return compared_at

    def of(self, merchant: str) -> SettlementAccount:
        """A merchant's; of one that never changed it the card of its registry's entry."""
        known = self._accounts.get(merchant)
        if known is not None:
            return known
        made = SettlementAccount(merchant=merchant)
        entry = self._office.life.registry.merchant(merchant)
        for each in entry.accounts if entry is not None else ():
            if each.id == MAIN and each.token:
                made.versions = [
                    CardVersion(
                        number=1,
                        token=each.token,
                        masked=each.masked,
                        holder=each.holder,
                        bank=each.bank,
                        kind=each.kind,
                        begins=ALWAYS,
                    )
                ]
                made.bank_version = 1
        return made

    def all(self) -> Iterator[SettlementAccount]:
        """Every merchant's that was ever changed or compared."""
        return iter(list(self._accounts.values()))

    def merchants(self) -> set[str]:
        """Everybody who has a card."""
        registry = self._office.life.registry
        registered = {each.id for each in registry.merchants() if each.accounts}
        return registered | self._accounts.keys()

    def keep(self, account: SettlementAccount, now: Now) -> None:
        """Durable as it now stands, with the rest of this turn."""
        self._accounts[account.merchant] = account
        data = msgspec.to_builtins(account)
        self._office.life.keeper.keep(KeptKind.SETTLEMENT_CARD, account.merchant, data, now)

    # The life of a version

    def write(self, request: AccountRequest, now: Now) -> int:
        """A version from an approved request; the bank has to be told it.  Returns its number."""
        account, card = self.of(request.merchant), request.facts["card"]
        number = account.given = max(account.newest, account.given) + 1
        account.versions.append(
            CardVersion(
                number=number,
                token=card["token"],
                masked=card["masked"],
                holder=request.name,
                bank=card.get("bank", ""),
                kind=card.get("kind", ""),
                sealed=card["sealed"],
                request=request.id,
            )
        )
        self.send(account, number, now)
        return number

    def send(self, account: SettlementAccount, number: int, now: Now) -> None:
        """The bank has to be told a version (again)."""
        account.to_send, account.waits_since = number, now.wall
        self.keep(account, now)

    def give_up(self, account: SettlementAccount, now: Now) -> None:
        """The bank does not take what it was told; a version that never counted is forgotten."""
        refused = account.version(account.to_send)
        if refused is not None and not refused.begins:
            account.versions.remove(refused)
        account.to_send = 0
        self.keep(account, now)

    def acknowledged(self, account: SettlementAccount, now: Now) -> CardVersion | None:
        """The bank has what it was told: it counts from the next settlement day on."""
        version = account.version(account.to_send)
        account.bank_version = max(account.to_send, account.bank_version)
        account.to_send, account.synced_at = 0, now.wall
        account.mismatch = ""
        if version is not None and not version.begins:
            latest = max((each.begins for each in account.versions), default=ALWAYS)
            day = self.days.next(now)
            # However the clock was set, a later version begins with a later day.
            version.begins = day if day > latest else self.days.after(latest)
        del account.versions[:-VERSIONS_MAX]
        self.keep(account, now)
        return version

    def began(self, account: SettlementAccount, version: CardVersion, now: Now) -> None:
        """A version's first day has come: of the earlier ones nobody needs the numbers."""
        for each in account.versions:
            if each.number < version.number:
                each.sealed = ""
        self.days.came(version.begins, now)
        self.keep(account, now)
