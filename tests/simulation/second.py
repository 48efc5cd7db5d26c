"""Merchants with several accounts in the middle of the traffic: opened, closed, other rules.

What must hold: the account that a charge has when it is first seen is the one that it has for good,
over every kill; and what undoes a charge is on the same one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing.accounts.plan import MAIN, AccountRule, Collects, Plan

if TYPE_CHECKING:
    import random

    from routing.clock import Now
    from routing.switch import Switch
    from tests.simulation.checkers import Checkers

_EVERY_S: Final = (0.2, 1.0)
_ACCOUNTS: Final = ("2", "3")


class SecondAccounts:
    """Changes something, now and then."""

    def __init__(self, rng: random.Random, checkers: Checkers) -> None:
        self._rng, self._checkers = rng, checkers
        self._fixed: dict[tuple[int, float], tuple[str, str]] = {}
        """By number and time: a number whose charge never was durable is given again."""
        self._of: dict[int, str] = {}

    def acts(self, switch: Switch, tills: list[tuple[str, str]], now: Now) -> None:
        """One thing, chosen by chance."""
        merchant, terminal = self._rng.choice(tills)
        collecting = switch.office.collecting
        if self._rng.random() < 0.5:
            account, closed = self._rng.choice(_ACCOUNTS), self._rng.random() < 0.3
            collecting.put(merchant, Collects(id=account, closed=closed), "rita", now)
        else:
            rules = tuple(self._rule(terminal) for _ in range(self._rng.randrange(3)))
            plan = Plan(rules=rules, fallback=self._rng.random() < 0.7)
            collecting.change(merchant, plan, "rita", now)
        self.look(switch)

    def _rule(self, terminal: str) -> AccountRule:
        account = self._rng.choice((*_ACCOUNTS, *_ACCOUNTS, MAIN))
        only = (terminal,) if self._rng.random() < 0.5 else ()
        return AccountRule(account=account, terminal=only, amount_min=self._rng.choice((0, 5_000)))

    def look(self, switch: Switch) -> None:
        """Each charge is where it was, and what undoes it is there, too.

        Oldest first: a number that is given again has its new account before what undoes it.
        """
        for charge in reversed(list(switch.life.book.newest())):
            name, where = (charge.id, charge.opened_at), (charge.account, charge.channel)
            if name not in self._fixed:
                self._fixed[name], self._of[charge.id] = where, charge.account
                self._checkers.note("account of", charge.terminal, charge.account or MAIN)
            if self._fixed[name] != where:
                self._checkers.violated(4, f"charge {charge.id} went to another account")
            if self._of.get(charge.original_id, charge.account) != charge.account:
                self._checkers.violated(4, f"charge {charge.id} is not on its original's account")

    def pause_s(self) -> float:
        """Until the next."""
        return self._rng.uniform(*_EVERY_S)
