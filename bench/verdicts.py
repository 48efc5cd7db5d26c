"""What may be concluded from a few values: bootstrap intervals, and a word for each.

Timings on shared machines are few and rough, so a verdict is only given when the whole interval
lies on one side; else the word says that it is open.  Where the yardstick of a run (the floor,
mostly) itself changed too much, intervals are widened by as much as it did: what then still lies on
one side is far enough from its goal, everything else is too noisy to tell.
"""

from __future__ import annotations

import random
import statistics
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CONFIDENCE: Final = 0.95
VALUES_MIN: Final = 3
"""Fewer values make no interval."""
SAME: Final = 0.05
"""Changes of up to this share are called none."""
SPREAD_MAX: Final = 0.3
"""A yardstick that spreads more than this between its runs is noise."""
TOO_NOISY: Final = "too noisy"
_RESAMPLES: Final = 2_000
_SEED: Final = 8583


class Interval(NamedTuple):
    """Where the true value probably lies."""

    low: float
    high: float


def median(values: Sequence[float]) -> float:
    """The middle one; of an even number, the mean of both in the middle."""
    return statistics.median(values)


def interval(values: Sequence[float]) -> Interval:
    """Of the median, by bootstrap."""
    rng = random.Random(_SEED)  # noqa: S311 - the same figures, the same interval
    return _interval(lambda: median(rng.choices(values, k=len(values))))


def ratio_interval(now: Sequence[float], before: Sequence[float]) -> Interval:
    """Of the ratio of both medians, by bootstrap.  All values must be above 0."""
    rng = random.Random(_SEED)  # noqa: S311 - the same figures, the same interval
    return _interval(
        lambda: median(rng.choices(now, k=len(now))) / median(rng.choices(before, k=len(before)))
    )


def _interval(draw: Callable[[], float]) -> Interval:
    drawn = sorted(draw() for _ in range(_RESAMPLES))
    cut = int(_RESAMPLES * (1 - CONFIDENCE) / 2)
    return Interval(drawn[cut], drawn[-1 - cut])


def widened(span: Interval, noise: float) -> Interval:
    """By the share `noise`, to both sides."""
    low = span.low / (1 + noise) if span.low > 0 else span.low * (1 + noise)
    high = span.high * (1 + noise) if span.high > 0 else span.high / (1 + noise)
    return Interval(low, high)


def against_goal(
    values: Sequence[float], goal: float, noise: float = 0.0, *, is_ratio: bool = True
) -> str:
    """`met`, `missed`, or `open` where the interval holds the goal; one value speaks for itself.

    With `noise`, only what is clear in spite of it; else `too noisy`.  A ratio to the yardstick may
    miss its goal clearly; a time of its own may not: where others take the machine, all is slow.
    """
    low, high = widened(interval(values), noise)
    if high <= goal:
        return "met"
    if low > goal and (is_ratio or not noise):
        return "missed"
    return TOO_NOISY if noise else "open"


def against_before(
    now: Sequence[float],
    before: Sequence[float],
    *,
    more_is_better: bool,
    noise: float = 0.0,
) -> tuple[str, Interval | None]:
    """`better`, `worse`, `same`, or why that can't be said; and the interval of now / before."""
    if min(len(now), len(before)) < VALUES_MIN:
        return "too few values", None
    if min(*now, *before) <= 0:
        return "not above 0", None
    ratio = widened(ratio_interval(now, before), noise)
    if ratio.low > 1 + SAME:
        return ("better" if more_is_better else "worse"), ratio
    if ratio.high < 1 - SAME:
        return ("worse" if more_is_better else "better"), ratio
    if ratio.low >= 1 - SAME and ratio.high <= 1 + SAME:
        return "same", ratio
    return TOO_NOISY, ratio


def spread(values: Sequence[float]) -> float:
    """How much more the highest is than the lowest, as a share."""
    return max(values) / min(values) - 1 if min(values) > 0 else float("inf")


def noise(yardstick: Sequence[float]) -> float:
    """By how much a yardstick changed between its runs, where that is too much; else 0."""
    spreads = spread(yardstick)
    return spreads if spreads > SPREAD_MAX else 0.0


def noise_told(where: str, what: str, share: float) -> str:
    """What a reader is told of it."""
    return (
        f"{where}: this machine is too noisy to conclude: {what} spreads by {share:.0%} (more than"
        f" {SPREAD_MAX:.0%}) between runs; only what is clear in spite of it has a verdict."
        " End what else runs here and measure again"
    )
