"""Chance from a seed, drawn by name: what one part of the world draws changes nothing for another.

So a story stays the same when the terminals and faults that have no part in it are taken away.
"""

from __future__ import annotations

import random


class Chance:
    """Sources of chance for the parts of one world."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def of(self, *names: object) -> random.Random:
        """The source that belongs to `names`, from its beginning."""
        return random.Random("|".join(map(str, (self._seed, *names))))  # noqa: S311 - a simulation
