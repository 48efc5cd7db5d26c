"""The soak: everything that goes wrong is somebody's fault, memory is flat, the audit is clean."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import soak
from bench.disturbers import ENDINGS, IN_VAIN, READ_SLOWLY, unproven
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


def proven() -> tuple[dict[str, int], dict[str, float]]:
    """Each disturbance three times, and the gateway says the same."""
    counts = dict.fromkeys(ENDINGS, 3)
    return counts, {each: 3.0 for reasons in ENDINGS.values() for each in reasons}


def test_disturbances_that_the_gateway_counted_are_proven() -> None:
    assert not unproven(*proven())


@pytest.mark.parametrize("name", ENDINGS)
def test_a_disturbance_that_never_happened_is_a_problem(name: str) -> None:
    counts, ended = proven()
    del counts[name]
    assert unproven(counts, ended) == [f"nobody {name}"]


@pytest.mark.parametrize("name", ENDINGS)
def test_a_disturbance_that_the_gateway_did_not_count_is_a_problem(name: str) -> None:
    counts, ended = proven()
    ended |= dict.fromkeys(ENDINGS[name], 1.0)
    assert f"3 {name}, but the gateway counts" in unproven(counts, ended)[0]


def test_a_disturbance_that_ended_otherwise_is_a_problem() -> None:
    counts, ended = proven()
    assert "in vain" in unproven(counts | {READ_SLOWLY + IN_VAIN: 1}, ended)[0]


def test_a_host_that_was_killed_without_a_lost_link_is_a_problem() -> None:
    found = soaked()
    found.disturbances, found.ended = proven()
    errors = dict.fromkeys(soak.NEVER, 0.0)
    soak.judge_metrics(found, errors)
    assert found.problems == ["the host was killed 1 times, but 0 links were lost"]


@pytest.mark.parametrize("errors", [{}, dict.fromkeys(soak.NEVER, 1.0)])
def test_an_error_of_the_gateway_or_a_metric_that_is_gone_is_a_problem(
    errors: dict[str, float],
) -> None:
    found = soaked()
    found.disturbances, found.ended = proven()
    found.links_lost = 2
    soak.judge_metrics(found, errors)
    assert len(found.problems) == len(soak.NEVER)


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
    assert set(found["disturbances"]) == set(ENDINGS), "each happened, and none in vain"
    for name, reasons in ENDINGS.items():
        assert sum(found["ended"][each] for each in reasons) >= found["disturbances"][name] > 0
    assert found["links_lost"] >= 1
    assert found["audit"]["charges"] > 0
    assert found["audit"]["open"] == 0
    assert not found["audit"]["violations"]
