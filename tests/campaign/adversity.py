"""Rounds of `kill -9` under load, as many as wanted, each with a seed of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.adversity import kills

_SILENT_EVERY = ("--drop-every", "37")


def rounds(count: int, first_seed: int) -> Iterator[dict[str, object]]:
    """Play each round; every second one with a host that is silent now and then."""
    for seed in range(first_seed, first_seed + count):
        options = _SILENT_EVERY if seed % 2 else ()
        with tempfile.TemporaryDirectory() as folder:
            try:
                outcome = kills.summary(kills.play(Path(folder), seed, *options))
            except AssertionError as error:
                outcome = {"broken": [str(error)]}
        yield {"seed": seed, **outcome}
