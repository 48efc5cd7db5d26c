"""Settlement at the desk: runs of a day, comparisons with the bank, and how both sides stand."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.desk.requests import CompareCards, DeskError, Reply, RunSettlement
from gateway.journal.desk_reader import DeskReader
from gateway.story import utc
from routing.accounts.people import May
from routing.accounts.settlement_cards import SettlementAccount
from routing.keeper import KeptKind

if TYPE_CHECKING:
    from gateway.bank_post import BankPost
    from gateway.config import Config
    from gateway.desk.floor import Floor
    from gateway.tools import Offload
    from routing.clock import Now
    from routing.switch import Switch

_NOT_ALLOWED: Final = 403
_NOT_NOW: Final = 409
_UNAVAILABLE: Final = 503


class PayoutDesk:
    """The part of the desk that settles."""

    def __init__(self, config: Config, switch: Switch, floor: Floor, offload: Offload) -> None:
        self._config, self._switch = config, switch
        self._floor, self._offload = floor, offload
        self.bank: BankPost | None = None

    async def run(self, request: RunSettlement, who: str, now: Now) -> Reply:
        """Which card each merchant's money of a day goes to.  Raises DeskError."""
        if not self._may(who, now):
            return Reply(status=_NOT_ALLOWED, said=f"not you: {May.SETTLE_RUN}")
        settlement = self._switch.office.settlement
        day = _day(request.day) if request.day else settlement.cards.days.current(now)
        if not settlement.runs.may_run(day, now):
            return Reply(status=_NOT_NOW, said=f"{day} has not begun")
        begins, ends = settlement.cards.days.bounds(day)

        def read() -> dict[str, int]:
            with DeskReader(self._config) as reader:
                return reader.payouts(begins, ends, request.currency)

        await self._floor.settle()
        payouts = settlement.runs.run(day, await self._offload(read), who, now)
        await self._floor.settle()
        held = sum(bool(each.held) for each in payouts)
        facts = {"day": day, "currency": request.currency, "held": held}
        facts["payouts"] = [each._asdict() for each in payouts]
        return Reply(said=f"{day}: {len(payouts)} payout(s), {held} held", facts=facts)

    async def compare(self, request: CompareCards, who: str, now: Now) -> Reply:
        """Hold our cards against the bank's.  Raises DeskError."""
        del request
        if not self._may(who, now):
            return Reply(status=_NOT_ALLOWED, said=f"not you: {May.SETTLE_RUN}")
        if self.bank is None or not self._config.settlement.url:
            message = "only a running gateway with a settlement.url compares"
            raise DeskError(message)
        why = await self.bank.compare()
        if why:
            return Reply(status=_UNAVAILABLE, said=f"the bank can't be asked: {why}")
        accounts = self._switch.office.settlement.cards.all()
        differs = {each.merchant: each.mismatch for each in accounts if each.mismatch}
        return Reply(said=f"{len(differs)} merchant(s) differ", facts={"differ": differs})

    def _may(self, who: str, now: Now) -> bool:
        return self._switch.office.people.may(who, May.SETTLE_RUN, now.wall)


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        message = "day: one like 2026-11-26"
        raise DeskError(message) from None


def cards(config: Config) -> list[dict[str, Any]]:
    """Every merchant's cards and what the bank has.  Raises JournalError or KeyFileError."""
    with DeskReader(config) as reader:
        kept = reader.kept(KeptKind.SETTLEMENT_CARD)
    return [_row(msgspec.convert(each.data, SettlementAccount)) for each in kept if each.data]


def _row(account: SettlementAccount) -> dict[str, Any]:
    versions = [
        {
            "version": each.number,
            "card": each.masked,
            "bank": each.bank,
            "kind": each.kind,
            "begins": each.begins,
            "request": each.request,
        }
        for each in account.versions
    ]
    return {
        "merchant": account.merchant,
        "version": account.newest,
        "bank_version": account.bank_version,
        "waits": bool(account.to_send),
        "synced_at": utc(account.synced_at) if account.synced_at else "",
        "mismatch": account.mismatch,
        "versions": versions,
    }
