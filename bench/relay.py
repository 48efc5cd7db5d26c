"""End to end: terminals, gateway, host as processes, against the bare relay in C (the floor).

Floor and gateway take turns, so that a machine that changes its speed changes both: each run of a
gateway stands between two of the floor, and its ratio is to the mean of both.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.processes import Processes
from bench.progress import watched
from bench.report import Plot, Report, row
from bench.setups import DURABLE, EVERYTHING, RELAY, SETUPS, TERMINALS, Setup, workplace
from bench.verdicts import SPREAD_MAX, median, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS: Final = 3
_SECONDS: Final = 2.0
_QUICK_SECONDS: Final = 0.5
_QUICK_SETUPS: Final = (RELAY, DURABLE, EVERYTHING)
_FIGURES: Final = {
    "cpu_us": "us of CPU a charge",
    "tps": "charges/s",
    "p50_us": "us, p50",
    "p99_us": "us, p99",
    "memory_mib": "MiB resident",
}
_FLOOR: Final = "floor"


class Runs:
    """What was measured: figures by who, terminals and figure; ratios by setup and terminals."""

    def __init__(self) -> None:
        self.figures: dict[tuple[str, int, str], list[float]] = defaultdict(list)
        self.ratios: dict[tuple[str, int], list[float]] = defaultdict(list)
        self.errors: dict[tuple[str, int], int] = defaultdict(int)

    def note(self, who: str, terminals: int, load: dict[str, Any]) -> None:
        """Keep one run's figures."""
        for figure in _FIGURES:
            self.figures[who, terminals, figure].append(load[figure])
        self.errors[who, terminals] += load["errors"]


def run(*, quick: bool) -> Report:
    """Every setup at every number of terminals, with one request outstanding each."""
    setups = _QUICK_SETUPS if quick else SETUPS
    numbers = TERMINALS[:1] if quick else TERMINALS
    seconds = _QUICK_SECONDS if quick else _SECONDS
    rounds = [(terminals, number) for terminals in numbers for number in range(ROUNDS)]
    runs = Runs()
    for terminals, _ in watched(rounds, "gateway and floor in turns"):
        take_turns(runs, setups, terminals, seconds)
    report = Report(bench="relay", rows=[])
    for terminals in numbers:
        for figure, unit in _FIGURES.items():
            floor = runs.figures[_FLOOR, terminals, figure]
            report.rows.append(row(f"floor, {terminals:,} terminals", floor, unit))
        for setup in setups:
            _rows(report, runs, setup, terminals)
        note_noise(report, runs, terminals)
    if len(numbers) > 1:
        _curve(report, runs, setups)
    return report


def one(setup: Setup | None, terminals: int, seconds: float, *, rate: float = 0) -> dict[str, Any]:
    """One run on a fresh host, gateway and journal; without a setup, of the floor."""
    chosen = setup or RELAY
    with workplace() as folder, Processes(Path(folder), chosen) as processes:
        processes.host()
        process = processes.gateway() if setup else processes.floor()
        load = processes.load(terminals, seconds, process.pid, rate=rate)
        if setup and setup.journal != "none":
            load["metrics"] = processes.metrics()
        return load


def take_turns(runs: Runs, setups: Sequence[Setup], terminals: int, seconds: float) -> None:
    """One run of each setup, each between two of the floor, whose mean its ratio is to."""
    before = one(None, terminals, seconds)
    runs.note(_FLOOR, terminals, before)
    for setup in setups:
        ours = one(setup, terminals, seconds)
        after = one(None, terminals, seconds)
        runs.note(setup.name, terminals, ours)
        runs.note(_FLOOR, terminals, after)
        floor = (before["cpu_us"] + after["cpu_us"]) / 2
        runs.ratios[setup.name, terminals].append(ours["cpu_us"] / floor)
        before = after


def _rows(report: Report, runs: Runs, setup: Setup, terminals: int) -> None:
    where = f"{setup.name}, {terminals:,} terminals"
    ratios = runs.ratios[setup.name, terminals]
    report.rows.append(row(f"{where}: ratio to the floor", ratios, "x CPU", setup.goal))
    for figure, unit in _FIGURES.items():
        report.rows.append(row("  the gateway", runs.figures[setup.name, terminals, figure], unit))
    errors = runs.errors[setup.name, terminals]
    if errors:
        report.remarks.append(f"{where}: {errors} errors at the terminals")


def note_noise(report: Report, runs: Runs, terminals: int) -> None:
    """Say so when the machine changed its speed too much for a ratio to mean anything."""
    spreads = spread(runs.figures[_FLOOR, terminals, "cpu_us"])
    if spreads > SPREAD_MAX:
        report.remarks.append(
            f"{terminals:,} terminals: this machine is too noisy to conclude: CPU a charge of the"
            f" floor spreads by {spreads:.0%} (more than {SPREAD_MAX:.0%}) between runs;"
            " end what else runs here and measure again"
        )


def _curve(report: Report, runs: Runs, setups: Sequence[Setup]) -> None:
    """How throughput falls from few terminals to many, beside the floor's own fall."""
    first, last = TERMINALS[0], TERMINALS[-1]
    names = [_FLOOR, *(each.name for each in setups)]
    floor = _fall(runs, _FLOOR, first, last)
    for setup in setups:
        few = runs.figures[setup.name, first, "tps"]
        many = runs.figures[setup.name, last, "tps"]
        falls = [a / b / floor for a, b in zip(few, many, strict=True)]
        what = f"{setup.name}: fall from {first} to {last:,} terminals, by the floor's"
        report.rows.append(row(what, falls, "x fall", 1.0))
    for figure, unit in (("tps", "charges/s"), ("cpu_us", "µs of CPU a charge")):
        series = {
            name: [(float(t), median(runs.figures[name, t, figure])) for t in TERMINALS]
            for name in names
        }
        title = f"{unit}, by terminals"
        report.plots.append(Plot(title=title, x="terminals", y=unit, series=series))


def _fall(runs: Runs, who: str, first: int, last: int) -> float:
    few, many = (median(runs.figures[who, each, "tps"]) for each in (first, last))
    return few / many
