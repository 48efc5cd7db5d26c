"""Latency by an open-loop generator: it sends when the time has come, and counts from then.

A rate sweep, and the tail at half of the maximum rate beside the floor's, with the p99 of one
durable commit of the same size measured in between.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.durability import commits
from bench.progress import watched
from bench.report import Plot, Report, row
from bench.setups import EVERYTHING, RELAY, Setup, workplace
from bench.side import maximum, one, running
from bench.verdicts import median, noise, noise_told

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS: Final = 3
_QUICK_ROUNDS: Final = 2
_TERMINALS: Final = 512
_QUICK_TERMINALS: Final = 64
_SECONDS: Final = 2.0
_QUICK_SECONDS: Final = 0.4
_SWEEP_SECONDS: Final = 0.8
_SHARES: Final = (0.1, 0.3, 0.5, 0.7, 0.9)
_HALF: Final = 0.5
_RECORDS_A_CHARGE: Final = 3
_COMMITS: Final = 200
_QUICK_COMMITS: Final = 40
_COMMITS_ALLOWED: Final = 4
_ALLOWED_US: Final = 1_000.0
_BEHIND_SHARE: Final = 0.01
"""Of a run's charges: so many sends may be due at its end with no terminal free."""
_PERCENTILES: Final = ("p50_us", "p90_us", "p99_us", "p99_9_us", "max_us")


def run(*, quick: bool) -> Report:
    """The relay and everything on, each with its own maximum."""
    terminals = _QUICK_TERMINALS if quick else _TERMINALS
    seconds = _QUICK_SECONDS if quick else _SECONDS
    report = Report(bench="latency", rows=[])
    for setup in (RELAY, EVERYTHING):
        rounds = _QUICK_ROUNDS if quick else ROUNDS
        most = maximum(setup, terminals, seconds / 2, rounds)
        report.rows.append(row(f"{setup.name}, {terminals} terminals: maximum", most, "charges/s"))
        _half(report, setup, terminals, seconds, rounds, median(most) * _HALF)
        if not quick:
            _sweep(report, setup, terminals, median(most))
    return report


def _half(
    report: Report, setup: Setup, terminals: int, seconds: float, rounds: int, rate: float
) -> None:
    """Rounds of floor and gateway at the same rate."""
    floors: list[dict[str, Any]] = []
    ours: list[dict[str, Any]] = []
    commits_us: list[float] = []
    for _ in watched(range(rounds), f"half of the maximum: {setup.name}"):
        floors.append(one(None, terminals, seconds, rate=rate))
        ours.append(one(setup, terminals, seconds, rate=rate, settled=True))
        if "metrics" in ours[-1]:
            size = _charges_a_commit(ours[-1]["metrics"])
            commits_us.append(_commit_p99_us(size, seconds))
    # The rate is no part of a name: it changes from run to run, and rows are compared by name.
    where = f"{setup.name}, {terminals} terminals, half of the maximum"
    noisy = beside_floor(report, where, ours, floors, commits_us)
    report.rows.append(row("  sent", [each["rate"] for each in ours], "charges/s"))
    for figure in _PERCENTILES:
        unit = f"us, {figure.removesuffix('_us').replace('_', '.')}"
        for who, loads in ((where, ours), ("  the floor beside it", floors)):
            report.rows.append(row(who, [each[figure] for each in loads], unit, noise=noisy))
    _behind(report, where, ours)


def beside_floor(
    report: Report,
    where: str,
    ours: Sequence[dict[str, Any]],
    floors: Sequence[dict[str, Any]],
    commits_us: list[float],
) -> float:
    """What the gateway adds to the floor's p99, round by round, and what it may; the noise."""
    noisy = noise([each["cpu_us"] for each in floors])
    if noisy:
        report.remarks.append(noise_told(where, "CPU a charge of the floor", noisy))
    tail = median([each["p99_us"] for each in floors])
    if tail > _ALLOWED_US:
        noisy = max(noisy, tail / _ALLOWED_US)
        report.remarks.append(
            f"{where}: this machine is too noisy to conclude: the floor's own p99 is"
            f" {tail / 1e3:.1f} ms, more than the gateway may add to it"
        )
    added = [a["p99_us"] - b["p99_us"] for a, b in zip(ours, floors, strict=True)]
    goal = None if commits_us else _ALLOWED_US
    report.rows.append(row(f"{where}: added to the floor's", added, "us, p99", goal, noisy))
    if commits_us:
        report.rows.append(
            row("  one commit of that size, beside it", commits_us, "us, p99", noise=noisy)
        )
        # Each round against what its own commit allows: the disk may have changed in between.
        allowed = [_COMMITS_ALLOWED * each + _ALLOWED_US for each in commits_us]
        shares = [a / b for a, b in zip(added, allowed, strict=True)]
        what = f"  added, by {_COMMITS_ALLOWED} commits + {_ALLOWED_US / 1e3:.0f} ms"
        report.rows.append(row(what, shares, "x of what is allowed", 1.0, noisy))
    return noisy


def _charges_a_commit(metrics: dict[str, float]) -> int:
    """As many as the gateway itself had in a commit of that run."""
    commits_ = max(metrics["gateway_journal_commit_seconds_count"], 1.0)
    records = metrics["gateway_journal_records_total"]
    return max(1, round(records / commits_ / _RECORDS_A_CHARGE))


def _commit_p99_us(charges: int, seconds: float) -> float:
    """Of commits of so many charges, through the journal, with nothing else going on."""
    count = _COMMITS if seconds >= _SECONDS else _QUICK_COMMITS
    with workplace() as folder:
        took = sorted(commits(Path(folder) / "journal.db", charges, count))
    return took[int(len(took) * 0.99)] * 1e6


def _behind(report: Report, where: str, runs: Sequence[dict[str, Any]]) -> None:
    late = max(each["behind"] for each in runs)
    if late > _BEHIND_SHARE * max(each["count"] for each in runs):
        report.remarks.append(
            f"{where}: {late:,.0f} sends were due with no terminal free at the end of a run: the"
            " rate was more than could be carried, and the true tail is longer"
        )


def _sweep(report: Report, setup: Setup, terminals: int, most: float) -> None:
    """Latency as the rate grows, ours and the floor's; each rate on fresh processes."""
    series: dict[str, list[tuple[float, float]]] = {}
    for share in watched(_SHARES, f"rate sweep: {setup.name}"):
        rate = most * share
        with running(setup) as side:
            ours = [side.load(terminals, _SWEEP_SECONDS, rate=rate) for _ in range(ROUNDS)]
        floor = one(None, terminals, _SWEEP_SECONDS, rate=rate)
        for figure in ("p50_us", "p99_us"):
            for who, loads in ((setup.name, ours), ("floor", [floor])):
                name = f"{who}, {figure.removesuffix('_us')}"
                y = median([each[figure] for each in loads])
                series.setdefault(name, []).append((rate, y))
        where = f"{setup.name} at {share:.0%} of the maximum"
        for figure, unit in (("p99_us", "us, p99"), ("cpu_us", "us of CPU a charge")):
            report.rows.append(row(where, [each[figure] for each in ours], unit))
        _behind(report, where, ours)
    title = f"Latency by rate: {setup.name}"
    report.plots.append(Plot(title=title, x="charges/s", y="µs", series=series))
