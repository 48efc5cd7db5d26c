"""End to end: terminals, gateway, host as processes, against the bare relay in C (the floor).

Floor and gateway take turns, so that a machine that changes its speed changes both.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.processes import Processes
from bench.report import Report, row

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import Popen
    from typing import Any

PAIRS: Final = 3
TERMINALS: Final = (64, 512)
JOURNALS: Final = ("none", "sqlite")
_NOISE_MAX: Final = 0.3
"""A floor whose CPU per charge spreads more than this between runs says nothing about ratios."""
_SECONDS: Final = 3.0
_QUICK_SECONDS: Final = 1.0
_FIGURES: Final = {"cpu_us": "us of CPU a charge", "tps": "charges/s"} | {
    "p50_us": "us, p50",
    "p99_us": "us, p99",
}


def run(*, quick: bool) -> Report:
    """Every journal at every number of terminals."""
    report = Report(bench="relay", rows=[])
    for terminals in TERMINALS[:1] if quick else TERMINALS:
        for journal in JOURNALS:
            _compare(report, journal, terminals, _QUICK_SECONDS if quick else _SECONDS)
    return report


def _compare(report: Report, journal: str, terminals: int, seconds: float) -> None:
    floor: dict[str, list[float]] = defaultdict(list)
    ours: dict[str, list[float]] = defaultdict(list)
    ratios = []
    errors = 0
    for _ in range(PAIRS):
        low = _one(terminals, seconds, lambda processes: processes.floor())
        high = _one(terminals, seconds, lambda processes: processes.gateway(journal))
        errors += high["errors"]
        ratios.append(high["cpu_us"] / low["cpu_us"])
        for figure in _FIGURES:
            floor[figure].append(low[figure])
            ours[figure].append(high[figure])
    where = f"journal {journal}, {terminals} terminals"
    report.rows.append(row(f"{where}: ratio to the floor", ratios, "x CPU"))
    for figure, unit in _FIGURES.items():
        report.rows.append(row(where, ours[figure], unit))
        report.rows.append(row("  the floor beside it", floor[figure], unit))
    spread = max(floor["cpu_us"]) / min(floor["cpu_us"]) - 1
    if spread > _NOISE_MAX:
        report.remarks.append(f"{where}: too noisy to conclude, the floor spreads {spread:.0%}")
    if errors:
        report.remarks.append(f"{where}: {errors} errors at the terminals")


def _one(
    terminals: int, seconds: float, start: Callable[[Processes], Popen[bytes]]
) -> dict[str, Any]:
    """One run on a fresh host, gateway and journal."""
    with tempfile.TemporaryDirectory() as folder, Processes(Path(folder)) as processes:
        processes.host()
        return processes.load(terminals, seconds, start(processes).pid)
