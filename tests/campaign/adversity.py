"""Rounds with real processes, each with a seed of its own: kills under load, and storms.

Every second round is a load of thousands of charges a second and a gateway that is killed; the
others are storms: a bad network, a full disk, kills and stops.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.adversity import kills, storm

_SILENT_EVERY = ("--drop-every", "37")


def rounds(count: int, first_seed: int) -> Iterator[dict[str, object]]:
    """Play each round; of the kills every second one with a host that is silent now and then."""
    for seed in range(first_seed, first_seed + count):
        with tempfile.TemporaryDirectory() as folder:
            try:
                outcome = (_storm if seed % 2 else _kills)(Path(folder), seed)
            except AssertionError as error:
                outcome = {"broken": [str(error)]}
        yield {"seed": seed, **outcome}


def _kills(folder: Path, seed: int) -> dict[str, object]:
    options = _SILENT_EVERY if seed % 4 else ()
    return {"kind": "kills"} | kills.summary(kills.play(folder, seed, *options))


def _storm(folder: Path, seed: int) -> dict[str, object]:
    with storm.small_disk(folder) as disk:
        return {"kind": "storm"} | storm.summary(storm.play(folder, seed, disk))
