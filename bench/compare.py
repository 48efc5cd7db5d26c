"""A run beside a saved one: a verdict for each row that both have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from rich.table import Table

from bench.report import wide_console
from bench.verdicts import CONFIDENCE, against_before

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.report import Document, Row
    from bench.verdicts import Interval

_SAME_MACHINE: Final = ("cpu", "cores", "python")
_CARRIES_OVER: Final = ("x", "instructions")
"""Units that mean the same on another machine begin with these."""


class Compared(msgspec.Struct, kw_only=True):
    """One row now and before; the interval is that of now / before."""

    bench: str
    what: str
    unit: str
    now: float
    before: float
    verdict: str
    interval: tuple[float, float] | None


def compared(now: Document, before: Document) -> list[Compared]:
    """Every row that both have, in today's order."""
    same = all(now.machine.get(each) == before.machine.get(each) for each in _SAME_MACHINE)
    known = dict(_rows(before))
    found = []
    for key, each in _rows(now):
        earlier = known.get(key)
        if earlier is not None:
            found.append(_compared(key[0], each, earlier, same_machine=same))
    return found


def _rows(document: Document) -> Iterator[tuple[tuple[str, str, str], Row]]:
    """By bench, name and unit; an indented row belongs to the one above it."""
    for report in document.reports:
        above = ""
        for each in report.rows:
            indented = each.what.startswith(" ")
            above = above if indented else each.what
            name = f"{above}:{each.what}" if indented else each.what
            yield (report.bench, name, each.unit), each


def _compared(bench: str, now: Row, before: Row, *, same_machine: bool) -> Compared:
    verdict: str
    interval: Interval | None
    if same_machine or now.unit.split()[0] in _CARRIES_OVER:
        verdict, interval = against_before(
            now.values, before.values, more_is_better=now.more_is_better
        )
    else:
        verdict, interval = "another machine", None
    return Compared(
        bench=bench,
        what=now.what.strip(),
        unit=now.unit,
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
        span = "" if each.interval is None else f"{each.interval[0]:.2f} to {each.interval[1]:.2f}"
        figures = (f"{each.now:,.2f}", f"{each.before:,.2f}")
        table.add_row(each.bench, each.what, each.unit, *figures, span, each.verdict)
    wide_console().print(table)
