"""User-space instructions a charge, by perf: the steadiest figure on a shared machine."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.processes import WARMUP_S, Processes
from bench.report import Report, row

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import Popen

_TERMINALS: Final = 64
_SECONDS: Final = 3.0
_REPEATS: Final = 3
_EVENT: Final = "instructions:u"


def run(*, quick: bool) -> Report:
    """Floor, relay without a journal, relay with one."""
    report = Report(bench="instructions", rows=[])
    if not _works():
        report.remarks.append("perf can't count instructions here (not installed, or not allowed)")
        return report
    kinds: dict[str, Callable[[Processes], Popen[bytes]]] = {
        "floor": lambda processes: processes.floor(),
        "journal none": lambda processes: processes.gateway("none"),
        "journal sqlite": lambda processes: processes.gateway("sqlite"),
    }
    for what, start in kinds.items():
        values = [_a_charge(start) for _ in range(1 if quick else _REPEATS)]
        report.rows.append(row(f"{what}, {_TERMINALS} terminals", values, "instructions a charge"))
    return report


def _works() -> bool:
    if shutil.which("perf") is None:
        return False
    command = ["perf", "stat", "-x,", "-e", _EVENT, "true"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    return done.returncode == 0 and done.stderr.split(",")[0].isdigit()


def _a_charge(start: Callable[[Processes], Popen[bytes]]) -> float:
    """Counted over the middle of a run, at the rate that the run reports."""
    with tempfile.TemporaryDirectory() as folder, Processes(Path(folder)) as processes:
        processes.host()
        pid = start(processes).pid
        # perf counts from the first charge after the warm-up to the last.
        count = [
            "perf",
            "stat",
            "-x,",
            "-e",
            _EVENT,
            "-p",
            str(pid),
            "-D",
            str(int(WARMUP_S * 1e3)),
        ]
        command = [*count, "--", "sleep", str(WARMUP_S + _SECONDS)]
        counter = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603
        load = processes.load(_TERMINALS, _SECONDS, pid)
        _, text = counter.communicate(timeout=30)
        return int(text.split(",")[0]) / float(load["count"])
