"""Whatever comes in whatever order, each charge is on one account, and the accounts add up.

Accounts are opened and closed, rules changed, charges made, reversed, voided and refunded, the
host's day ends, and the process is killed: between turns, before and after the journal has what was
decided.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.desk.account_totals import ENDS
from routing.accounts.asked import Action, File, Verb
from routing.accounts.plan import AccountRule, Plan
from routing.charge import END_OF
from routing.states import State
from tests.routing.accounts.street import HASH
from tests.routing.accounts.test_second import (
    SAFE,
    WHOLE,
    applies,
    names,
    opened,
    reviewed,
    street,
)
from tests.routing.world import MERCHANT, POS, answer, refund, reversal, sale, void

if TYPE_CHECKING:
    from codec import Message
    from routing.charge import Charge

NUMBERS: Final = {"": MERCHANT, "2": "MERCHANT0000002", "3": "MERCHANT0000003"}
MODES: Final = st.sampled_from(["021", "031", "051"])
AMOUNTS: Final = st.sampled_from([100, 1_000, 7_000])
NAMED: Final = st.sampled_from(["", "", "", "2", "3"])
RULE: Final = st.builds(
    AccountRule,
    account=st.sampled_from(["main", "2", "2", "3"]),
    channel=st.sampled_from([(), ("code",), ("chip", "stripe")]),
    amount_min=st.sampled_from([0, 500]),
)
STANDS: Final = frozenset({State.PRESUMED_SERVED, State.SERVED})
TAKEN: Final = STANDS | {State.APPROVED, State.DELIVERY_UNKNOWN, State.DELIVERED, State.REFUNDED}
NOT_TAKEN: Final = frozenset({State.DECLINED, State.REVERSED, State.VOIDED})


class AnyAccount(RuleBasedStateMachine):
    """A shop with up to three accounts, a bank that keeps a book by DE 42, and kills."""

    def __init__(self) -> None:
        super().__init__()
        self.shop = street(POS)
        self.stan = 0
        self.day = 1
        self.sold: list[Message] = []
        self.fixed: dict[int, tuple[str, str]] = {}
        """Account and channel of each charge, when it was first seen."""
        self.book: dict[tuple[str, str], int] = {}
        """The bank's: money by DE 42 and STAN of a sale."""
        self.answered: set[int] = set()
        self.seen_reversals = 0

    @initialize()
    def one_account_is_open(self) -> None:
        """So that there is something to choose."""
        opened(self.shop)
        self.stan = 0
        self.shop.got.clear()

    # The shop

    @rule(mode=MODES, amount=AMOUNTS, named=NAMED, code=st.sampled_from(["00", "00", "51", None]))
    def sells(self, mode: str, amount: int, named: str, code: str | None) -> None:
        """A sale, by a digit or by the rules; the bank approves or declines, or is not heard."""
        self.stan += 1
        request = self._sale(mode, amount, named)
        self.shop.says(1, request)
        self._bank_decides(request, code)

    @rule(mode=MODES, amount=AMOUNTS, named=NAMED)
    def sells_and_serves(self, mode: str, amount: int, named: str) -> None:
        """A sale as most are."""
        self.sells(mode, amount, named, "00")
        self.hears_that_it_was_delivered()

    @rule(mode=MODES, amount=AMOUNTS, named=NAMED)
    def sells_and_gives_back(self, mode: str, amount: int, named: str) -> None:
        """A sale that is taken back at once, one way or the other."""
        self.sells_and_serves(mode, amount, named)
        self.undoes(0, "refund" if amount > 100 else "void", approves=True)

    @rule(mode=MODES, amount=AMOUNTS, journaled=st.booleans())
    def is_killed_in_the_middle_of_a_sale(self, mode: str, amount: int, journaled: bool) -> None:
        """The process dies with the sale decided on: in the journal, or not even there."""
        self.stan += 1
        request = self._sale(mode, amount, "")
        self.shop.hears(1, request)
        if journaled:
            self.shop.commit()
        self._restart()

    def _sale(self, mode: str, amount: int, named: str) -> Message:
        changes: dict[str, Any] = {"de22": mode, "de4": f"{amount:012d}"}
        if named:
            return names(self.shop, self.stan, named, **changes)  # type: ignore[no-any-return]
        return sale(POS, self.stan, **changes)

    def _bank_decides(self, request: Message, code: str | None) -> None:
        sent = next(
            (x.message for x in reversed(self.shop.got) if x.message[11] == request[11]), None
        )
        if sent is None or sent.mti != "0200":
            return
        self.sold.append(request)
        if code != "51":
            self.book[sent[42], sent[11]] = int(sent[4])
        if code is not None:
            self.shop.answers(answer(sent, code, de15=f"11{self.day:02d}"))

    @rule()
    def hears_that_it_was_delivered(self) -> None:
        """The terminal's TCP has the last answer."""
        if self.sold and self.shop.switch.life.book.newest():
            stan = int(self.sold[-1][11])
            if any(each.stan == f"{stan:06d}" for each in self.shop.switch.life.book.newest()):
                self.shop.acknowledge(stan)

    @rule(which=st.integers(0, 5))
    def reverses(self, which: int) -> None:
        """The terminal takes one of its last sales back."""
        if self.sold:
            self.shop.says(1, reversal(self.sold[-1 - which % len(self.sold)]))

    @rule(which=st.integers(0, 5), how=st.sampled_from(["void", "refund"]), approves=st.booleans())
    def undoes(self, which: int, how: str, approves: bool) -> None:
        """The cashier voids a sale, or gives some of it back."""
        if not self.sold:
            return
        original = self.sold[-1 - which % len(self.sold)]
        self.stan += 1
        request = (
            void(original, stan=self.stan)
            if how == "void"
            else refund(original, 100, stan=self.stan)
        )
        before = len(self.shop.got)
        self.shop.says(1, request)
        for got in self.shop.got[before:]:
            if got.message[11] == request[11] and got.message.mti in ("0200", "0220"):
                self._undone(original, got.message, approves=approves)

    def _undone(self, original: Message, sent: Message, *, approves: bool) -> None:
        key = (sent[42], original[11])
        assert key in self.book, "it went to another account than its sale"
        if approves:
            self.book[key] -= int(sent[4])
        self.shop.answers(answer(sent, "00" if approves else "51", de15=f"11{self.day:02d}"))

    # The bank

    @rule()
    def bank_acknowledges(self) -> None:
        """It takes back what reversals name, on the account that they name."""
        reversals = self.shop.reversals_sent
        for sent in reversals[self.seen_reversals :]:
            key = (sent[42], sent[61][6:12])
            known = self.book.pop(key, None)
            assert known is not None or not self._is_booked(sent[61][6:12])
            self.shop.answers(answer(sent, "00" if known is not None else "25"))
        self.seen_reversals = len(reversals)

    def _is_booked(self, stan: str) -> bool:
        return any(known == stan for _, known in self.book)

    @rule(really=st.sampled_from([False, False, False, True]))
    def the_day_ends(self, really: bool) -> None:
        """The host's cut-over: the next answer tells the next day."""
        self.day = min(self.day + really, 28)

    # The people

    @rule(rules=st.lists(RULE, max_size=3), fallback=st.booleans())
    def change_the_rules(self, rules: list[AccountRule], fallback: bool) -> None:
        """Another person agrees, if they name open accounts only."""
        plan = Plan(rules=tuple(rules), fallback=fallback)
        asked = self.shop.requests("clara", File.MERCH2, Action.CHANGE, plan=plan)
        self.shop.says_so(Verb.APPROVE, "rita", asked.request)

    @rule(account=st.sampled_from(["2", "3"]))
    def close(self, account: str) -> None:
        """Nothing new goes to it."""
        asked = self.shop.requests("clara", File.MERCH2, Action.DELETE, account=account)
        self.shop.says_so(Verb.APPROVE, "rita", asked.request)

    @rule(account=st.sampled_from(["2", "3"]), killed_at=st.integers(0, 8))
    def open_another(self, account: str, killed_at: int) -> None:
        """Another account, or a closed one anew, step by step; the process may die before one."""
        record = {**WHOLE, "account": account, "number": NUMBERS[account]}
        number = applies(self.shop, **record).request
        for step in (self._reviewed, self._signed, self._tested, self._found_safe):
            if killed_at == 0:
                self._restart()
            killed_at -= 1
            request = self.shop.switch.office.shelf.get(number)
            if request is not None and request.facts.get("account") == account:
                step(number)
        request = self.shop.switch.office.shelf.get(number)
        if request is not None and request.state == "OPEN":
            assert account in self._accounts()

    def _reviewed(self, number: str) -> None:
        reviewed(self.shop, number)
        self.shop.wait(2.0, step_s=1.0)

    def _signed(self, number: str) -> None:
        self.shop.says_so(Verb.RESUME, "clara", number, docs={"agreement": HASH})
        self.shop.wait(2.0, step_s=1.0)

    def _tested(self, number: str) -> None:
        account = str(self.shop.the(number).facts["account"])
        if self.shop.the(number).state == "TESTING":
            self.stan += 1
            request = names(self.shop, self.stan, account, de4="000000000001")
            self.shop.says(1, request)
            self._bank_decides(request, "00")
            self.shop.acknowledge(self.stan)
            self.shop.wait(3.0, step_s=1.0)
            self.bank_acknowledges()

    def _found_safe(self, number: str) -> None:
        self.shop.says_so(Verb.REPORT, "tech", number, **SAFE)

    # Time and death

    @rule(seconds=st.sampled_from([1.0, 6.0, 30.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.shop.wait(seconds, step_s=1.0)

    @rule()
    def killed(self) -> None:
        """The process dies between two turns."""
        self._restart()

    def _restart(self) -> None:
        held = {each: account.closed for each, account in self._accounts().items()}
        self.shop.restart()
        assert {each: account.closed for each, account in self._accounts().items()} == held
        self.seen_reversals = 0

    def _accounts(self) -> dict[str, Any]:
        return self.shop.switch.office.collecting.of(MERCHANT).accounts

    # What must hold

    def _charges(self) -> list[Charge]:
        return self.shop.journal.charges()

    @invariant()
    def every_charge_is_on_one_account_for_good(self) -> None:
        for charge in self._charges():
            known = self.fixed.setdefault(charge.id, (charge.account, charge.channel))
            assert known == (charge.account, charge.channel)
            assert charge.sent[42] == NUMBERS[charge.account]
            if charge.original_id:
                assert charge.account == self.fixed[charge.original_id][0]
        for charge in self.shop.switch.life.book.newest():
            assert self.fixed[charge.id] == (charge.account, charge.channel)

    @invariant()
    def what_undoes_a_charge_reaches_its_account(self) -> None:
        accounts = {each.host_stan: each.account for each in self._charges()}
        for sent in self.shop.reversals_sent:
            assert sent[42] == NUMBERS[accounts[sent[11]]]

    @invariant()
    def the_accounts_add_up(self) -> None:
        parts: Counter[tuple[str, str]] = Counter()
        whole: Counter[str] = Counter()
        for charge in self._charges():
            if charge.kind.undoes or charge.state is State.NEVER_LEFT:
                continue
            end = END_OF.get(charge.state, "open")
            end = "cases" if end == "case" else end
            assert end in ENDS
            parts[charge.account, end] += charge.money
            whole[end] += charge.money
        for end in ENDS:
            assert sum(parts[account, end] for account in NUMBERS) == whole[end]

    def teardown(self) -> None:
        """Faults stop: the bank's book has each charge on the account where the journal has it."""
        for _ in range(30):
            self.shop.wait(2.0, step_s=1.0)
            self.bank_acknowledges()
        for charge in self._charges():
            if charge.kind.undoes or charge.id < self._first():
                continue
            held = [key for key in self.book if key[1] == charge.host_stan]
            if charge.state in TAKEN:
                assert held == [(NUMBERS[charge.account], charge.host_stan)]
                assert self.book[held[0]] == charge.money - charge.given_back
            elif charge.state in NOT_TAKEN:
                assert not held or self.book[held[0]] == 0

    def _first(self) -> int:
        """The first charge after the one that tested the account at the beginning."""
        return 2


TestAnyAccount = AnyAccount.TestCase
TestAnyAccount.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
