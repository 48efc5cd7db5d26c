"""A fuzz campaign: `python -m tests.fuzz --seconds 60 --seed 1 --report FILE`.

Everything follows from the seed: the n-th input of a target is the same in every run.  A violation
is written down with the input that caused it, and the exit status is 1.  With `--save DIRECTORY`
such inputs are kept; once the cause is mended they join `corpus/`.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.fuzz.inputs import damaged, good
from tests.fuzz.targets import TARGETS

_BATCH: Final = 500
_DAMAGES_PER_INPUT: Final = 10
_FINDINGS_MAX: Final = 20


def fuzz(target: str, seed: int, seconds: float) -> dict[str, Any]:
    """Run one target for so long; what came of it."""
    random = Random(f"{target} {seed}")  # noqa: S311 - a repeatable one is wanted
    executions = 0
    findings: list[dict[str, str]] = []
    began = time.monotonic()
    while time.monotonic() - began < seconds and len(findings) < _FINDINGS_MAX:
        for _ in range(_BATCH):
            data = good(target, random)
            executions += 1 + _DAMAGES_PER_INPUT
            for candidate in (data, *(damaged(data, random) for _ in range(_DAMAGES_PER_INPUT))):
                try:
                    TARGETS[target](candidate)
                except Exception as error:
                    findings.append({"input": candidate.hex(), "error": repr(error)})
    spent = time.monotonic() - began
    return {
        "target": target,
        "executions": executions,
        "seconds": round(spent, 1),
        "findings": findings,
    }


def main() -> int:
    """Fuzz, report, and say by the exit status whether anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of all targets together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", choices=sorted(TARGETS), action="append")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    targets = options.target or sorted(TARGETS)
    runs = [fuzz(target, options.seed, options.seconds / len(targets)) for target in targets]
    report = {
        "seed": options.seed,
        "executions": sum(run["executions"] for run in runs),
        "findings": sum(len(run["findings"]) for run in runs),
        "versions": {"python": platform.python_version(), "pyiso8583": version("pyiso8583")},
        "targets": runs,
    }
    text = json.dumps(report, indent=1)
    if options.report:
        options.report.write_text(text + "\n")
    print(text)
    if options.save:
        save(runs, options.save)
    return 1 if report["findings"] else 0


def save(runs: list[dict[str, Any]], directory: Path) -> None:
    """Keep the inputs that caused findings, a file each."""
    for run in runs:
        place = directory / run["target"]
        place.mkdir(parents=True, exist_ok=True)
        for number, finding in enumerate(run["findings"]):
            (place / f"finding-{number}.bin").write_bytes(bytes.fromhex(finding["input"]))


if __name__ == "__main__":
    sys.exit(main())
