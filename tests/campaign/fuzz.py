"""A minute of arbitrary bytes for the codec per round, each with a seed of its own."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator

from tests.fuzz.__main__ import fuzz
from tests.fuzz.targets import TARGETS

_SECONDS_A_ROUND = 60.0


def rounds(count: int, first_seed: int) -> Iterator[dict[str, object]]:
    """One line for each seed: executions by target, and the inputs that broke something."""
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        yield from pool.imap(_round, range(first_seed, first_seed + count))


def _round(seed: int) -> dict[str, object]:
    each = _SECONDS_A_ROUND / len(TARGETS)
    runs = {target: fuzz(target, seed, each) for target in sorted(TARGETS)}
    return {
        "seed": seed,
        "executions": sum(run["executions"] for run in runs.values()),
        "by_target": {target: run["executions"] for target, run in runs.items()},
        "broken": [{target: run["findings"]} for target, run in runs.items() if run["findings"]],
    }
