"""Blocks of seeds of the simulator, until as many as wanted have run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice

from tests.simulation import many

_SEEDS_A_ROUND = 100


def rounds(count: int, first_seed: int) -> Iterator[dict[str, object]]:
    """One line for each hundred seeds; the seeds that broke a promise stand in it."""
    jobs = os.cpu_count() or 1
    outcomes = many.outcomes(range(first_seed, first_seed + count * _SEEDS_A_ROUND), jobs=jobs)
    for number in range(count):
        block = list(islice(outcomes, _SEEDS_A_ROUND))
        broken = [f"seed {each.seed}" for each in block if each.violations]
        seed = first_seed + number * _SEEDS_A_ROUND
        yield {"first_seed": seed, **many.totals(block), "broken": broken}
