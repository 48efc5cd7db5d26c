"""Rounds of `kill -9` under load: what happens in one, and what must hold after it.

The test runs a few, the campaign as many as it is told.
"""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path
from typing import Final, NamedTuple

from tests.adversity import books
from tests.adversity.stage import Stage, stop

TERMINALS: Final = 64
END_S: Final = 45.0
LOAD_S: Final = 20


class Round(NamedTuple):
    """What one round came to."""

    killed_after_s: float
    verdict: books.Verdict
    audit: dict[str, object]


def play(folder: Path, seed: int, *host_options: str, lives: int = 2) -> Round:
    """Load, kill, restart (so many lives killed), all charges to their end; the books compared."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    host_book = folder / "host.tsv"
    terminal_books = []
    pauses = []
    with Stage(folder, service__delivery_proof_s=2, host__0__answer_timeout_s=1) as stage:
        host = stage.host(host_book, *host_options)
        for life in range(lives):
            gateway = stage.gateway()
            book = folder / f"terminals-{life}.tsv"
            terminal_books.append(book)
            size = ("--conns", str(TERMINALS), "--seconds", str(LOAD_S))
            # Other terminals in each life: these don't carry an open request over a restart.
            terminals = stage.terminals(book, *size, "--term-base", str(life * TERMINALS))
            pauses.append(chance.uniform(0.3, 1.5))
            time.sleep(pauses[-1])
            gateway.kill()
            gateway.wait()
            stop_terminals(terminals)
        gateway = stage.gateway()
        report = stage.until_all_ended(END_S)
        assert stop(gateway) == 0
        assert stop(host) == 0
    verdict = books.compare(books.told(terminal_books), books.booked([host_book]))
    return Round(sum(pauses), verdict, report)


def stop_terminals(process: subprocess.Popen[bytes]) -> None:
    """End the load; it writes its book.  Its exit status counts the kill as an error."""
    process.terminate()
    process.wait(10)


def summary(outcome: Round) -> dict[str, object]:
    """One line for people and report files."""
    verdict = outcome.verdict
    return {
        "charges": verdict.charges,
        "kept": verdict.kept,
        "told_and_reversed": verdict.told_and_reversed.total(),
        "never_arrived": verdict.never_arrived,
        "charged_without_service": len(verdict.charged_without_service),
        "reversed_twice": len(verdict.reversed_twice),
        "broken": broken(outcome),
    }


def broken(outcome: Round) -> list[str]:
    """What of the promise does not hold after a round; empty if all does."""
    verdict, audit = outcome.verdict, outcome.audit
    found = []
    for name in ("charged_without_service", "reversed_twice", "told_unbooked"):
        lines = getattr(verdict, name)
        if lines:
            found.append(f"{name}: {len(lines)}, first {lines[0]}")
    worst = max(verdict.told_and_reversed.values(), default=0)
    if worst > 1:
        found.append(f"a terminal was told 00 and reversed {worst} times in one life")
    if audit["violations"]:
        found.append(f"audit: {audit['violations']}")
    if audit["charges"] != verdict.charges + verdict.never_arrived:
        known = f"{verdict.charges} and {verdict.never_arrived} that it only saw reversed"
        found.append(f"journal has {audit['charges']} charges, the host {known}")
    if audit["served"] != verdict.kept:
        found.append(f"journal has {audit['served']} served, the host kept {verdict.kept}")
    if not verdict.charges:
        found.append("no charge reached the host")
    return found
