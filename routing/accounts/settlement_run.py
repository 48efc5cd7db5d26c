"""A settlement run: which card the money of a day goes to, and what is held until somebody looked.

Rule 1.  A run of a day sees of each merchant the card that counts on that day: exactly one.
Rule 2.  A large payout to a card that is still in its cooling period is held and told; so is one
         where the bank was found to have another card, or where there is no card.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from routing.accounts.settlement_days import ALWAYS
from routing.keeper import AuditKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from routing.accounts.office import Office
    from routing.accounts.settlement_cards import CardVersion, SettlementCards
    from routing.clock import Now

NEW_CARD, DIFFERS, NO_CARD = "new card", "bank differs", "no card"
HELD: Final = (NEW_CARD, DIFFERS, NO_CARD)


class Payout(NamedTuple):
    """What one merchant gets, and to which card."""

    merchant: str
    amount: int
    """Minor units."""
    version: int
    token: str
    masked: str
    bank: str
    held: str
    """Why it waits for a person; '' if it does not."""


class SettlementRuns:
    """Decides runs; whoever asks adds the day's money up."""

    def __init__(self, office: Office, cards: SettlementCards) -> None:
        self._office, self._cards = office, cards
        self.held: Counter[str] = Counter()
        """Payouts held in this life, by why."""

    def may_run(self, day: str, now: Now) -> bool:
        """Whether a day has begun."""
        return day <= self._cards.days.current(now)

    def run(self, day: str, sums: Mapping[str, int], who: str, now: Now) -> list[Payout]:
        """Each merchant's payout of a day.  From now on no card begins with that day."""
        self._cards.days.came(day, now)
        payouts = [self._payout(day, merchant, sums[merchant], now) for merchant in sorted(sums)]
        held = [each for each in payouts if each.held]
        keeper = self._office.life.keeper
        said: dict[str, int | str] = {"merchants": len(payouts), "held": len(held)}
        said["amount"] = sum(each.amount for each in payouts)
        keeper.audit(AuditKind.SETTLEMENT_RUN, day, now, who=who, said=said)
        for each in held:
            self.held[each.held] += 1
            what = {"day": day, "card": each.masked, "amount": each.amount, "held": each.held}
            keeper.audit(AuditKind.SETTLEMENT_RUN, each.merchant, now, who=who, said=what)
            self._office.progress.alert(each.merchant, "payout_held", each.held, now)
        return payouts

    def _payout(self, day: str, merchant: str, amount: int, now: Now) -> Payout:
        account = self._cards.of(merchant)
        card = account.on(day)
        if card is None:
            return Payout(merchant, amount, 0, "", "", "", NO_CARD)
        held = DIFFERS if account.mismatch else ""
        if not held and self._is_new(card, day, amount, now):
            held = NEW_CARD
        return Payout(merchant, amount, card.number, card.token, card.masked, card.bank, held)

    def _is_new(self, card: CardVersion, day: str, amount: int, now: Now) -> bool:
        rules = self._office.book.at(now.wall)
        if card.begins == ALWAYS or card.checked_by or not 0 < rules.large_payout <= amount:
            return False
        days = self._cards.days
        return days.bounds(day)[0] < days.bounds(card.begins)[0] + rules.cooling_h * 3_600.0
