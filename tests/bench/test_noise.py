"""Each bench with a yardstick says when it changed too much, and judges with care then."""

from __future__ import annotations

import pytest

from bench import codec, latency, scrape
from bench.report import Report, verdict

STEADY, ROUGH = [10.0, 10.5, 11.0], [10.0, 10.5, 18.0]


def loads(cpu_us: list[float], p99_us: float) -> list[dict[str, float]]:
    figures = {"p50_us": 100.0, "p99_us": p99_us, "max_us": 900.0, "rate": 5_000.0}
    return [figures | {"cpu_us": each} for each in cpu_us]


def verdicts(report: Report) -> set[str]:
    return {verdict(each) for each in report.rows} - {""}


@pytest.mark.parametrize(
    ("cpu_us", "p99_us", "verdict"),
    [
        (STEADY, 1_500.0, "missed"),
        (ROUGH, 1_500.0, "too noisy"),
        (STEADY, 600.0, "met"),
        (ROUGH, 600.0, "met"),
    ],
)
def test_latency_is_judged_by_how_steady_the_floor_is(
    cpu_us: list[float], p99_us: float, verdict: str
) -> None:
    report = Report(bench="latency", rows=[])
    latency.beside_floor(report, "here", loads(STEADY, p99_us), loads(cpu_us, 200.0), [])
    assert verdicts(report) == {verdict}
    assert any("too noisy to conclude" in each for each in report.remarks) == (cpu_us is ROUGH)


def test_a_floor_that_is_slow_itself_is_no_yardstick() -> None:
    report = Report(bench="latency", rows=[])
    latency.beside_floor(report, "here", loads(STEADY, 90_000.0), loads(STEADY, 15_000.0), [])
    assert verdicts(report) == {"too noisy"}
    assert "the floor's own p99 is 15.0 ms" in report.remarks[0]


def test_a_tail_that_changes_by_more_than_a_scrape_may_add_is_no_yardstick() -> None:
    alone = loads(STEADY, 5_000.0)
    alone[1]["p99_us"], alone[2]["p99_us"] = 6_000.0, 7_000.0
    report = scrape.told("here", loads(STEADY, 20_000.0), alone)
    assert verdicts(report) == {"too noisy"}
    assert "p99 without a scrape goes from 5.0 to 7.0 ms" in report.remarks[0]


def test_with_a_journal_the_tail_is_judged_by_commits_of_the_same_round() -> None:
    report = Report(bench="latency", rows=[])
    ours, floors = loads(STEADY, 5_200.0), loads(STEADY, 200.0)
    latency.beside_floor(report, "here", ours, floors, [1_000.0, 1_000.0, 1_000.0])
    (judged,) = [each for each in report.rows if each.goal is not None]
    assert judged.values == [1.0, 1.0, 1.0], "5 ms added, 4 commits of 1 ms + 1 ms allowed"
    assert verdict(judged) == "met"


@pytest.mark.parametrize(("cpu_us", "verdict"), [(STEADY, "missed"), (ROUGH, "too noisy")])
def test_a_scrape_is_judged_by_how_steady_the_gateway_is_without_one(
    cpu_us: list[float], verdict: str
) -> None:
    report = scrape.told("here", loads(STEADY, 1_700.0), loads(cpu_us, 200.0))
    assert verdicts(report) == {verdict}
    assert any("too noisy to conclude" in each for each in report.remarks) == (cpu_us is ROUGH)


@pytest.mark.parametrize(
    ("floor", "verdict"), [([0.14, 0.15, 0.15], "missed"), ([0.14, 0.15, 0.24], "too noisy")]
)
def test_the_codec_is_judged_by_how_steady_libcrypto_alone_is(
    floor: list[float], verdict: str
) -> None:
    report, mac = Report(bench="codec", rows=[]), "verify aes-cmac"
    codec.tell(report, {mac: [0.5, 0.51, 0.52]}, {}, {}, {mac: floor})
    assert verdicts(report) == {verdict}
    (judged,) = [each for each in report.rows if each.goal is not None]
    assert judged.goal == pytest.approx(0.15 + 0.25)
