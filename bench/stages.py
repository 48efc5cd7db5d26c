"""Where each microsecond of a charge goes: samples of the gateway's stacks, sorted into stages.

A sample counts for the innermost frame that some stage claims, so a `send` inside the wire engine
is the wire's.  Threads that wake up or are about to wait are sampled, too.  Shares are of the CPU a
charge that a run without the sampler took just before.  Needs py-spy (`pip install
'isogate[bench]'`) and the right to look into one's own processes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.processes import WARMUP_S, Processes
from bench.progress import watched
from bench.report import Report, row
from bench.setups import DURABLE, EVERYTHING, RELAY, Setup, workplace

if TYPE_CHECKING:
    from collections.abc import Iterable

STAGES: Final = (
    ("garbage collection", ("gc_collect_main",)),
    ("MAC ciphers (libcrypto)", ("libcrypto",)),
    ("card numbers sealed (cryptography)", ("/cryptography/", "/gateway/journal/vault.py")),
    ("SQLite", ("apsw", "libsqlite3")),
    ("codec: parse, patch, MACs", ("/codec/",)),
    ("wire engine", ("/gateway/wire/",)),
    ("journal: records", ("/gateway/journal/",)),
    ("routing: decisions", ("/routing/",)),
    ("gateway: turns and pipeline", ("/gateway/",)),
    ("Trio: tasks, epoll, handing to threads and back", ("/trio/",)),
)
"""A stage, and what in a frame claims it for that stage; the first that fits."""
OTHER: Final = "other"
_TERMINALS: Final = 64
_SECONDS: Final = 3.0
_QUICK_SECONDS: Final = 1.0
_SAMPLES_A_SECOND: Final = 200
_SAMPLES_MIN: Final = 100
_MORE_S: Final = 60.0


def run(*, quick: bool) -> Report:
    """The relay, the journal alone, everything on."""
    report = Report(bench="stages", rows=[])
    sampler = _sampler()
    if sampler is None:
        report.remarks.append("py-spy is needed: pip install 'isogate[bench]'")
        return report
    setups = (EVERYTHING,) if quick else (RELAY, DURABLE, EVERYTHING)
    for setup in watched(setups, "samples of the gateway"):
        _setup(report, setup, sampler, _QUICK_SECONDS if quick else _SECONDS)
    return report


def _sampler() -> str | None:
    beside = Path(sys.executable).with_name("py-spy")
    return str(beside) if beside.exists() else shutil.which("py-spy")


def _setup(report: Report, setup: Setup, sampler: str, seconds: float) -> None:
    with workplace() as folder, Processes(Path(folder), setup) as processes:
        processes.host()
        pid = processes.gateway().pid
        cost = processes.load(_TERMINALS, seconds, pid)
        stacks = Path(folder) / "stacks"
        command = [sampler, "record", "--pid", str(pid), "--subprocesses", "--native"]
        command += ["--full-filenames", "--format", "raw", "--output", str(stacks)]
        command += ["--rate", str(_SAMPLES_A_SECOND), "--duration", str(max(1, int(seconds)))]
        spy = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # noqa: S603
        processes.load(_TERMINALS, seconds + 2 * WARMUP_S, pid)
        said, _ = spy.communicate(timeout=_MORE_S)
        lines = stacks.read_text("utf-8").splitlines() if stacks.exists() else []
    counts = sorted_into_stages(lines)
    total = counts.total()
    if total < _SAMPLES_MIN:
        why = said.decode("utf-8", "replace").strip().rpartition("\n")[2]
        report.remarks.append(f"{setup.name}: {total} samples are too few to tell: {why}")
        return
    where = f"{setup.name}, {_TERMINALS} terminals"
    report.rows.append(row(f"{where}: all", [cost["cpu_us"]], "us of CPU a charge"))
    report.rows.append(row("  of it in the kernel", [cost["system_us"]], "us of CPU a charge"))
    for stage, count in counts.most_common():
        share = cost["cpu_us"] * count / total
        report.rows.append(row(f"  {stage}", [share], "us of CPU a charge"))
    report.remarks.append(f"{where}: shares of {total} samples")


def sorted_into_stages(lines: Iterable[str]) -> Counter[str]:
    """Samples by stage, from lines of `outermost;…;innermost COUNT`."""
    counts: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        counts[_stage(stack)] += int(count)
    return counts


def _stage(stack: str) -> str:
    # What Cython compiled is named as it was given: `(codec/_mac.pyx:9)`.
    for frame in reversed(stack.replace("(", "/").split(";")):
        for stage, claims in STAGES:
            if any(claim in frame for claim in claims):
                return stage
    return OTHER
