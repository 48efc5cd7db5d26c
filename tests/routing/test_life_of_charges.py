"""Whatever happens, in whatever order: the invariants of the promise hold at every step.

Hypothesis plays terminals, the bank, the network, the disk and the power switch against one
`Switch`.  Effects are committed and released as separate moves, so that the world can change
between a decision, its record and its leaving; a crash forgets what was not committed.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from routing.charge import END_OF, OPEN_STATES, TABLE, Event, State
from routing.records import MOVED, Moved
from routing.response_codes import APPROVALS
from routing.switch import Switch
from tests.routing.world import (
    ANSWER_TIMEOUT_S,
    BANK,
    ISO,
    POS,
    PROOF_S,
    WINDOW_S,
    World,
    answer,
    confirmation,
    repeated,
    reversal,
    reversal_rules,
    sale,
    service,
)

if TYPE_CHECKING:
    from codec import Message
    from routing.charge import Charge
    from routing.effects import Outbox

STANS = st.integers(1, 4)
TERMINALS = st.sampled_from(["T0000001", "T0000002"])
CONNS = st.integers(1, 4)
ANSWERS = st.sampled_from(["00", "00", "00", "51", "10"])
REVERSAL_ANSWERS = st.sampled_from(["00", "25", "12", "22", "96", "40"])
HEAL_S = 120.0


class Life(RuleBasedStateMachine):
    """One switch and everything that can happen to it."""

    names = (ISO, ISO)

    @initialize(proof=st.sampled_from(["approval", "confirmation"]), links=st.integers(1, 2))
    def begin(self, proof: str, links: int) -> None:
        self.world = World(
            *self.names,
            links=links,
            service=service(proof),
            reversal=reversal_rules(attempts_max=100),
            ended_max=3,
        )
        self.waiting: list[Outbox] = []
        self.sales: dict[tuple[str, int], Message] = {}
        self.asked_by: dict[int, set[str]] = defaultdict(set)
        self.seen_at_host = 0
        self.seen_told = 0
        self.identities: dict[int, tuple[str, str]] = {}
        self.charges_at_host: list[Message] = []
        self.reversals_at_host: list[Message] = []
        self.records = 0
        self.links_up = set(self.world.links)
        self.conns = {conn: conn for conn in range(1, 5)}
        self.now_in: dict[int, State] = {}

    # Moves

    @rule(conn=CONNS, terminal=TERMINALS, stan=STANS, good=st.sampled_from([True] * 9 + [False]))
    def a_sale_or_its_repeat(self, conn: int, terminal: str, stan: int, good: bool) -> None:
        request = sale(self.names[0], stan, de41=terminal)
        known = (terminal, stan) in self.sales
        self.sales[terminal, stan] = request
        self._from(conn, terminal, repeated(request) if known else request, good=good)

    @rule(conn=CONNS, terminal=TERMINALS, stan=STANS)
    def a_terminals_reversal(self, conn: int, terminal: str, stan: int) -> None:
        self._from(conn, terminal, reversal(sale(self.names[0], stan, de41=terminal)))

    @rule(conn=CONNS, terminal=TERMINALS, stan=STANS, served=st.booleans())
    def a_confirmation(self, conn: int, terminal: str, stan: int, served: bool) -> None:
        said = confirmation(sale(self.names[0], stan, de41=terminal), served=served)
        self._from(conn, terminal, said)

    @precondition(lambda self: self.charges_at_host)
    @rule(data=st.data(), code=ANSWERS)
    def the_host_answers_a_charge(self, data: st.DataObject, code: str) -> None:
        sent = data.draw(st.sampled_from(self.charges_at_host))
        part = {"de4": "000000000400"} if code == "10" else {}
        self._from_host(answer(sent, code, **part))

    @precondition(lambda self: self.reversals_at_host)
    @rule(data=st.data(), code=REVERSAL_ANSWERS)
    def the_host_answers_a_reversal(self, data: st.DataObject, code: str) -> None:
        self._from_host(answer(data.draw(st.sampled_from(self.reversals_at_host)), code))

    @rule(charge=st.integers(1, 8))
    def a_person_has_a_case_tried_again(self, charge: int) -> None:
        self.world.switch.close_case(charge, Event.CASE_RETRIED, self.world.now)

    @rule(conn=CONNS)
    def a_terminals_connection_breaks(self, conn: int) -> None:
        self.world.switch.terminal_lost(self._break(conn), self.world.now)

    @rule(conn=CONNS)
    def a_terminal_ends_its_side(self, conn: int) -> None:
        self.world.switch.terminal_closed(self._break(conn))

    @rule(conn=CONNS, charge=st.integers(1, 8))
    def bytes_are_acknowledged(self, conn: int, charge: int) -> None:
        known = self.world.switch.life.book.get(charge)
        if known is not None:
            self.world.switch.acknowledged(known, self.conns[conn], self.world.now)

    @rule()
    def a_link_breaks_and_is_made_anew(self) -> None:
        link = min(self.links_up)
        self.world.switch.link_down(BANK, link, self.world.now)
        self.links_up.remove(link)
        self.links_up.add(max(self.links_up, default=link) + 1)
        self.world.switch.link_up(BANK, max(self.links_up), self.world.now)

    @rule(seconds=st.sampled_from([0.1, 1.0, ANSWER_TIMEOUT_S, WINDOW_S, PROOF_S]))
    def time_passes(self, seconds: float) -> None:
        self.world.monotonic += seconds
        self.world.wall += seconds
        self.world.switch.tick(self.world.now)
        self.world.switch.tick_hosts(self.world.now)

    @rule()
    def the_journal_commits(self) -> None:
        if self.world.switch.has_effects and not self.waiting:
            self.waiting.append(self.world.commit())

    @rule()
    def what_is_durable_leaves(self) -> None:
        for outbox in self.waiting:
            self.world.release(outbox)
        self.waiting.clear()

    @rule()
    def commit_and_leave(self) -> None:
        self.what_is_durable_leaves()
        self.the_journal_commits()
        self.what_is_durable_leaves()

    @rule(committed=st.booleans())
    def the_power_fails(self, committed: bool) -> None:
        if committed and not self.waiting:
            self.world.journal.append(self.world.switch.take().records)
        self.waiting.clear()
        for conn in list(self.conns):
            self._break(conn)
        self.seen_at_host = self.seen_told = 0
        self.world.epoch += 1
        self._new_life()

    def _new_life(self) -> None:
        world = self.world
        world.told, world.got, world.closed_links = [], [], []
        world.switch = Switch(
            world.settings,
            epoch=world.epoch,
            last_id=max(world.journal.opened, default=0),
            last_stans={BANK: world.epoch * 1_000},
        )
        kept = world.journal.kept.values()
        world.switch.restore(world.journal.charges(), world.now, world.journal.entries, kept)
        for link in self.links_up:
            world.switch.link_up(BANK, link, world.now)

    def _from(self, conn: int, terminal: str, message: Message, *, good: bool = True) -> None:
        self.asked_by[self.conns[conn]].add(terminal)
        self.world.hears(self.conns[conn], message, mac_good=good)

    def _break(self, conn: int) -> int:
        """Nothing reaches this connection any more; the next one has a number of its own."""
        broken = self.conns[conn]
        self.world.gone.add(broken)
        self.conns[conn] = broken + 10
        return broken

    def _from_host(self, message: Message) -> None:
        link = min(self.links_up)
        self.world.switch.from_host(BANK, link, message, self.world.now, mac_good=True)

    # What must hold

    @invariant()
    def nothing_is_against_the_promise(self) -> None:
        if hasattr(self, "world"):
            self._look_at()

    def _look_at(self) -> None:
        world = self.world
        assert world.switch.life.internal_errors == 0
        self._steps_follow_the_table()
        for got in world.got[self.seen_at_host :]:
            self._sent_to_host(got.message)
        self.seen_at_host = len(world.got)
        for told in world.told[self.seen_told :]:
            self._told(told.conn, told.message)
            if told.charge is not None and told.message[39] in APPROVALS:
                held = world.journal.charge(told.charge.id)
                assert held.code == told.message[39], "an approval left before it was durable"
        self.seen_told = len(world.told)

    def _steps_follow_the_table(self) -> None:
        for record in self.world.journal.records[self.records :]:
            if not isinstance(record, Moved):
                continue
            assert self.now_in.get(record.id, State.SENT) is record.before
            after = State(record.values[MOVED.index("state")])
            assert TABLE[record.before][record.event].next is after
            self.now_in[record.id] = after
        self.records = len(self.world.journal.records)

    def _sent_to_host(self, message: Message) -> None:
        if message.mti[1] == "4":
            self._reversal_sent(message)
            return
        assert message.raw not in [m.raw for m in self.charges_at_host], "charged twice"
        self.charges_at_host.append(message)
        stans = [c.host_stan for c in self.world.journal.charges()]
        assert message[11] in stans, "a charge left before it was durable"

    def _reversal_sent(self, message: Message) -> None:
        self.reversals_at_host.append(message)
        (charge,) = [c for c in self.world.journal.charges() if self._reverses(message, c)]
        assert charge.reversal_stan == message[11], "a reversal left before it was durable"
        assert message[2] == charge.pan
        identity = (message[11], message.get(7) or "")
        assert self.identities.setdefault(charge.id, identity) == identity, "reversed twice"

    def _reverses(self, message: Message, charge: Charge) -> bool:
        if message.has(90):
            original: str = message[90]
            return original[4:20] == charge.host_stan + charge.host_de7
        return (message[11], message[41]) == (charge.host_stan, charge.terminal)

    def _told(self, conn: int, message: Message) -> None:
        assert message[41] in self.asked_by[conn], "a terminal got another's answer"

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.commit_and_leave()
        self._heal()
        for charge in self.world.journal.charges():
            assert charge.state not in OPEN_STATES
            assert charge.state in END_OF or charge.state is State.NEVER_LEFT
            if charge.state is State.DECLINED:
                assert not charge.attempts, "a declined charge was reversed"

    def _heal(self) -> None:
        """Faults stop: the host answers what it gets; everything comes to an end in time."""
        world, answered = self.world, 0
        until = world.monotonic + HEAL_S
        while world.monotonic < until:
            for charge in world.switch.life.book.open():
                if charge.state is State.APPROVED:
                    world.switch.terminal_lost(charge.conn, world.now)
            world.wait(1.0)
            self._look_at()
            fresh, answered = self.reversals_at_host[answered:], len(self.reversals_at_host)
            for sent in fresh:
                world.answers(answer(sent), min(self.links_up))


@pytest.mark.parametrize("names", [(ISO, ISO), (POS, POS), (POS, ISO)], ids=">".join)
def test_no_order_of_events_breaks_the_promise(names: tuple[str, str]) -> None:
    class Named(Life):
        pass

    Named.names = names
    few = settings(max_examples=40, stateful_step_count=40, deadline=None)
    run_state_machine_as_test(Named, settings=few)
