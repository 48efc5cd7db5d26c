"""Settlement cards as the rest of account services and the gateway's shell see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing.accounts.bank_sync import BankSync
from routing.accounts.bins import BinTable
from routing.accounts.settlement_cards import SettlementCards
from routing.accounts.settlement_run import SettlementRuns

if TYPE_CHECKING:
    from routing.accounts.office import Office
    from routing.clock import Now


class Settlement:
    """The cards, the outbox to the bank, the runs."""

    def __init__(self, office: Office) -> None:
        self.cards = SettlementCards(office)
        self.bins = BinTable(office.life.settings.settlement.bins)
        self.sync = BankSync(office)
        self.runs = SettlementRuns(office, self.cards)

    def restore(self) -> None:
        """What earlier lives kept."""
        self.sync.compared_at = self.cards.restore()

    def told_of(self, merchant: str, now: Now) -> dict[str, str | int | float]:
        """A merchant's cards: the one in force, the next one, and what the bank has."""
        account = self.cards.of(merchant)
        current = account.on(self.cards.days.current(now))
        told: dict[str, str | int | float] = {
            "in_force": current.masked if current is not None else "",
            "version": current.number if current is not None else 0,
            "bank_version": account.bank_version,
            "synced_at": int(account.synced_at),
            "mismatch": account.mismatch,
        }
        newest = account.version(account.newest)
        if newest is not None and newest is not current:
            told |= {"next": newest.masked, "next_version": newest.number}
            told |= {"next_begins": newest.begins}
        return told
