"""Whatever comes in whatever order: no illegal state, no half step, no money that is stranded."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from routing.accounts.asked import Action, File, Outcome, Reply, Verb
from routing.accounts.backup import Evidence, Sums
from routing.accounts.dossier import Change
from routing.accounts.machine import Event
from routing.accounts.office import CASES
from routing.accounts.rules import RuleSet
from routing.states import State
from tests.routing.accounts.street import HASH, Street
from tests.routing.accounts.test_cancellation import settled
from tests.routing.accounts.test_deactivation import FAULT, network
from tests.routing.world import MERCHANT, POS, TERMINAL, answer, reversal, sale

MACHINES: Final = {case.machine.kind: case.machine for case in CASES}
EVENTS: Final = {event.value: event for event in Event}
WHO: Final = st.sampled_from(["clara", "rita", "ron", "both", "anna", "sam", "tech", "sec"])
WORDS: Final = st.sampled_from(
    [Verb.APPROVE, Verb.REJECT, Verb.RESUME, Verb.COUNTER, Verb.ACCEPT, Verb.WITHDRAW, Verb.APPEAL]
)
REPORTS: Final = st.sampled_from(
    ["repair", "repaired", "replaced", "lifted", "remedy", "failed", "retired", "batch settled"]
)
OFF: Final = st.sampled_from(["DEACTIVATED", "SUSPENDED"])
DONE_WITH_MONEY: Final = frozenset({"CANCELLED", "BACKUP", "DEACTIVATED", "UNDER_REPAIR"})
BARRED: Final = frozenset({"03", "58"})
GOOD: Final = Sums(1, 1, "a")
RULES: Final = RuleSet(version="v", due_h={"review": 1.0}, documents={"cancellation": ("tax",)})


class AnyOrder(RuleBasedStateMachine):
    """One shop, its terminal, its bank, its acquirer's people, a clock that steps, and kills."""

    def __init__(self) -> None:
        super().__init__()
        self.street = Street(POS, RULES, mac_failures_max=3)
        self.stan = 0
        self.sales: list[Any] = []
        self.answered = 0

    # The shop

    @rule(code=st.sampled_from(["00", "00", "51", None]), amount=st.sampled_from([1, 1000]))
    def sells(self, code: str | None, amount: int) -> None:
        """A sale; the host approves, declines or stays silent."""
        self.stan += 1
        request = sale(POS, self.stan, de4=f"{amount:012d}")
        barred = self.street.switch.life.gate.code(MERCHANT, TERMINAL)
        tested = self.street.switch.office.devices.lets_test(f"{MERCHANT}|{TERMINAL}", amount)
        before = len(self.street.charges_sent)
        self.street.says(1, request)
        left = len(self.street.charges_sent) > before
        assert left == (not barred or tested)
        if not left:
            assert self.street.codes(1)[-1] in BARRED
            return
        self.sales.append(request)
        if code is not None:
            self.street.answers(answer(self.street.charges_sent[-1], code))

    @rule()
    def hears_that_it_was_delivered(self) -> None:
        """The terminal's TCP has the last answer."""
        if self.sales:
            self.street.acknowledge(int(self.sales[-1][11]))

    @rule()
    def reverses(self) -> None:
        """A terminal's reversal is taken whatever its account services say."""
        if self.sales:
            self.street.says(1, reversal(self.sales[-1]))
            assert self.street.codes(1)[-1] not in BARRED

    @rule()
    def settles(self) -> None:
        """So is its settlement, and its sign-off."""
        standing = [
            each
            for each in self.street.journal.charges()
            if each.state in (State.PRESUMED_SERVED, State.SERVED)
        ]
        settled(self.street, sum(each.money for each in standing), len(standing))
        assert self.street.codes(1)[-1] == "00"
        self.street.says(1, network("0820", "002"))
        assert self.street.codes(1)[-1] == "00"

    @rule(what=st.sampled_from([("0800", "001"), ("0820", "301"), ("0820", "362")]))
    def manages(self, what: tuple[str, str]) -> None:
        """Sign-in, echo, status."""
        self.street.says(1, network(*what, de62="010021" if what[1] == "362" else "01"))

    @rule()
    def is_attacked(self) -> None:
        """Three wrong MACs in a row."""
        for stan in range(3):
            self.street.says(2, sale(POS, 900_000 + stan), mac_good=False)

    # The bank

    @rule()
    def bank_acknowledges(self) -> None:
        """The host answers every reversal it got."""
        for each in self.street.reversals_sent[self.answered :]:
            self.street.answers(answer(each))
        self.answered = len(self.street.reversals_sent)

    # The people

    @rule(who=WHO)
    def ask_to_cancel(self, who: str) -> None:
        """A merchant's account."""
        self._is_coded(self.street.requests(who, reason="shop closes"))

    @rule(
        who=WHO,
        state=st.sampled_from(["DEACTIVATED", "SUSPENDED"]),
        kind=st.sampled_from(["FAULT", "VIOLATION"]),
    )
    def ask_to_deactivate(self, who: str, state: str, kind: str) -> None:
        """The terminal."""
        said = {**FAULT, "state": state, "kind": kind}
        asked = self.street.requests(who, File.TERMINAL, Action.CHANGE, TERMINAL, **said)
        self._is_coded(asked)

    @rule(who=WHO, verb=WORDS, codes=st.sampled_from(["", "P21"]), docs=st.booleans())
    def decide(self, who: str, verb: Verb, codes: str, docs: bool) -> None:
        """Somebody's word on the newest request."""
        newest = next(iter(self.street.switch.office.shelf.all()), None)
        if newest is None:
            return
        handed = {"tax": HASH, "statement": HASH} if docs else {}
        reply = self.street.says_so(verb, who, newest.id, what=codes, docs=handed)
        self._is_coded(reply)
        if verb in (Verb.APPROVE, Verb.REJECT) and reply.outcome is Outcome.DONE:
            assert who != newest.maker

    @rule(who=WHO, what=REPORTS)
    def report(self, who: str, what: str) -> None:
        """Somebody did something outside."""
        for each in self.street.switch.office.shelf.open():
            said = {"what": what, "evidence": "paper 7", "serial": "SN-1", "reason": "so it was"}
            self._is_coded(self.street.says_so(Verb.REPORT, who, each.id, **said))

    @rule(matches=st.booleans())
    def backup(self, matches: bool) -> None:
        """The shell backs up; what does not match takes no step."""
        devices = self.street.switch.office.devices
        for wanted in devices.backups_wanted():
            found = GOOD if matches else Sums(0, 0, "b")
            devices.backed_up(wanted, Evidence(GOOD, found, "f"), self.street.now)
            self.street.settle()
            state = self.street.the(wanted.request).state
            assert state == ("DEACTIVATED" if matches else "BACKUP")

    @rule(locked=st.booleans())
    def lock(self, locked: bool) -> None:
        """The file changes."""
        if locked:
            self.street.says_so(Verb.FILE, "sec", merchant=MERCHANT, what="lock", reason="odd")
        else:
            self.street.switch.office.files.unlock(MERCHANT, "sam", self.street.now)
            self.street.settle()
        change = Change(sync_pending=locked)
        self.street.says_so(Verb.FILE, "clara", merchant=MERCHANT, change=change)

    # Time and death

    @rule(seconds=st.sampled_from([1.0, 6.0, 40.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.street.wait(seconds, step_s=1.0)

    @rule(seconds=st.sampled_from([-86_400.0, -60.0, 60.0, 7_200.0]))
    def clock_steps(self, seconds: float) -> None:
        """Somebody sets the machine's clock."""
        self.street.wall += seconds

    @rule()
    def killed(self) -> None:
        """The process dies between two turns, and a new one begins on the journal."""
        before = {each.id: each.state for each in self.street.switch.office.shelf.all()}
        self.street.restart()
        self.answered = 0
        after = {each.id: each.state for each in self.street.switch.office.shelf.all()}
        assert after == before

    # What must hold

    @staticmethod
    def _is_coded(reply: Reply) -> None:
        if reply.outcome in (Outcome.REFUSED, Outcome.LOCKED, Outcome.DUPLICATE):
            assert reply.codes

    @invariant()
    def every_request_went_a_way_that_its_table_has(self) -> None:
        for request in self.street.switch.office.shelf.all():
            machine = MACHINES[request.kind]
            state = machine.first
            for line in request.history:
                event = EVENTS.get(line.what)
                if event is not None and line.state != "":
                    step = machine.step(state, event)
                    if step is None:
                        # A check of the applicant is told in the word of a step.
                        assert line.state == state
                        continue
                    assert step.next == line.state, (state, line)
                    state = step.next
            assert state == request.state

    @invariant()
    def nobody_approved_what_they_asked_for(self) -> None:
        for request in self.street.switch.office.shelf.all():
            assert request.maker not in request.approvals
            assert len(set(request.approvals)) == len(request.approvals)

    @invariant()
    def no_money_is_open_where_an_account_or_terminal_is_done_with_it(self) -> None:
        book = self.street.switch.life.book
        for request in self.street.switch.office.shelf.all():
            if request.state in DONE_WITH_MONEY:
                late = {State.CASE, State.REVERSAL_DUE}  # what was ended may be undone again
                for charge in book.open():
                    assert charge.state in late or charge.opened_at > request.since

    @invariant()
    def bars_are_those_of_the_requests(self) -> None:
        office = self.street.switch.office
        wanted = {each.subject for each in office.shelf.all() if office.cases[each.kind].bars(each)}
        assert len(office.gate) == len(wanted)

    def teardown(self) -> None:
        """Faults stop: every charge comes to its end, whatever account services have decided."""
        for _ in range(40):
            self.street.wait(2.0, step_s=1.0)
            self.bank_acknowledges()
        left = [each.state for each in self.street.switch.life.book.open()]
        assert not [each for each in left if each not in (State.CASE, State.DELIVERED)]


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
