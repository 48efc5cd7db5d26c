"""The same with all that follows on sales: voids, refunds, completions, batches settled in between.

What undoes must fit what it undoes, whatever was lost, reversed or said twice on the way.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from routing.batches import totals_of
from routing.charge import OPEN_STATES, State
from routing.transaction import Transaction
from tests.routing.test_batches import end, totals, uploaded
from tests.routing.test_completions import PREAUTHORISED, completion, preauthorisation
from tests.routing.test_life_of_charges import CONNS, STANS, TERMINALS, Life
from tests.routing.world import BATCH, ISO, POS, refund, reversal, sale, void

if TYPE_CHECKING:
    from codec import Message

SALES = STANS.filter(lambda stan: stan != PREAUTHORISED)
COMPLETIONS = st.integers(30, 31)
STANDS = (State.PRESUMED_SERVED, State.SERVED)


class Undoing(Life):
    """A switch, and terminals that take back, give back and settle."""

    def of(self, message: Message, terminal: str) -> Message:
        """The message of another terminal."""
        message.patch(41, terminal)
        return message

    def undone(self, request: Message) -> Message:
        """Its reversal; in the POS dialect DE 61 is still the request's own."""
        de61 = request.get(61)
        return reversal(request, de61=de61) if de61 else reversal(request)

    @rule(conn=CONNS, terminal=TERMINALS, stan=SALES, reverses=st.booleans())
    def a_void(self, conn: int, terminal: str, stan: int, reverses: bool) -> None:
        request = void(sale(self.names[0], stan, de41=terminal), 10 + stan)
        self._from(conn, terminal, self.undone(request) if reverses else request)

    @rule(
        conn=CONNS,
        terminal=TERMINALS,
        stan=SALES,
        amount=st.sampled_from([400, 600, 1000]),
        number=st.integers(20, 22),
    )
    def a_refund(self, conn: int, terminal: str, stan: int, amount: int, number: int) -> None:
        original = sale(self.names[0], stan, de41=terminal)
        self._from(conn, terminal, refund(original, amount, number))

    @rule(conn=CONNS, terminal=TERMINALS)
    def a_preauthorisation(self, conn: int, terminal: str) -> None:
        self._from(conn, terminal, self.of(preauthorisation(self.names[0]), terminal))

    @rule(conn=CONNS, terminal=TERMINALS, stan=COMPLETIONS, mti=st.sampled_from(["0200", "0220"]))
    def a_completion(self, conn: int, terminal: str, stan: int, mti: str) -> None:
        self._from(conn, terminal, self.of(completion(self.names[0], stan, mti), terminal))

    @rule(conn=CONNS, terminal=TERMINALS, stan=COMPLETIONS)
    def a_completions_reversal(self, conn: int, terminal: str, stan: int) -> None:
        request = self.of(completion(self.names[0], stan), terminal)
        self._from(conn, terminal, self.undone(request))

    @precondition(lambda self: self.names[0] == POS)
    @rule(conn=CONNS, terminal=TERMINALS)
    def totals_that_are_right(self, conn: int, terminal: str) -> None:
        life, journal = self.world.switch.life, self.world.journal
        of_batch = (c for c in journal.charges() if (c.terminal, c.batch) == (terminal, BATCH))
        self._from(
            conn,
            terminal,
            self.of(totals(*totals_of([life.book.get(c.id) or c for c in of_batch])), terminal),
        )

    @precondition(lambda self: self.names[0] == POS)
    @rule(conn=CONNS, terminal=TERMINALS, held=st.sets(SALES))
    def totals_that_are_wrong_and_an_upload(self, conn: int, terminal: str, held: set[int]) -> None:
        self._from(conn, terminal, self.of(totals(1, 1), terminal))
        self.commit_and_leave()
        if held:
            told = uploaded([(stan, 1_000) for stan in sorted(held)])
            self._from(conn, terminal, self.of(told, terminal))
        self._from(conn, terminal, self.of(end(len(held)), terminal))

    # What must hold besides

    def _sent_to_host(self, message: Message) -> None:
        """Advices go out again, so the same bytes may come twice."""
        if message.mti[1] == "4":
            self._reversal_sent(message)
        else:
            self.charges_at_host.append(message)

    def _reversal_sent(self, message: Message) -> None:
        self.reversals_at_host.append(message)
        charges = self.world.journal.charges()
        (charge,) = [
            c for c in charges if self._reverses(message, c) and c.reversal_stan == message[11]
        ]
        identity = (message[11], message.get(7) or "")
        assert self.identities.setdefault(charge.id, identity) == identity, "reversed twice"

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.commit_and_leave()
        self._heal()
        charges = self.world.journal.charges()
        voids = Counter(
            c.original_id for c in charges if c.kind is Transaction.VOID and c.state in STANDS
        )
        refunded: Counter[int] = Counter()
        for each in charges:
            if each.kind is Transaction.REFUND and each.state in STANDS:
                refunded[each.original_id] += each.money
        for each in charges:
            assert each.state not in OPEN_STATES
            if not each.undoes and each.state is not State.CASE:
                assert (each.state is State.VOIDED) == (voids[each.id] == 1)
                assert refunded[each.id] <= each.given_back <= each.money


@pytest.mark.parametrize("names", [(ISO, ISO), (POS, POS), (POS, ISO)], ids=">".join)
def test_no_order_of_undoing_breaks_the_promise(names: tuple[str, str]) -> None:
    class Named(Undoing):
        pass

    Named.names = names
    few = settings(max_examples=40, stateful_step_count=40, deadline=None)
    run_state_machine_as_test(Named, settings=few)
