"""How a merchant's or terminal's money stands: what must end before its account may.

Open charges and cases are all in memory.  Whether a batch was settled, the journal is asked: a
charge with a batch number stands unsettled until its terminal's batch settlement came after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from routing.accounts.refusals import Code, Obstacle
from routing.effects import UnsettledLookup
from routing.keeper import KeptKind
from routing.reason import Reason
from routing.states import State
from routing.watchers import MOVED_ON, Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from routing.accounts.registered import Registered
    from routing.charge import Charge
    from routing.clock import Now
    from routing.lifecycle import Lifecycle
    from routing.states import Event

STANDING: Final = (State.PRESUMED_SERVED, State.SERVED)
"""What a batch settlement is about."""
TERMINALS_MAX: Final = 100_000
"""Terminals with a batch that are remembered; the registry knows the others."""


class Standing(NamedTuple):
    """Counts, and money in minor units."""

    open: int = 0
    open_money: int = 0
    reversals: int = 0
    reversal_money: int = 0
    cases: int = 0
    case_money: int = 0
    disputed: int = 0
    unsettled: int = 0
    unsettled_money: int = 0

    @property
    def under_way(self) -> bool:
        """Something may still change by itself or by a person."""
        return bool(self.open or self.reversals or self.cases)

    def obstacles(self) -> list[Obstacle]:
        """The reasons that it gives against an end."""
        found = []
        if self.open:
            found.append(_obstacle(Code.OPEN_CHARGES, "open", self.open, self.open_money))
        if self.cases:
            what = "cases, disputes" if self.disputed else "cases"
            found.append(_obstacle(Code.OPEN_CHARGES, what, self.cases, self.case_money))
        if self.unsettled:
            money = self.unsettled_money
            found.append(_obstacle(Code.UNSETTLED_BATCH, "unsettled", self.unsettled, money))
        if self.reversals:
            money = self.reversal_money
            found.append(_obstacle(Code.REVERSAL_PENDING, "pending", self.reversals, money))
        return found


def _obstacle(code: Code, what: str, count: int, amount: int) -> Obstacle:
    return Obstacle(code, f"{count} {what}, {amount}", count=count, amount=amount)


def _nobody(merchant: str, terminal: str, charges: Iterable[Charge], now: Now) -> None:
    del merchant, terminal, charges, now


class Accounts(Told):
    """Asks for standings."""

    def __init__(self, life: Lifecycle, registered: Registered) -> None:
        self._life, self._registered = life, registered
        self._settled: dict[str, int] = {}
        """By merchant|terminal: the newest charge that its last settlement covered."""
        self._tills: dict[str, None] = {}
        self.told: Callable[[str, str, Iterable[Charge], Now], None] = _nobody
        """Told of each batch that was settled, with its charges."""
        life.watchers.add(self, after=MOVED_ON)

    def restore(self) -> None:
        """What earlier lives knew."""
        for each in self._life.keeper.left(KeptKind.SETTLED_BATCH):
            self._settled[each.key] = int((each.data or {})["charge"])
            self._tills[each.key] = None
        for charge in self._life.book.newest():
            self._remember(charge)

    def settled(self, merchant: str, terminal: str, charges: Iterable[Charge], now: Now) -> None:
        """A terminal's batch was settled: these charges are done with."""
        till = f"{merchant}|{terminal}"
        newest = max((each.id for each in charges), default=0)
        if newest > self._settled.get(till, 0):
            self._settled[till] = newest
            self._life.keeper.keep(KeptKind.SETTLED_BATCH, till, {"charge": newest}, now)
        self.told(merchant, terminal, charges, now)

    def settled_by_hand(self, merchant: str, terminal: str, now: Now) -> None:
        """A person settled with the host what these terminals can't: all that is known of them."""
        newest = self._life.next_id()
        for till in [each for each in self._tills if self._is_of(each, merchant, terminal)]:
            self._settled[till] = newest
            self._life.keeper.keep(KeptKind.SETTLED_BATCH, till, {"charge": newest}, now)

    def terminals_of(self, merchant: str) -> list[str]:
        """The terminals of a merchant that had a batch."""
        return [each.partition("|")[2] for each in self._tills if self._is_of(each, merchant, "")]

    @staticmethod
    def _is_of(till: str, merchant: str, terminal: str) -> bool:
        its_merchant, _, its_terminal = till.partition("|")
        return its_merchant == merchant and terminal in ("", its_terminal)

    def moved(self, charge: Charge, before: State, event: Event, now: Now) -> None:
        """Remembers its terminal."""
        del before, event, now
        self._remember(charge)

    def _remember(self, charge: Charge) -> None:
        if charge.batch and charge.till not in self._tills and len(self._tills) < TERMINALS_MAX:
            self._tills[charge.till] = None

    def in_memory(self, merchant: str, terminal: str) -> Standing:
        """What memory knows: everything but unsettled batches."""
        counts = dict.fromkeys(("open", "reversals", "cases", "disputed"), 0)
        money = dict.fromkeys(counts, 0)
        for charge in self._life.book.open():
            if charge.merchant != merchant or terminal not in ("", charge.terminal):
                continue
            what = "open"
            if charge.state is State.REVERSAL_DUE:
                what = "reversals"
            elif charge.state is State.CASE:
                what = "cases"
                counts["disputed"] += charge.reason == Reason.DISPUTED
            counts[what] += 1
            money[what] += charge.money
        return Standing(
            open=counts["open"],
            open_money=money["open"],
            reversals=counts["reversals"],
            reversal_money=money["reversals"],
            cases=counts["cases"],
            case_money=money["cases"],
            disputed=counts["disputed"],
        )

    def ask(self, merchant: str, terminal: str, then: Callable[[Standing, Now], None]) -> None:
        """Have the whole standing told to `then`, once the journal was asked."""

        def found(count: int, money: int, now: Now) -> None:
            known = self.in_memory(merchant, terminal)
            then(known._replace(unsettled=count, unsettled_money=money), now)

        after = self._after(merchant, terminal)
        self._life.outbox.lookups.append(UnsettledLookup(merchant, after, STANDING, found))

    def is_asked(self, merchant: str, terminal: str) -> bool:
        """Whether the same question waits already, as it does while the journal is slow."""
        after = self._after(merchant, terminal)
        return any(
            isinstance(each, UnsettledLookup) and (each.merchant, each.after) == (merchant, after)
            for each in self._life.outbox.lookups
        )

    def _after(self, merchant: str, terminal: str) -> tuple[tuple[str, int], ...]:
        """Each terminal that is meant, and the newest of its charges that is settled."""
        tills = [till for till in self._tills if self._is_of(till, merchant, terminal)]
        terminals = {till.partition("|")[2] for till in tills}
        terminals |= set(self._registered.terminals(merchant)) if not terminal else {terminal}
        return tuple(
            (each, self._settled.get(f"{merchant}|{each}", 0)) for each in sorted(terminals)
        )
