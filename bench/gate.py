"""`python -m bench.gate`: has the codec become slower?  By instructions: noise decides nothing.

Each operation runs under callgrind, a few times and twice as often; the difference is its cost.
Counts hold for one toolchain only: `gate.json` keeps them by fingerprint.  Under an unknown one the
parent commit is built and counted in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from bench.machine import fingerprint
from bench.report import Report, row, show
from bench.rows import batches, rows

ROOT: Final = Path(__file__).parents[1]
BASELINE: Final = Path(__file__).parent / "gate.json"
MORE_MAX: Final = 0.03
"""So much above its baseline an operation may be."""
_CALLS: Final = 200
_RUN_S_MAX: Final = 300.0
_BUILD_S_MAX: Final = 600.0


def instructions(what: str, tree: Path = ROOT) -> float:
    """Instructions of one call of the operation `what`, with the codec of `tree`."""
    return (_counted(what, 2 * _CALLS, tree) - _counted(what, _CALLS, tree)) / _CALLS


def _counts(tree: Path) -> dict[str, float]:
    """Of every operation that this tree's codec has; counts are the same beside each other."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counted = {what: pool.submit(instructions, what, tree) for what in rows() | batches()}
    counts = {}
    for what, count in counted.items():
        try:
            counts[what] = count.result()
        except subprocess.CalledProcessError:
            if tree == ROOT:
                raise
    return counts


def _counted(what: str, calls: int, tree: Path) -> int:
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    # -P: else this folder would come first, whose codec.py is another one.
    command += [sys.executable, "-P", str(Path(__file__).with_name("rows.py")), what, str(calls)]
    done = subprocess.run(  # noqa: S603 - valgrind and ourselves
        command,
        env=os.environ | {"PYTHONHASHSEED": "0", "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        timeout=_RUN_S_MAX,
        check=True,
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        message = "valgrind said nothing of what it collected"
        raise RuntimeError(message)
    return int(found[1])


def toolchain() -> str:
    """What the counts depend on besides our code."""
    compiler = subprocess.run(  # noqa: S603 - the user's compiler
        [os.environ.get("CC", "cc"), "--version"], capture_output=True, text=True, check=True
    )
    try:
        cython = version("cython")
    except PackageNotFoundError:
        cython = "as pinned"
    return "; ".join(
        (
            f"{platform.machine()} {fingerprint()['cpu']}",
            f"{platform.python_implementation()} {platform.python_version()}",
            platform.python_compiler(),
            compiler.stdout.partition("\n")[0],
            f"Cython {cython}",
            ssl.OPENSSL_VERSION,
        )
    )


def _baseline() -> tuple[dict[str, float], str]:
    known: dict[str, dict[str, float]] = json.loads(BASELINE.read_bytes())
    if toolchain() in known:
        return known[toolchain()], "the committed counts"
    with tempfile.TemporaryDirectory() as folder:
        parent = Path(folder)
        _build_parent(parent)
        return _counts(parent), "the parent commit"


def _build_parent(tree: Path) -> None:
    archive = tree / "parent.tar"
    for command in (
        ["git", "-C", str(ROOT), "archive", "-o", str(archive), "HEAD^"],
        ["tar", "-xf", str(archive), "-C", str(tree)],
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
    ):
        subprocess.run(command, cwd=tree, check=True, capture_output=True, timeout=_BUILD_S_MAX)  # noqa: S603


def main() -> int:
    """Exit code: 0 nothing has become slower, 1 something has, 2 it can't be measured here."""
    parser = argparse.ArgumentParser(prog="python -m bench.gate", description=__doc__)
    parser.add_argument("--accept", action="store_true", help="keep today's counts as the baseline")
    chosen = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("gate: valgrind is needed: install it", file=sys.stderr)
        return 2
    counts = _counts(ROOT)
    if chosen.accept:
        _accept(counts)
        return 0
    try:
        before, whose = _baseline()
    except subprocess.CalledProcessError as error:
        print(f"gate: nothing to compare with: {error}", file=sys.stderr)
        return 2
    report = Report(bench=f"instructions, beside {whose}", rows=[])
    for what, count in counts.items():
        goal = before[what] * (1 + MORE_MAX) if what in before else None
        report.rows.append(row(what, [count], "instructions", goal))
    show(report)
    return int(any(each.goal is not None and each.median > each.goal for each in report.rows))


def _accept(counts: dict[str, float]) -> None:
    known = json.loads(BASELINE.read_bytes()) | {toolchain(): counts}
    BASELINE.write_text(json.dumps(known, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
