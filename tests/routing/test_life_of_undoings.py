"""The same with all that follows on sales: voids, refunds, completions, batches settled in between.

What undoes must fit what it undoes, whatever was lost, reversed or said twice on the way.  A walk
of many moves is drawn from a seed: so much has to come together that shorter stories never meet it.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Final

import pytest

from routing.batches import totals_of
from routing.charge import OPEN_STATES, State
from routing.transaction import Transaction
from tests.routing.test_batches import end, totals, uploaded
from tests.routing.test_completions import PREAUTHORISED, completion, preauthorisation
from tests.routing.test_life_of_charges import Life
from tests.routing.world import (
    ANSWER_TIMEOUT_S,
    BATCH,
    ISO,
    POS,
    PROOF_S,
    WINDOW_S,
    answer,
    refund,
    reversal,
    sale,
    void,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from codec import Message

SEEDS: Final = 12
MOVES: Final = 150
SALES: Final = (1, 2, 4)
STANDS: Final = (State.PRESUMED_SERVED, State.SERVED)
_PAUSES_S: Final = (0.1, 1.0, WINDOW_S, ANSWER_TIMEOUT_S, PROOF_S)


class Walk(Life):
    """A switch, and terminals that sell, take back, give back and settle."""

    def __init__(self, names: tuple[str, str], seed: int) -> None:
        super().__init__()
        self.names = names
        self.rng = random.Random(seed)  # noqa: S311 - no secret
        self.begin(self.rng.choice(["approval", "confirmation"]), self.rng.randint(1, 2))
        self.world.gone.add(0)  # nobody waits there
        moves: dict[Callable[[], None], int] = {
            self.sells: 5,
            self.takes_back: 4,
            self.gives_back: 3,
            self.holds_and_completes: 3,
            self.reverses: 2,
            self.the_host_speaks: 8,
            self.settles: 2,
            self.passes: 3,
            self.commit_and_leave: 6,
            self.breaks: 1,
        }
        self._moves, self._weights = list(moves), list(moves.values())

    def walk(self) -> None:
        """All of it."""
        for _ in range(MOVES):
            self.rng.choices(self._moves, self._weights)[0]()
            self._look_at()
        self.ends()

    # Moves

    def says(self, request: Message) -> None:
        """Some terminal sends it; often it goes through to the end."""
        terminal = self.rng.choice(["T0000001", "T0000002"])
        request.patch(41, terminal)
        conn = self.rng.randint(1, 4)
        self._from(conn, terminal, request)
        if self.rng.random() < 0.5:
            return
        self.commit_and_leave()
        self._look_at()
        if self.charges_at_host:
            self._from_host(answer(self.charges_at_host[-1]))
        self.commit_and_leave()
        newest = next(self.world.switch.life.book.newest(), None)
        if newest is not None:
            self.bytes_are_acknowledged(conn, newest.id)

    def _sale(self) -> Message:
        return sale(self.names[0], self.rng.choice(SALES))

    def sells(self) -> None:
        self.says(self._sale())

    def takes_back(self) -> None:
        original = self._sale()
        self.says(void(original, 10 + int(original[11])))

    def gives_back(self) -> None:
        amount, number = self.rng.choice([400, 600, 1000]), self.rng.randint(20, 22)
        self.says(refund(self._sale(), amount, number))

    def holds_and_completes(self) -> None:
        if self.rng.random() < 0.3:
            self.says(preauthorisation(self.names[0], PREAUTHORISED))
        else:
            self.says(completion(self.names[0], self.rng.randint(30, 31), self._mti()))

    def _mti(self) -> str:
        return self.rng.choice(["0200", "0220"])

    def reverses(self) -> None:
        """A sale, a void or a completion; in the POS dialect DE 61 is then still its own."""
        original = self._sale()
        undone = self.rng.choice(
            [original, void(original, 10 + int(original[11])), completion(self.names[0], 30)]
        )
        de61 = undone.get(61)
        self.says(reversal(undone, de61=de61) if de61 else reversal(undone))

    def the_host_speaks(self) -> None:
        asked = self.charges_at_host, self.reversals_at_host
        for requests, codes in zip(asked, (["00", "00", "51"], ["00", "25", "96"]), strict=True):
            if requests:
                self._from_host(answer(self.rng.choice(requests[-4:]), self.rng.choice(codes)))

    def settles(self) -> None:
        if self.names[0] != POS:
            return
        if self.rng.random() < 0.5:
            held = [c for c in self.world.journal.charges() if c.batch == BATCH]
            known = [self.world.switch.life.book.get(c.id) or c for c in held]
            self.says(totals(*totals_of([c for c in known if c.terminal == "T0000001"])))
            return
        stans = self.rng.sample(SALES, self.rng.randint(0, 3))
        for each in (totals(1, 1), *([uploaded([(s, 1_000) for s in stans])] if stans else [])):
            self.says(each)
            self.commit_and_leave()
        self.says(end(len(stans)))

    def passes(self) -> None:
        self.time_passes(self.rng.choice(_PAUSES_S))

    def breaks(self) -> None:
        match self.rng.randint(1, 3):
            case 1:
                self.a_terminals_connection_breaks(self.rng.randint(1, 4))
            case 2:
                self.a_link_breaks_and_is_made_anew()
            case _:
                self.the_power_fails(self.rng.random() < 0.5)

    # What must hold

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

    def ends(self) -> None:
        """Once faults stop, everything comes to an end, and what undoes fits what it undoes."""
        self.commit_and_leave()
        self._heal()
        charges = self.world.journal.charges()
        voids: Counter[int] = Counter()
        refunded: Counter[int] = Counter()
        for each in charges:
            assert each.state not in OPEN_STATES
            if each.state in STANDS:
                voids[each.original_id] += each.kind is Transaction.VOID
                refunded[each.original_id] += each.money * (each.kind is Transaction.REFUND)
        for each in charges:
            if not each.undoes and each.state is not State.CASE:
                assert (each.state is State.VOIDED) == (voids[each.id] == 1)
                assert refunded[each.id] <= each.given_back <= each.money


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("names", [(ISO, ISO), (POS, POS), (POS, ISO)], ids=">".join)
def test_no_order_of_undoing_breaks_the_promise(names: tuple[str, str], seed: int) -> None:
    Walk(names, seed).walk()
