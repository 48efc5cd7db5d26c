"""Same seed, same code: the same trace, in every process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from tests.simulation.world import run

ROOT = Path(__file__).parents[2]
ONE = "from tests.simulation.world import run; print(run({seed}).trace)"


def _in_a_process(seed: int, hash_seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", ONE.format(seed=seed)],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.slow
def test_a_seed_gives_one_trace_in_every_process() -> None:
    traces = {_in_a_process(7, hash_seed) for hash_seed in ("1", "4242")}
    assert traces == {run(7).trace}


def test_two_seeds_give_two_traces() -> None:
    assert run(1).trace != run(2).trace


def test_trio_still_has_what_makes_it_deterministic() -> None:
    core = trio._core._run
    assert core._ALLOW_DETERMINISTIC_SCHEDULING in (True, False)
    assert core._r.getstate()
