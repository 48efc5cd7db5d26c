"""Whatever comes in whatever order, on each day exactly one settlement card counts: changes, a bank
that fails, loses answers and says no, cut-overs, settlement runs, clocks that are set, kills.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Final

from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from routing.accounts.asked import Outcome, Verb
from routing.accounts.bank_sync import BankCard, ToBank, Told
from routing.accounts.refusals import Code
from routing.accounts.settlement_cards import SettlementAccount
from tests.routing.accounts.card_street import (
    CORPORATE_1,
    DEBIT_1,
    DEBIT_2,
    DEBIT_3,
    OLD_CARD,
    CardStreet,
)
from tests.routing.world import MERCHANT

CARDS: Final = st.sampled_from([DEBIT_1, DEBIT_2, DEBIT_3, CORPORATE_1])
DAY_S: Final = 86_400.0
IN_FORCE: Final = "EFFECTIVE"


class OneCard(RuleBasedStateMachine):
    """One merchant, its acquirer's people, its bank, a clock, and a gateway that is killed."""

    def __init__(self) -> None:
        super().__init__()
        self.street = CardStreet()
        self.street.registers()
        self.taken: dict[int, str] = {1: OLD_CARD}
        """What the bank took: token by version."""
        self.seen: dict[str, str] = {}
        """Which card the first run of a day saw."""

    @property
    def account(self) -> SettlementAccount:
        """The merchant's cards."""
        return self.street.switch.office.settlement.cards.of(MERCHANT)

    @initialize()
    def begins_with_the_card_of_the_registry(self) -> None:
        """From before there was anything to change."""
        assert self.street.seen_by_a_run()[1] == ""

    # People

    @rule(digits=CARDS, who=st.sampled_from(["clara", "both"]))
    def ask(self, digits: str, who: str) -> None:
        """For another card, or for another one yet."""
        stood = [each.state for each in self.street.switch.office.shelf.open()]
        reply = self.street.asks_for(digits, who)
        if stood and stood[0] not in ("CARD_REFUSED", "PRECHECK_FAILED"):
            assert reply.outcome is Outcome.DUPLICATE

    @rule(digits=CARDS)
    def change(self, digits: str) -> None:
        """All the way to the bank, unless another one is there already."""
        for each in self.street.switch.office.shelf.open():
            self.street.says_so(Verb.WITHDRAW, "clara", each.id)
        asked = self.street.asks_for(digits)
        self.street.says_so(Verb.APPROVE, "rita", asked.request)
        self.street.wait(2.0, step_s=1.0)

    @rule(digits=CARDS, days=st.sampled_from([0, 0, 1]), is_killed=st.booleans())
    def goes_through(self, digits: str, days: int, *, is_killed: bool) -> None:
        """A change whose bank answers, and perhaps the day ends."""
        self.change(digits)
        self.bank("taken")
        if is_killed:
            self.killed()
        for _ in range(days):
            self.cut_over()

    @rule(
        verb=st.sampled_from([Verb.APPROVE, Verb.APPROVE, Verb.REJECT, Verb.WITHDRAW]),
        who=st.sampled_from(["rita", "ron", "both", "clara"]),
    )
    def decide(self, verb: Verb, who: str) -> None:
        """Somebody's word on what is under way."""
        for each in self.street.switch.office.shelf.open():
            self.street.says_so(verb, who, each.id, what="P13")

    @rule()
    def send_again(self) -> None:
        """A clerk has the bank told once more."""
        for each in self.street.switch.office.shelf.all():
            self.street.says_so(Verb.REPORT, "clara", each.id, what="send again")

    # The bank

    def _take(self, sent: ToBank) -> None:
        """The bank takes a version once; it never gets another card under the same number."""
        known = self.taken.setdefault(sent.version.number, sent.version.token)
        assert known == sent.version.token

    @rule(what=st.sampled_from(["taken", "taken", "lost", "silent", "refused", "killed"]))
    def bank(self, what: str) -> None:
        """What becomes of what it is told now."""
        for sent in self.street.wanted():
            if what == "refused" and sent.version.number not in self.taken:
                self.street.bank_says(Told.REFUSED, Code.HOLDER_DIFFERS)
                return
            if what != "silent":
                self._take(sent)
            if what == "killed":
                # Decided on, and gone before it was durable.
                sync = self.street.switch.office.settlement.sync
                sync.told(sent, Told.TAKEN, (), self.street.now)
                self.street.restart()
                return
            self.street.bank_says(Told.TAKEN if what == "taken" else Told.FAILED)

    @rule()
    def compare(self) -> None:
        """Both sides are held against each other."""
        newest = max(self.taken)
        token = self.taken[newest]
        known = self.account.version(newest)
        masked = known.masked if known is not None else ""
        card = BankCard(merchant=MERCHANT, version=newest, token=token, masked=masked)
        self.street.compares(card)
        assert self.account.mismatch == ""

    # Days

    @rule(back=st.sampled_from([0, 0, 1, 2]))
    def run(self, back: int) -> None:
        """A settlement run of today, or one that comes late, or again."""
        days = self.street.switch.office.settlement.cards.days
        begins, _ = days.bounds(self.street.today)
        day = days.at(begins - back * DAY_S)
        masked, held = self.street.seen_by_a_run(day)
        assert (bool(masked), held) == (True, "")
        counts = self.account.on(day)
        assert counts is not None
        assert self.seen.setdefault(day, counts.token) == counts.token

    @rule(seconds=st.sampled_from([1.0, 3.0, 10.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.street.wait(seconds, step_s=1.0)

    @rule()
    def cut_over(self) -> None:
        """The next day begins."""
        self.street.cut_over()

    @rule(seconds=st.sampled_from([-2 * DAY_S, -3_600.0, 3_600.0, DAY_S]))
    def clock_steps(self, seconds: float) -> None:
        """Somebody sets the machine's clock."""
        self.street.wall += seconds

    # Death

    @rule()
    def killed(self) -> None:
        """Between two turns."""
        before = deepcopy(self.account)
        self.street.restart()
        assert self.account == before

    @rule()
    def killed_in_the_middle(self) -> None:
        """What a turn decided was not durable: it never was."""
        before = deepcopy(self.account)
        kept = {each.id: each.state for each in self.street.switch.office.shelf.all()}
        self.street.monotonic += 2.0
        self.street.switch.tick_hosts(self.street.now)
        self.street.restart()
        assert self.account == before
        assert {each.id: each.state for each in self.street.switch.office.shelf.all()} == kept

    # What must hold

    @invariant()
    def on_each_day_exactly_one_card_counts(self) -> None:
        begins = [each.begins for each in self.account.versions if each.begins]
        numbers = [each.number for each in self.account.versions if each.begins]
        assert len(set(begins)) == len(begins)
        assert begins == sorted(begins)
        assert numbers == sorted(numbers)
        for day, token in self.seen.items():
            counts = self.account.on(day)
            assert counts is not None
            assert counts.token == token, "a run of a day would see another card than the first"

    def teardown(self) -> None:
        """How far it came, for who asks with --hypothesis-show-statistics."""
        event(f"cards in force: {sum(bool(each.begins) for each in self.account.versions)}")

    @invariant()
    def what_counts_the_bank_has(self) -> None:
        for each in self.account.versions:
            if each.begins:
                assert self.taken[each.number] == each.token

    @invariant()
    def requests_and_cards_agree(self) -> None:
        office = self.street.switch.office
        for request in office.shelf.all():
            version = self.account.version(request.facts.get("version", 0))
            if request.state == IN_FORCE:
                assert version is not None
                assert version.begins <= self.street.today
            elif request.state == "SYNCED":
                assert version is not None
                assert version.begins
            elif request.state in ("SYNCING", "SYNC_RETRY"):
                assert version is not None
                assert self.account.to_send == version.number
        assert len(office.shelf.open()) <= 1

    @invariant()
    def a_number_is_nowhere_in_clear(self) -> None:
        kept = repr((self.street.journal.kept, self.street.journal.audit))
        assert not [each for each in (DEBIT_1, DEBIT_2, DEBIT_3, CORPORATE_1) if each in kept]


TestOneCard = OneCard.TestCase
TestOneCard.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
