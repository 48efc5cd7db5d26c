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
from typing import TYPE_CHECKING, Any, Final

from bench.processes import WARMUP_S
from bench.progress import watched
from bench.report import Bars, Report, row
from bench.setups import DURABLE, EVERYTHING, RELAY, Setup
from bench.side import Side, running

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
_SECONDS: Final = 1.0
_SLICES: Final = 3
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
    slices = 1 if quick else _SLICES
    found = {}
    for setup in watched(setups, "samples of the gateway"):
        medians = _setup(report, setup, sampler, slices)
        if medians:
            found[setup.name] = medians
    if found:
        stages = [stage for stage, _ in STAGES] + [OTHER]
        parts = {stage: [each.get(stage, 0.0) for each in found.values()] for stage in stages}
        title, unit = "Where a charge's CPU goes", "us of CPU a charge"
        report.bars.append(Bars(title=title, unit=unit, names=list(found), parts=parts))
    return report


def _sampler() -> str | None:
    beside = Path(sys.executable).with_name("py-spy")
    return str(beside) if beside.exists() else shutil.which("py-spy")


def _setup(report: Report, setup: Setup, sampler: str, slices: int) -> dict[str, float]:
    """Rows of one setup; what each stage takes, in the middle of all slices."""
    costs: list[dict[str, Any]] = []
    shares: dict[str, list[float]] = {}
    samples = 0
    with running(setup) as side:
        for _ in range(slices):
            costs.append(side.load(_TERMINALS, _SECONDS))
            counts, said = _sampled(side, sampler)
            total = counts.total()
            if total < _SAMPLES_MIN:
                report.remarks.append(f"{setup.name}: {total} samples are too few to tell: {said}")
                return {}
            samples += total
            for stage in (*(each for each, _ in STAGES), OTHER):
                share = costs[-1]["cpu_us"] * counts[stage] / total
                shares.setdefault(stage, []).append(share)
    where, unit = f"{setup.name}, {_TERMINALS} terminals", "us of CPU a charge"
    report.rows.append(row(f"{where}: all", [each["cpu_us"] for each in costs], unit))
    kernel = [each["system_us"] for each in costs]
    report.rows.append(row("  of it in the kernel", kernel, unit))
    told = {stage: row(f"  {stage}", values, unit) for stage, values in shares.items()}
    report.rows += sorted(told.values(), key=lambda each: -each.median)
    report.remarks.append(f"{where}: shares of {samples} samples")
    return {stage: each.median for stage, each in told.items()}


def _sampled(side: Side, sampler: str) -> tuple[Counter[str], str]:
    """Samples by stage while the load is on; and the last thing that the sampler said."""
    stacks = side.processes.folder / "stacks"
    command = [sampler, "record", "--pid", str(side.pid), "--subprocesses", "--native"]
    command += ["--full-filenames", "--format", "raw", "--output", str(stacks)]
    command += ["--rate", str(_SAMPLES_A_SECOND), "--duration", str(max(1, int(_SECONDS)))]
    spy = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # noqa: S603
    side.load(_TERMINALS, _SECONDS + 2 * WARMUP_S)
    said, _ = spy.communicate(timeout=_MORE_S)
    lines = stacks.read_text("utf-8").splitlines() if stacks.exists() else []
    stacks.unlink(missing_ok=True)
    return sorted_into_stages(lines), said.decode("utf-8", "replace").strip().rpartition("\n")[2]


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
