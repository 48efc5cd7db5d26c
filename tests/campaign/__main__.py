"""The command line of the campaigns; one JSON line a round, in a report file and on stdout."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.campaign import adversity, simulation

CAMPAIGNS = {"adversity": adversity.rounds, "simulation": simulation.rounds}


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
        for line in CAMPAIGNS[wanted.name](wanted.rounds, wanted.first_seed):
            text = json.dumps(line)
            report.write(text + "\n")
            report.flush()
            print(text, flush=True)
            broken += bool(line["broken"])
    print(f"{wanted.rounds} rounds, {broken} broken", file=sys.stderr)
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
