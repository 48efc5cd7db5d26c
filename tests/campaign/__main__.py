"""The command line of the campaigns; one JSON line a round, in a report file and on stdout.

A report opens with what was run: the commit, whether the tree was as committed, and versions.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from tests.campaign import adversity, demo, fuzz, simulation

CAMPAIGNS = {
    "adversity": adversity.rounds,
    "demo": demo.rounds,
    "fuzz": fuzz.rounds,
    "simulation": simulation.rounds,
}
_VERSIONS = ("apsw", "cryptography", "cython", "msgspec", "pyiso8583", "trio")


def main() -> int:
    """Run one campaign; 1 if a round broke the promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign")
    parser.add_argument("name", choices=sorted(CAMPAIGNS))
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--report", type=Path, default=Path("campaign.jsonl"))
    wanted = parser.parse_args()
    broken = 0
    with wanted.report.open("w", encoding="utf-8") as report:
        for line in _lines(wanted):
            text = json.dumps(line)
            report.write(text + "\n")
            report.flush()
            print(text, flush=True)
            broken += bool(line.get("broken"))
    print(f"{wanted.rounds} rounds, {broken} broken", file=sys.stderr)
    return int(broken > 0)


def _lines(wanted: argparse.Namespace) -> Iterator[dict[str, object]]:
    yield {
        "campaign": wanted.name,
        "rounds": wanted.rounds,
        "first_seed": wanted.first_seed,
        "commit": _git("rev-parse", "HEAD"),
        "tree_as_committed": _git("status", "--porcelain", "--untracked-files=no") == "",
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in _VERSIONS},
    }
    yield from CAMPAIGNS[wanted.name](wanted.rounds, wanted.first_seed)


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else "unknown"


if __name__ == "__main__":
    sys.exit(main())
