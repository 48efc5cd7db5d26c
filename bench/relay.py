"""End to end: terminals, gateway, host as processes, against the bare relay in C (the floor).

Floor and gateway take turns, so that a machine that changes its speed changes both: each run of a
gateway stands between two of the floor, and its ratio is to the mean of both.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from bench.progress import watched
from bench.report import Plot, Report, row
from bench.setups import SETUPS, TERMINALS, Setup
from bench.side import one
from bench.verdicts import median, noise, noise_told

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS: Final = 3
QUICK_ROUNDS: Final = 2
_SECONDS: Final = 1.5
_FLOOR_SECONDS: Final = 1.0
_QUICK_SECONDS: Final = 0.4
_FIGURES: Final = {
    "cpu_us": "us of CPU a charge",
    "tps": "charges/s",
    "p50_us": "us, p50",
    "p99_us": "us, p99",
    "memory_mib": "MiB resident",
}
_PLOTTED: Final = (
    ("tps", "charges/s"),
    ("cpu_us", "µs of CPU a charge"),
    ("memory_mib", "MiB resident"),
)
_FLOOR: Final = "floor"


class Runs:
    """What was measured, in order: figures by who, terminals and figure; ratios by setup and
    terminals.
    """

    def __init__(self) -> None:
        self.figures: dict[tuple[str, int, str], list[float]] = defaultdict(list)
        self.ratios: dict[tuple[str, int], list[float]] = defaultdict(list)
        self.errors: dict[tuple[str, int], int] = defaultdict(int)

    def note(self, who: str, terminals: int, load: dict[str, Any]) -> None:
        """Keep one run's figures."""
        for figure in _FIGURES:
            self.figures[who, terminals, figure].append(load[figure])
        self.errors[who, terminals] += load["errors"]

    def noise(self, terminals: int) -> float:
        """By how much the floor's cost changed between its runs, where that is too much."""
        return noise(self.figures[_FLOOR, terminals, "cpu_us"])


def run(*, quick: bool) -> Report:
    """Every setup at every number of terminals, with one request outstanding each."""
    numbers = TERMINALS[:2] if quick else TERMINALS
    seconds = (_QUICK_SECONDS, _QUICK_SECONDS) if quick else (_SECONDS, _FLOOR_SECONDS)
    count = QUICK_ROUNDS if quick else ROUNDS
    rounds = [(terminals, number) for terminals in numbers for number in range(count)]
    runs = Runs()
    for terminals, _ in watched(rounds, "gateway and floor in turns"):
        take_turns(runs, SETUPS, terminals, *seconds)
    return told(runs, SETUPS, numbers)


def take_turns(
    runs: Runs, setups: Sequence[Setup], terminals: int, seconds: float, floor_seconds: float
) -> None:
    """One run of each setup, each between two of the floor, whose mean its ratio is to."""
    before = one(None, terminals, floor_seconds)
    runs.note(_FLOOR, terminals, before)
    for setup in setups:
        ours = one(setup, terminals, seconds)
        after = one(None, terminals, floor_seconds)
        runs.note(setup.name, terminals, ours)
        runs.note(_FLOOR, terminals, after)
        floor = (before["cpu_us"] + after["cpu_us"]) / 2
        runs.ratios[setup.name, terminals].append(ours["cpu_us"] / floor)
        before = after


def told(runs: Runs, setups: Sequence[Setup], numbers: Sequence[int]) -> Report:
    """What those runs say: rows for each number of terminals, then the curve over all of them."""
    report = Report(bench="relay", rows=[])
    for terminals in numbers:
        noisy = runs.noise(terminals)
        if noisy:
            what = "CPU a charge of the floor"
            report.remarks.append(noise_told(f"{terminals:,} terminals", what, noisy))
        for figure, unit in _FIGURES.items():
            floor = runs.figures[_FLOOR, terminals, figure]
            report.rows.append(row(f"floor, {terminals:,} terminals", floor, unit, noise=noisy))
        for setup in setups:
            _rows(report, runs, setup, terminals, noisy)
    for last in numbers[1:]:
        for setup in setups:
            _fall(report, runs, setup, numbers[0], last)
    if len(numbers) > 1:
        _plots(report, runs, setups, numbers)
    return report


def _rows(report: Report, runs: Runs, setup: Setup, terminals: int, noisy: float) -> None:
    where = f"{setup.name}, {terminals:,} terminals"
    ratios = runs.ratios[setup.name, terminals]
    report.rows.append(row(f"{where}: ratio to the floor", ratios, "x CPU", setup.goal, noisy))
    for figure, unit in _FIGURES.items():
        values = runs.figures[setup.name, terminals, figure]
        report.rows.append(row("  the gateway", values, unit, noise=noisy))
    errors = runs.errors[setup.name, terminals]
    if errors:
        report.remarks.append(f"{where}: {errors} errors at the terminals")


def _fall(report: Report, runs: Runs, setup: Setup, first: int, last: int) -> None:
    """How throughput falls from few terminals to more, by the floor's own fall, round by round."""
    few, many = (runs.figures[setup.name, each, "tps"] for each in (first, last))
    floor_few, floor_many = (_floor_by_round(runs, each, len(few)) for each in (first, last))
    falls = [a / b / (c / d) for a, b, c, d in zip(few, many, floor_few, floor_many, strict=True)]
    what = f"{setup.name}: fall from {first} to {last:,} terminals, by the floor's"
    noisy = max(runs.noise(first), runs.noise(last))
    report.rows.append(row(what, falls, "x fall", 1.0, noisy))


def _floor_by_round(runs: Runs, terminals: int, rounds: int) -> list[float]:
    """What the floor carried in each round, in the middle."""
    carried = runs.figures[_FLOOR, terminals, "tps"]
    each = len(carried) // rounds
    return [median(carried[n * each : (n + 1) * each]) for n in range(rounds)]


def _plots(report: Report, runs: Runs, setups: Sequence[Setup], numbers: Sequence[int]) -> None:
    for figure, unit in _PLOTTED:
        series = {
            name: [(float(t), median(runs.figures[name, t, figure])) for t in numbers]
            for name in (_FLOOR, *(each.name for each in setups))
        }
        title = f"{unit}, by terminals"
        report.plots.append(Plot(title=title, x="terminals", y=unit, series=series))
