"""A run beside a saved one: a verdict for each row; one that only one of both has is told, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from rich.table import Table

from bench.report import RATIO, wide_console
from bench.verdicts import CONFIDENCE, against_before

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.report import Document, Row
    from bench.verdicts import Interval

_Key = tuple[str, str, str]
_SAME_MACHINE: Final = ("cpu", "cores", "python")
_CARRIES_OVER: Final = (RATIO, "instructions")
"""Units that mean the same on another machine begin with these."""


ONLY_NOW: Final = "not in the baseline"
ONLY_BEFORE: Final = "only in the baseline"


class Compared(msgspec.Struct, kw_only=True):
    """One row now and before; the interval is that of now / before."""

    bench: str
    what: str
    unit: str
    now: float | None
    before: float | None
    verdict: str
    interval: tuple[float, float] | None = None


def compared(now: Document, before: Document) -> list[Compared]:
    """Every row of today's run in its order, then those that only the other has: of benches that
    ran today."""
    same = all(now.machine.get(each) == before.machine.get(each) for each in _SAME_MACHINE)
    rows, known = dict(_rows(now)), dict(_rows(before))
    ran = {report.bench for report in now.reports}
    found = []
    for key, each in rows.items():
        earlier = known.get(key)
        if earlier is None:
            found.append(_alone(key, each.median, None, ONLY_NOW))
        else:
            found.append(_compared(key, each, earlier, same_machine=same))
    for key, earlier in known.items():
        if key not in rows and key[0] in ran:
            found.append(_alone(key, None, earlier.median, ONLY_BEFORE))
    return found


def _alone(key: _Key, now: float | None, before: float | None, verdict: str) -> Compared:
    bench, what, unit = key
    return Compared(bench=bench, what=what, unit=unit, now=now, before=before, verdict=verdict)


def _rows(document: Document) -> Iterator[tuple[_Key, Row]]:
    """By bench, name and unit; an indented row belongs to the one above it."""
    for report in document.reports:
        above = ""
        for each in report.rows:
            indented = each.what.startswith(" ")
            above = above if indented else each.what
            name = f"{above}: {each.what.strip()}" if indented else each.what
            yield (report.bench, name, each.unit), each


def _compared(key: _Key, now: Row, before: Row, *, same_machine: bool) -> Compared:
    verdict: str
    interval: Interval | None
    if same_machine or now.unit.split()[0] in _CARRIES_OVER:
        verdict, interval = against_before(
            now.values,
            before.values,
            more_is_better=now.more_is_better,
            noise=max(now.noise, before.noise),
        )
    else:
        verdict, interval = "another machine", None
    bench, what, unit = key
    return Compared(
        bench=bench,
        what=what,
        unit=unit,
        now=now.median,
        before=before.median,
        verdict=verdict,
        interval=None if interval is None else (interval.low, interval.high),
    )


def show(rows: list[Compared]) -> None:
    """A table for people."""
    table = Table(title=f"Beside the baseline (now / before, {CONFIDENCE:.0%} interval)")
    for column in ("bench", "what", "unit"):
        table.add_column(column)
    for column in ("now", "before", "interval", "verdict"):
        table.add_column(column, justify="right")
    for each in rows:
        table.add_row(each.bench, each.what, each.unit, *cells(each), each.verdict)
    wide_console().print(table)


def cells(each: Compared) -> tuple[str, str, str]:
    """Now, before, and the interval of their ratio, as they are shown."""
    span = "" if each.interval is None else f"{each.interval[0]:.2f} to {each.interval[1]:.2f}"
    now, before = ("" if value is None else f"{value:,.2f}" for value in (each.now, each.before))
    return now, before, span
