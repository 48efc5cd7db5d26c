"""`python -m tests.simulation`: many seeds, one seed as a story, or one deliberate bug."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from bench import pure
from tests.simulation import many, mutations
from tests.simulation.chance import Chance
from tests.simulation.faults import Faults, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 all held, 1 a promise was broken (with --mutation: as it should be)."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds")
    parser.add_argument("--first-seed", type=int, default=0, help="the first of them")
    parser.add_argument(
        "--for-s", type=float, default=0.0, help="and more of them for so many seconds in all"
    )
    parser.add_argument("--jobs", type=int, default=1, help="so many processes share the seeds")
    parser.add_argument(
        "--crowded", action="store_true", help="only seeds whose street has 200 terminals"
    )
    parser.add_argument("--seed", type=int, help="replay one seed and tell its story")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--list-mutations", action="store_true", help="the deliberate bugs")
    parser.add_argument("--mutation", choices=sorted(mutations.ALL), help="run with this bug")
    chosen = parser.parse_args(arguments)
    if chosen.list_mutations:
        for name, mutation in mutations.ALL.items():
            print(f"{name}: {mutation.what}")
        return 0
    if chosen.mutation and not pure.is_wanted():
        return _again_from_source(arguments)
    if chosen.seed is not None:
        return _tell(chosen.seed, chosen.mutation)
    return _many(chosen)


def _again_from_source(arguments: Sequence[str] | None) -> int:
    """In compiled classes no bug can be put."""
    command = [sys.executable, "-m", "tests.simulation", *(arguments or sys.argv[1:])]
    return subprocess.run(command, env=os.environ | {pure.VARIABLE: "1"}, check=False).returncode


def _tell(seed: int, mutation: str | None) -> int:
    outcome = many.one(seed, mutation)
    if not outcome.violations:
        print(f"seed {seed}: {outcome.charges} charges, no promise was broken")
        return 0
    print("\n".join(many.story(outcome, mutation)))
    return 1


def _seeds(chosen: argparse.Namespace) -> Iterator[int]:
    """As many as wanted, and then more while there is time."""
    end = time.monotonic() + chosen.for_s
    fitting = (
        seed
        for seed in itertools.count(chosen.first_seed)
        if not chosen.crowded or Faults(Chance(seed), Severity()).crowded
    )
    for number, seed in enumerate(fitting):
        if number >= chosen.seeds and time.monotonic() >= end:
            return
        yield seed


def _many(chosen: argparse.Namespace) -> int:
    began = time.perf_counter()
    outcomes = []
    for outcome in many.outcomes(_seeds(chosen), chosen.mutation, chosen.jobs):
        outcomes.append(outcome)
        for violation in outcome.violations:
            print(f"seed {outcome.seed}: invariant {violation.invariant} at {violation.at_s:.3f} s:"
                  f" {violation.what}", file=sys.stderr)  # fmt: skip
        if outcome.violations:
            extra = f" --mutation {chosen.mutation}" if chosen.mutation else ""
            replay = f"python -m tests.simulation --seed {outcome.seed}{extra}"
            print(f"replay: {replay}", file=sys.stderr)
            if chosen.mutation:
                break
    summary = many.totals(outcomes) | {"wall_seconds": round(time.perf_counter() - began, 1)}
    more = {"first_seed": chosen.first_seed, "cpu_seconds": round(sum(os.times()[:4]), 1)}
    lines = "\n".join(f"{name}: {value}" for name, value in (more | summary).items())
    print(json.dumps(summary) if chosen.json else lines)
    return bool(summary["violations"])


if __name__ == "__main__":
    sys.exit(main())
