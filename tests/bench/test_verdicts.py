"""What is concluded from a few values, and when nothing is."""

from __future__ import annotations

import pytest

from bench.compare import compared
from bench.report import Document, Report, row
from bench.verdicts import against_before, against_goal, interval, ratio_interval

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


def test_a_row_that_the_baseline_lacks_is_left_out() -> None:
    before = document(10.0, 1_000.0)
    before.reports[0].rows.pop()
    assert len(compared(document(10.0, 1_000.0), before)) == 2
