"""Many seeds in their order, from one process or several."""

from __future__ import annotations

import multiprocessing
import re
import threading
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tests.simulation import mutations
from tests.simulation.faults import EVENTS, HABITS, MOODS, WHOLE
from tests.simulation.shrink import Shrinker
from tests.simulation.story import told
from tests.simulation.world import Outcome, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


_AHEAD: Final = 8
"""Seeds that wait for each process."""


def one(seed: int, mutation: str | None = None, **how: Any) -> Outcome:
    """One seed, with a deliberate bug if one is named."""
    bug = mutations.ALL[mutation].applied() if mutation is not None else nullcontext()
    try:
        with bug:
            return run(seed, **how)
    except Exception as error:
        error.add_note(f"the simulator itself failed on seed {seed}")
        raise


def story(outcome: Outcome, mutation: str | None = None) -> list[str]:
    """What a person reads of a failing seed: shrunk, and only the charge that it is about."""
    seed, first = outcome.seed, outcome.violations[0]
    shrinker = Shrinker(first.invariant, lambda milder: one(seed, mutation, severity=milder))
    suspect = re.search(r"T\d{7}", first.what)
    mildest = shrinker.run(outcome.terminals, suspect.group() if suspect else "")
    again = one(seed, mutation, severity=mildest, tells=True)
    broken = [each for each in again.violations if each.invariant == first.invariant]
    there = ", ".join(sorted(mildest.only)) if mildest.only else "everybody"
    needed = [each for each in (*WHOLE, *EVENTS, *MOODS, *HABITS) if each not in mildest.without]
    return [
        *told(seed, broken, again.story),
        f"terminals: {there}",
        f"needed of the faults: {', '.join(needed) or 'none'}",
    ]


def outcomes(seeds: Iterable[int], mutation: str | None = None, jobs: int = 1) -> Iterator[Outcome]:
    """Each seed's outcome, in the order of `seeds`, whatever the number of processes."""
    run_one = partial(one, mutation=mutation)
    if jobs == 1:
        yield from map(run_one, seeds)
        return
    over = threading.Event()
    ahead = threading.Semaphore(_AHEAD * jobs)

    def few_ahead() -> Iterator[int]:
        """A pool takes all that there is at once, and `seeds` may look at the clock."""
        for seed in seeds:
            ahead.acquire()
            if over.is_set():
                return
            yield seed

    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        try:
            for outcome in pool.imap(run_one, few_ahead()):
                ahead.release()
                yield outcome
        finally:
            over.set()
            ahead.release()


def totals(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """The sums over several seeds."""
    return {
        "seeds": len(outcomes),
        "charges": sum(each.charges for each in outcomes),
        "reversals": sum(each.reversals for each in outcomes),
        "kills": sum(each.kills for each in outcomes),
        "violations": sum(len(each.violations) for each in outcomes),
        "virtual_hours": round(sum(each.virtual_s for each in outcomes) / 3600, 2),
    }
