"""The soak: everything that goes wrong is somebody's fault, memory is flat, the audit is clean."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import soak
from bench.machine import fingerprint

ROOT = Path(__file__).parents[2]


def soaked(memory: list[tuple[float, float]] | None = None) -> soak.Soaked:
    return soak.Soaked(
        machine=fingerprint(),
        seconds=60,
        rate=100,
        maximum=200,
        answered=0,
        refused={},
        restarts=[20.0],
        memory_mib=memory or [],
    )


def report(**changes: object) -> dict[str, object]:
    errors = dict.fromkeys(soak.HONEST_ERRORS, 0)
    latency = dict.fromkeys(("p50_us", "p90_us", "p99_us", "p99_9_us", "max_us"), 1.0)
    return {"count": 10, "refused": {}, "refused_s": [], "err": errors, **latency, **changes}


@pytest.mark.parametrize("second", [18, 20, 32])
def test_refusals_while_the_host_is_gone_are_its_fault(second: int) -> None:
    found = soaked()
    soak.judge_answers(found, report(refused_s=[[second, 5]]))
    assert not found.problems


@pytest.mark.parametrize("second", [0, 17, 33])
def test_refusals_with_the_host_there_are_ours(second: int) -> None:
    found = soaked()
    soak.judge_answers(found, report(refused_s=[[second, 5]]))
    assert f"second {second}" in found.problems[0]


@pytest.mark.parametrize("kind", soak.HONEST_ERRORS)
def test_nothing_excuses_an_error_at_an_honest_terminal(kind: str) -> None:
    found = soaked()
    soak.judge_answers(found, report(err=dict.fromkeys(soak.HONEST_ERRORS, 0) | {kind: 1}))
    assert kind in found.problems[0]


def test_memory_that_grows_is_a_problem_and_that_fills_at_first_is_none() -> None:
    flat = soaked([(float(t), min(100.0, 50.0 + 2 * t)) for t in range(100)])
    soak.memory_is_flat(flat, 60, 4)
    assert not flat.problems
    assert flat.slope_mib_an_hour == pytest.approx(0)
    growing = soaked([(float(t), 50.0 + 0.5 * t) for t in range(100)])
    soak.memory_is_flat(growing, 60, 4)
    assert growing.slope_mib_an_hour == pytest.approx(1_800)
    assert "memory grows" in growing.problems[0]


@pytest.mark.slow
def test_a_short_soak_is_clean(tmp_path: Path) -> None:
    file = tmp_path / "soak.json"
    command = [sys.executable, "-m", "bench.soak", "--seconds", "12", "--terminals", "16"]
    # So short a run has not filled what is bounded: of memory it only says how it went.
    command += ["--share", "0.3", "--growth", "100", "--json", str(file)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_bytes())
    assert found["answered"] > 0
    assert len(found["restarts"]) == 1
    assert {"came and left", "sent garbage"} <= set(found["disturbances"])
    assert found["audit"]["charges"] > 0
    assert found["audit"]["open"] == 0
    assert not found["audit"]["violations"]
