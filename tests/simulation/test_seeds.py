"""Seeds that are others at each commit: none breaks a promise."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.simulation.__main__ import main
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


def test_the_command_sums_up_in_keys_that_others_rely_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--seeds", "2", "--first-seed", "7", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert list(said) == [
        "seeds", "charges", "reversals", "kills", "violations", "virtual_hours", "wall_seconds",
    ]  # fmt: skip
    assert (said["seeds"], said["violations"]) == (2, 0)
