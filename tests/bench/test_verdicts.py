"""What is concluded from a few values, and when nothing is."""

from __future__ import annotations

import pytest

from bench.compare import compared
from bench.machine import busy
from bench.report import Document, Report, row
from bench.report import verdict as report_verdict
from bench.verdicts import (
    against_before,
    against_goal,
    interval,
    noise,
    noise_told,
    ratio_interval,
)

HERE = {"cpu": "a", "cores": 2, "python": "3.11"}


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([1.0, 1.1, 1.2], "met"),
        ([1.6, 1.7, 1.8], "missed"),
        ([1.4, 1.5, 1.6], "open"),
        ([1.5], "met"),
        ([1.51], "missed"),
    ],
)
def test_a_goal_is_met_only_when_the_whole_interval_meets_it(
    values: list[float], verdict: str
) -> None:
    assert against_goal(values, 1.5) == verdict


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        ([10.0, 10.1, 9.9, 10.0], "same"),
        ([12.0, 12.1, 11.9, 12.0], "worse"),
        ([8.0, 8.1, 7.9, 8.0], "better"),
        ([8.0, 10.0, 12.0, 14.0], "too noisy"),
        ([12.0, 12.0], "too few values"),
        ([0.0, 12.0, 12.0], "not above 0"),
    ],
)
def test_a_change_is_called_one_only_when_the_whole_interval_is(
    now: list[float], verdict: str
) -> None:
    before = [10.0, 10.1, 9.9, 10.0]
    found, _ = against_before(now, before, more_is_better=False)
    assert found == verdict
    opposite = {"better": "worse", "worse": "better"}
    found, _ = against_before(now, before, more_is_better=True)
    assert found == opposite.get(verdict, verdict)


def test_intervals_hold_the_median_and_come_out_the_same_each_time() -> None:
    values = [3.0, 5.0, 4.0, 9.0, 4.5]
    low, high = interval(values)
    assert 3.0 <= low <= 4.5 <= high <= 9.0
    assert interval(values) == (low, high)
    assert ratio_interval(values, values).low < 1 < ratio_interval(values, values).high


def document(cost: float, rate: float, **machine: str | int) -> Document:
    rows = [
        row("ours", [cost, cost, cost], "us of CPU a charge"),
        row("  the gateway", [rate, rate, rate], "charges/s"),
        row("ratio", [cost / 10, cost / 10, cost / 10], "x CPU"),
    ]
    return Document(machine=HERE | machine, reports=[Report(bench="relay", rows=rows)])


def test_each_row_that_both_runs_have_gets_a_verdict() -> None:
    rows = compared(document(20.0, 500.0), document(10.0, 1_000.0))
    assert [each.verdict for each in rows] == ["worse", "worse", "worse"]
    rows = compared(document(10.0, 1_000.0), document(20.0, 500.0))
    assert [each.verdict for each in rows] == ["better", "better", "better"]
    assert rows[0].interval == (0.5, 0.5)


def test_of_another_machine_only_ratios_are_compared() -> None:
    rows = compared(document(20.0, 500.0), document(10.0, 1_000.0, cpu="b"))
    assert [each.verdict for each in rows] == ["another machine", "another machine", "worse"]


def test_rows_that_only_one_run_has_are_told() -> None:
    now, before = document(10.0, 1_000.0), document(10.0, 1_000.0)
    now.reports[0].rows.append(row("new", [1.0], "us"))
    before.reports[0].rows.append(row("  old", [2.0], "us"))
    before.reports.append(Report(bench="not run today", rows=[row("x", [1.0], "us")]))
    found = {each.what: each for each in compared(now, before) if each.interval is None}
    assert found["new"].verdict == "not in the baseline"
    assert (found["new"].now, found["new"].before) == (1.0, None)
    assert found["ratio: old"].verdict == "only in the baseline"
    assert (found["ratio: old"].now, found["ratio: old"].before) == (None, 2.0)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("values", "noise", "verdict"),
    [
        ([1.0, 1.1, 1.2], 0.4, "too noisy"),
        ([1.0, 1.1, 1.2], 0.2, "met"),
        ([1.6, 1.7, 1.8], 0.4, "too noisy"),
        ([15.0, 16.0, 17.0], 0.4, "missed"),
        ([-3.0, -2.0, -1.0], 0.9, "met"),
    ],
)
def test_beside_a_rough_yardstick_only_what_is_far_from_the_goal_is_judged(
    values: list[float], noise: float, verdict: str
) -> None:
    assert against_goal(values, 1.5, noise) == verdict


@pytest.mark.parametrize(
    ("values", "verdict"), [([15.0, 16.0, 17.0], "too noisy"), ([0.5, 0.6, 0.7], "met")]
)
def test_a_time_on_a_noisy_machine_may_meet_its_goal_but_not_miss_it(
    values: list[float], verdict: str
) -> None:
    assert report_verdict(row("a time", values, "us", 1.5, 0.4)) == verdict
    assert report_verdict(row("a ratio", [15.0, 16.0, 17.0], "x CPU", 1.5, 0.4)) == "missed"


def test_a_machine_that_others_use_is_said_to_be_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (0.1, 0.1, 0.1))
    assert not busy()
    monkeypatch.setattr("os.getloadavg", lambda: (2.5, 0.1, 0.1))
    assert "load average 2.5" in busy()


def test_a_yardstick_is_noise_only_beyond_what_is_usual() -> None:
    assert noise([9.0, 9.5, 10.0]) == 0
    assert noise([9.0, 9.5, 18.0]) == pytest.approx(1.0)
    assert "floor spreads by 100%" in noise_told("here", "the floor", 1.0)


def test_a_change_within_the_noise_of_either_run_is_none() -> None:
    now, before = [12.0, 12.1, 11.9], [10.0, 10.1, 9.9]
    assert against_before(now, before, more_is_better=False)[0] == "worse"
    assert against_before(now, before, more_is_better=False, noise=0.4)[0] == "too noisy"
