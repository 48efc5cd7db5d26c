"""Charges stand on a shelf by STAN, also while they move to more places: as a plain list says."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from routing.shelf import Shelf
from tests.routing.test_book import charge

if TYPE_CHECKING:
    from routing.charge import Charge


class Beside:
    """A shelf, and a list that is searched from end to end."""

    def __init__(self, seed: int, stans: int, held: int) -> None:
        self._rng = random.Random(seed)  # noqa: S311
        self._stans, self._most = stans, held
        self._shelf: Shelf | None = None
        self._held: list[Charge] = []
        self._count = 0

    def take(self) -> None:
        self._count += 1
        stan = self._count if self._rng.random() < 0.8 else self._rng.randrange(self._stans)
        new = charge(self._count, stan % self._stans, rest=str(self._rng.randrange(2)))
        self._held = [each for each in self._held if each.identity != new.identity]
        if self._shelf is None:
            self._shelf = Shelf(new)
        self._shelf.take(new)
        self._held.append(new)

    def give(self) -> None:
        if self._shelf is not None and self._held:
            last = len(self._held) - 1
            at = 0 if self._rng.random() < 0.8 else self._rng.randint(0, last)
            self._shelf.give(self._held.pop(at))

    def compare(self) -> None:
        if self._shelf is None:
            return
        stan = f"{self._rng.randrange(self._stans):06d}"
        same = [each for each in self._held if each.stan == stan]
        assert [each.id for each in self._shelf.with_stan(stan)] == [each.id for each in same[::-1]]
        for rest in "01":
            identity = f"M|T|{stan}|2|{rest}"
            found = self._shelf.same_as(identity, stan)
            assert found is next((each for each in same if each.identity == identity), None)

    def go_on(self, steps: int) -> None:
        for _ in range(steps):
            self.take()
            if len(self._held) > self._most or self._rng.random() < 0.1:
                self.give()
            self.compare()


@pytest.mark.parametrize("held", [3, 40, 700])
@pytest.mark.parametrize("stans", [50, 100_000])
@pytest.mark.parametrize("seed", range(8))
def test_a_shelf_gives_what_was_put_there(seed: int, stans: int, held: int) -> None:
    Beside(seed, stans, held).go_on(1_200)
