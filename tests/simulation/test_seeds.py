"""Seeds that are others at each commit: none breaks a promise."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.simulation.world import run

SEEDS = 24


def _first_seed() -> int:
    """From the commit's hash; 0 where there is no repository."""
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    return int(done.stdout.strip()[:8], 16) if done.returncode == 0 else 0


@pytest.mark.slow
@pytest.mark.parametrize("number", range(SEEDS))
def test_a_seed_of_this_commit_breaks_no_promise(number: int) -> None:
    seed = _first_seed() + number
    outcome = run(seed)
    replay = f"python -m tests.simulation --seed {seed}"
    assert not outcome.violations, replay
    assert outcome.charges
