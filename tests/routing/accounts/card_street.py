"""A shop street whose bank settles to cards: who keys which card, and what the bank says to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routing.accounts.asked import Action, Asked, File, Record, Reply, Verb
from routing.accounts.bank_sync import BankCard, ToBank, Told
from routing.accounts.bins import Bin, CardKind, Medium
from routing.accounts.new_card import NewCard
from routing.accounts.settlement_settings import SettlementSettings
from routing.effects import CardWork
from routing.entries import Account, MerchantEntry, TerminalEntry
from tests.routing.accounts.street import Street
from tests.routing.world import MERCHANT, POS, TERMINAL

if TYPE_CHECKING:
    from routing.accounts.rules import RuleSet

BINS: Final = (
    Bin(prefix="622202", lengths=(19,), bank="ICBC", kind=CardKind.DEBIT),
    Bin(prefix="622848", lengths=(19,), bank="ABC", kind=CardKind.DEBIT, medium=Medium.CHIP),
    Bin(prefix="622575", lengths=(16,), bank="CMB", kind=CardKind.CREDIT),
    Bin(prefix="629161", lengths=(16,), bank="CCB", kind=CardKind.CORPORATE),
    Bin(prefix="622700", lengths=(19,), bank="CCB", kind=CardKind.DEBIT, medium=Medium.STRIPE),
)
HOLDER: Final = "Corner Shop"
OLD_CARD: Final = "T0"
OLD_MASK: Final = "622202******0001"
SETTLEMENT: Final = SettlementSettings(is_on=True, bins=BINS, retry_s=2.0, retry_max_s=8.0)


def with_check_digit(digits: str) -> str:
    """A number whose last digit fits the others."""
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[::-2])
    return digits + str(-(doubled + sum(int(each) for each in digits[-2::-2])) % 10)


DEBIT_1, DEBIT_2, DEBIT_3 = (
    with_check_digit(each)
    for each in ("622202123456789012", "622848123456789012", "622202999999999999")
)
CREDIT_1 = with_check_digit("622575123456789")
CORPORATE_1 = with_check_digit("629161123456789")
STRIPE_1 = with_check_digit("622700123456789012")


class CardStreet(Street):
    """Its card numbers are opened by the test in place of the gateway's shell: what a message
    carries as `card` here is a number, and `again` the second keying.
    """

    def __init__(self, *rules: RuleSet, name: str = POS, **settings: Any) -> None:
        self.opened = 0
        super().__init__(name, *rules, settlement=SETTLEMENT, **settings)

    def registers(self, **entry: Any) -> None:
        """The merchant stands in the registry, with a card from before."""
        old = Account(bank="ICBC", holder=HOLDER, token=OLD_CARD, masked=OLD_MASK)
        merchant = MerchantEntry(**{"id": MERCHANT, "name": HOLDER, "accounts": (old,)} | entry)
        registry = self.switch.life.registry
        registry.put(merchant, None, "setup", self.now)
        registry.put(TerminalEntry(merchant=MERCHANT, id=TERMINAL), None, "setup", self.now)
        self.settle()

    def settle(self) -> None:
        """And whatever came enciphered is opened."""
        super().settle()
        while self.key_work:
            work, self.key_work = self.key_work[0], self.key_work[1:]
            assert isinstance(work, CardWork)
            self.opened += 1
            work.done(card(work.what.text, work.what.again), self.now)
            super().settle()

    # What people ask

    def asks_for(self, digits: str, who: str = "clara", again: str = "", **record: Any) -> Reply:
        """Enquire, and ask for a card with the token."""
        token = self.enquires(who, File.SETTLEACC).token
        said = Record(**{"merchant": MERCHANT, "token": token, "name": HOLDER} | record)
        asked = Asked(
            verb=Verb.REQUEST,
            file=File.SETTLEACC,
            action=Action.CHANGE,
            who=who,
            record=said,
            card=card(digits, again),
        )
        return self.asks(asked)

    def approved_card(self, digits: str = DEBIT_2) -> str:
        """A request that is on its way to the bank."""
        asked = self.asks_for(digits)
        assert asked.state == "UNDER_REVIEW", asked
        self.says_so(Verb.APPROVE, "rita", asked.request)
        self.wait(2)
        return asked.request

    # What the bank says

    def wanted(self) -> list[ToBank]:
        """What the gateway would tell the bank now."""
        return self.switch.office.settlement.sync.wanted(self.now)

    def bank_says(self, told: Told, *codes: Any) -> None:
        """The bank's word on all that it is told now."""
        for each in self.wanted():
            self.switch.office.settlement.sync.told(each, told, codes, self.now)
        self.settle()

    def compares(self, *cards: BankCard) -> None:
        """A comparison with what the bank has."""
        sync = self.switch.office.settlement.sync
        sync.begin_comparison()
        sync.compare(cards, self.now)
        sync.end_comparison(self.now)
        self.settle()

    def cut_over(self) -> None:
        """The next day begins."""
        days = self.switch.office.settlement.cards.days
        ends = days.bounds(days.at(self.wall))[1]
        self.wait(ends - self.wall + 2, step_s=600)

    # What the tests look at

    @property
    def today(self) -> str:
        """The settlement day."""
        return self.switch.office.settlement.cards.days.current(self.now)

    def seen_by_a_run(self, day: str = "", amount: int = 1000) -> tuple[str, str]:
        """The mask that a run of a day sees, and why the payout is held."""
        runs = self.switch.office.settlement.runs
        (payout,) = runs.run(day or self.today, {MERCHANT: amount}, "clara", self.now)
        self.settle()
        return payout.masked, payout.held


def card(digits: str, again: str = "") -> NewCard:
    """As the shell opens it."""
    return NewCard(digits, again or digits, f"under the bank's key: {len(digits)} digits")
