"""User-space instructions a charge: the steadiest figure on a shared machine.

Counted by perf where the machine lets it; else by callgrind, under which everything is some fifty
times slower, so that turns are emptier and a charge bears more of each: too high, but steady.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.processes import WARMUP_S, Processes, children
from bench.progress import watched
from bench.report import Report, row
from bench.setups import DURABLE, EVERYTHING, RELAY, SETUPS, Setup, workplace

if TYPE_CHECKING:
    from collections.abc import Callable

_TERMINALS: Final = 64
_SECONDS: Final = 3.0
_UNDER_CALLGRIND_S: Final = 2.5
_QUICK_S: Final = 2.0
_REPEATS: Final = 3
_EVENT: Final = "instructions:u"
_CONTROL_S_MAX: Final = 60.0
_STOP_S: Final = 120.0
_RELAY_MAX: Final = 12_000.0
_EVERYTHING_MAX: Final = 45_000.0
CALLGRIND: Final = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
_SETTLES: Final = {"service.delivery_proof_s": 1}
"""What is on its way at the end of a run is undone soon: the next does not bear it."""
_SETTLED_S_MAX: Final = 60.0
_TRANSLATED_S: Final = 1.0
_SETTLES_PAUSE_S: Final = 0.2


def run(*, quick: bool) -> Report:
    """Floor, relay, journal, everything on; goals are stated for perf's counts."""
    report = Report(bench="instructions", rows=[])
    repeats = 1 if quick else _REPEATS
    counted: Callable[[Setup | None], list[float]]
    if perf_works():

        def counted(setup: Setup | None) -> list[float]:
            return [_by_perf(setup) for _ in range(repeats)]

        how = "perf"
    elif shutil.which(CALLGRIND[0]) is not None:
        seconds = _QUICK_S if quick else _UNDER_CALLGRIND_S

        def counted(setup: Setup | None) -> list[float]:
            with tempfile.TemporaryDirectory() as folder:
                return by_callgrind(setup, seconds, Path(folder), repeats)

        how = "callgrind"
        report.remarks.append(
            "perf can't count instructions here; callgrind did, under which turns are emptier and"
            " a charge bears more of each"
        )
    else:
        report.remarks.append("neither perf nor valgrind can count instructions here")
        return report
    setups: tuple[Setup | None, ...]
    setups = (None, RELAY, EVERYTHING) if quick else (None, *SETUPS)
    bars = {}
    for setup in watched(setups, f"instructions, by {how}"):
        who = "floor" if setup is None else setup.name
        what = f"{who}, {_TERMINALS} terminals"
        bars[who] = row(what, counted(setup), "instructions a charge", _goal(setup))
        report.rows.append(bars[who])
    report.bar(f"User-space instructions, by {how}", "instructions a charge", bars)
    return report


def _goal(setup: Setup | None) -> float | None:
    if setup is None or setup is DURABLE:
        return None
    return _RELAY_MAX if setup is RELAY else _EVERYTHING_MAX


def perf_works() -> bool:
    """Whether perf is installed, and allowed and able to count instructions."""
    if shutil.which("perf") is None:
        return False
    command = ["perf", "stat", "-x,", "-e", _EVENT, "true"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    return done.returncode == 0 and done.stderr.split(",")[0].isdigit()


def _by_perf(setup: Setup | None) -> float:
    """Counted from the end of the warm-up on, over the gateway and all its children."""
    with workplace() as folder, Processes(Path(folder), setup or RELAY) as processes:
        processes.host()
        pid = (processes.gateway() if setup else processes.floor()).pid
        pids = ",".join(str(each) for each in (pid, *children(pid)))
        command = ["perf", "stat", "-x,", "-e", _EVENT, "-p", pids]
        command += ["-D", str(int(WARMUP_S * 1e3)), "--", "sleep", str(WARMUP_S + _SECONDS)]
        counter = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603
        load = processes.load(_TERMINALS, _SECONDS, pid)
        _, text = counter.communicate(timeout=30)
        return int(text.split(",")[0]) / float(load["count"])


def by_callgrind(
    setup: Setup | None, seconds: float, profiles: Path, repeats: int = 1
) -> list[float]:
    """Counted while the load is on, with its connections' making and ending, run after run on the
    same processes.  What each function took stays in `profiles`, a file for each process and run.
    """
    wrapper = [*CALLGRIND[:2], f"--callgrind-out-file={profiles}/%p"]
    wrapper += ["--instr-atstart=no", "--trace-children=yes"]
    each = []
    with workplace() as folder, Processes(Path(folder), setup or RELAY, wrapper) as processes:
        processes.host()
        process = processes.gateway(_SETTLES) if setup else processes.floor()
        pids = [process.pid, *children(process.pid)]
        # What runs is translated anew once it is counted: not while it is measured.
        _control(pids, "-i", "on")
        processes.load(_TERMINALS, _TRANSLATED_S, process.pid, warmup_s=0)
        for number in range(1, repeats + 1):
            if setup:
                _until_settled(processes)
            _control(pids, "-z")
            load = processes.load(_TERMINALS, seconds, process.pid, warmup_s=0)
            _control(pids, "-d")
            collected = sum(_total(profiles / f"{pid}.{number}") for pid in pids)
            if not load["count"] or not collected:
                message = f"callgrind counted {collected} instructions of {load['count']} charges"
                raise RuntimeError(message)
            each.append(collected / float(load["count"]))
        processes.end(process, _STOP_S)
    return each


def _until_settled(processes: Processes) -> None:
    """Until every charge of the run before has come to its end."""
    end = time.monotonic() + _SETTLED_S_MAX
    while processes.metrics().get("gateway_open_charges", 0.0) and time.monotonic() < end:
        time.sleep(_SETTLES_PAUSE_S)


def _control(pids: list[int], *order: str) -> None:
    """Tell callgrind to begin counting, to forget or to write down what it has counted."""
    for pid in pids:
        command = ["callgrind_control", *order, str(pid)]
        subprocess.run(command, check=True, capture_output=True, timeout=_CONTROL_S_MAX)  # noqa: S603


def _total(profile: Path) -> int:
    """What stands in a profile as its sum."""
    found = re.search(r"^totals: (\d+)$", profile.read_text("utf-8", "replace"), re.MULTILINE)
    return int(found[1]) if found else 0
