"""Demos one after the other, each with a seed of its own: three books held against each other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

SECONDS = 10
TERMINALS = 200
SECONDS_MAX = SECONDS + 60


def rounds(count: int, first_seed: int) -> Iterator[dict[str, object]]:
    """Play each demo; one that is not done in its time or whose books disagree is broken."""
    for seed in range(first_seed, first_seed + count):
        yield {"seed": seed, **_play(seed)}


def _play(seed: int) -> dict[str, object]:
    options = ("--seconds", SECONDS, "--terminals", TERMINALS, "--seed", seed, "--json")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "demo", *map(str, options)],
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"broken": ["not done in time"]}
    if done.returncode:
        return {"broken": [done.stdout[-1000:] or done.stderr[-1000:]]}
    said: dict[str, object] = json.loads(done.stdout)
    return {**said, "broken": []}
