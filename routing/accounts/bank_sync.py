"""The outbox to the bank that settles: what it has to be told, what its answers mean, and whether
both sides have the same.

Rule 1.  What the bank has to be told is durable before it is told, and told until it answered.  A
         version is told under the same number each time: the bank takes it once.
Rule 2.  Silence and trouble at the bank are tried again, with growing pauses; a no ends it.
Rule 3.  At a comparison the bank's newest version of each merchant is held against the one that
         it acknowledged.  What differs is told, shown, stands against the next change, and holds
         payouts until both sides agree again.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from routing.accounts.machine import Event
from routing.accounts.people import GATEWAY
from routing.accounts.refusals import Code, Obstacle, Refusal
from routing.accounts.settlement_days import COMPARED
from routing.accounts.settlement_settings import minute_of
from routing.keeper import AuditKind, KeptKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routing.accounts.office import Office
    from routing.accounts.settlement_cards import CardVersion, SettlementAccount
    from routing.clock import Now

AT_ONCE_MAX: Final = 20
"""Versions that are told at a time; the others come next time."""
_DAY_S: Final = 86_400.0
MISSING, OTHER_VERSION = "missing at the bank", "another version at the bank"
OTHER_CARD, UNKNOWN = "another card at the bank", "unknown here"


class Told(StrEnum):
    """What the bank said to a version."""

    TAKEN = "taken"
    FAILED = "failed"
    """Nothing, or that it can't now."""
    REFUSED = "refused"


class ToBank(NamedTuple):
    """A version that the bank has to be told."""

    merchant: str
    version: CardVersion

    @property
    def key(self) -> str:
        """The same at each try."""
        return f"{self.merchant}-{self.version.number}"


class BankCard(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant's newest card as the bank has it."""

    merchant: str
    version: int
    token: str
    masked: str


class BankSync:
    """What is on its way, and how both sides compare."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._tries: dict[str, tuple[int, float]] = {}
        """By merchant: tries in this life, and the monotonic time of the next one."""
        self.results: Counter[str] = Counter()
        """Tries of this life by what came of them."""
        self.compared_at = 0.0
        self._seen: set[str] = set()

    # The outbox

    def waiting(self) -> list[SettlementAccount]:
        """Accounts of which the bank has to be told something."""
        return [each for each in self._office.settlement.cards.all() if each.to_send]

    def wanted(self, now: Now) -> list[ToBank]:
        """What is to be told now."""
        found = []
        for account in self.waiting():
            version = account.version(account.to_send)
            due = self._tries.get(account.merchant, (0, now.monotonic))[1]
            if version is not None and version.sealed and now.monotonic >= due:
                found.append(ToBank(account.merchant, version))
        return found[:AT_ONCE_MAX]

    def told(self, sent: ToBank, told: Told, codes: Iterable[Code], now: Now) -> None:
        """What came of a try."""
        account = self._office.settlement.cards.of(sent.merchant)
        self.results[told] += 1
        if account.to_send != sent.version.number:
            return  # an answer that came twice
        if told is Told.FAILED:
            self._failed(account, now)
            return
        self._tries.pop(sent.merchant, None)
        said = {"version": sent.version.number, "card": sent.version.masked, "told": told}
        keeper = self._office.life.keeper
        keeper.audit(AuditKind.CARD_SYNC, sent.merchant, now, said=said)
        if told is Told.TAKEN:
            self._taken(account, now)
        else:
            self._refused(account, codes, now)

    def _failed(self, account: SettlementAccount, now: Now) -> None:
        settings = self._office.life.settings.settlement
        tries = self._tries.get(account.merchant, (0, 0.0))[0]
        pause_s = min(settings.retry_s * 2.0 ** min(tries, 30), settings.retry_max_s)
        self._tries[account.merchant] = tries + 1, now.monotonic + pause_s
        if not tries:
            self._happens(account, Event.SYNC_FAILED, now)

    def _taken(self, account: SettlementAccount, now: Now) -> None:
        number = account.to_send
        version = self._office.settlement.cards.acknowledged(account, now)
        remark = f"from {version.begins}" if version is not None else ""
        self._happens(account, Event.SYNCED, now, number=number, remark=remark)

    def _refused(self, account: SettlementAccount, codes: Iterable[Code], now: Now) -> None:
        number = account.to_send
        obstacles = [Obstacle(code, "the bank") for code in codes]
        refusal = Refusal(obstacles or [Obstacle(Code.REGULATION, "the bank")])
        request = self._office.shelf.get(self._request_of(account, number))
        self._office.settlement.cards.give_up(account, now)
        if request is not None:
            self._office.progress.apply(request, Event.BANK_REFUSED, GATEWAY, now, refusal=refusal)

    def _happens(
        self,
        account: SettlementAccount,
        event: Event,
        now: Now,
        *,
        number: int = 0,
        remark: str = "",
    ) -> None:
        """Move the request of a version that is on its way; one that is told again has none."""
        request_id = self._request_of(account, number or account.to_send)
        request = self._office.shelf.get(request_id) if request_id else None
        if request is not None:
            self._office.progress.apply(request, event, GATEWAY, now, remark=remark)

    @staticmethod
    def _request_of(account: SettlementAccount, number: int) -> str:
        version = account.version(number)
        return version.request if version is not None else ""

    # The comparison

    def compare_due(self, now: Now) -> bool:
        """Whether a night came since both sides were compared."""
        text = self._office.life.settings.settlement.compare_at
        if not text:
            return False
        midnight = self._office.book.at(now.wall).midnight(now.wall)
        latest = midnight + minute_of(text) * 60.0
        if latest > now.wall:
            latest -= _DAY_S
        return self.compared_at < latest

    def begin_comparison(self) -> None:
        """What the bank has comes in parts."""
        self._seen = set()

    def compare(self, cards: Iterable[BankCard], now: Now) -> None:
        """A part of what the bank has."""
        store = self._office.settlement.cards
        for card in cards:
            self._seen.add(card.merchant)
            account = store.of(card.merchant)
            pending = account.version(account.to_send)
            if pending is not None and _same(pending, card):
                self.told(ToBank(card.merchant, pending), Told.TAKEN, (), now)
            self._note(account, _difference(account, card), now)

    def end_comparison(self, now: Now) -> None:
        """That was all: whoever was not named, the bank does not know."""
        for account in self._office.settlement.cards.all():
            if account.merchant not in self._seen:
                self._note(account, MISSING if account.at_bank is not None else "", now)
        self._seen = set()
        self.compared_at = now.wall
        keep = self._office.life.keeper.keep
        keep(KeptKind.SETTLEMENT_DAY, COMPARED, {"at": now.wall}, now)

    def _note(self, account: SettlementAccount, mismatch: str, now: Now) -> None:
        if account.mismatch == mismatch:
            return
        account.mismatch = mismatch
        self._office.settlement.cards.keep(account, now)
        said = {"mismatch": mismatch}
        self._office.life.keeper.audit(AuditKind.CARD_SYNC, account.merchant, now, said=said)
        if mismatch:
            self._office.progress.alert(account.merchant, "settlement_mismatch", mismatch, now)


def _same(version: CardVersion, card: BankCard) -> bool:
    theirs = card.version, card.token, card.masked
    return (version.number, version.token, version.masked) == theirs


def _difference(account: SettlementAccount, card: BankCard) -> str:
    """How the bank's card differs from the one that it acknowledged; '' if it does not."""
    ours = account.at_bank
    if ours is None:
        return UNKNOWN
    if card.version != ours.number:
        return OTHER_VERSION
    return "" if _same(ours, card) else OTHER_CARD
