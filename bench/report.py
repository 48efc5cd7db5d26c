"""What a measurement says: rows with a unit, plots, remarks; as a table, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from rich.console import Console
from rich.table import Table

from bench.verdicts import against_goal, median

if TYPE_CHECKING:
    from pathlib import Path

_WIDTH: Final = 120
RATIO: Final = "x"
"""How the unit of a ratio to something measured beside it begins."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One figure: what was measured, the median, its unit, the lowest and highest seen, what it
    should be at most (None: no goal), and each value, for intervals.
    """

    what: str
    median: float
    unit: str
    lowest: float
    highest: float
    goal: float | None = None
    values: list[float] = []
    more_is_better: bool = False
    noise: float = 0.0
    """As `verdicts.noise` says of the yardstick that was measured beside it."""


class Plot(msgspec.Struct, kw_only=True):
    """Lines over one axis: for each series its points, (x, y) each."""

    title: str
    x: str
    y: str
    series: dict[str, list[tuple[float, float]]]


class Bars(msgspec.Struct, kw_only=True):
    """A bar for each name; with several parts, they stand on each other."""

    title: str
    unit: str
    names: list[str]
    parts: dict[str, list[float]]
    """What a part is, and how much of it each name has."""


class Report(msgspec.Struct, kw_only=True):
    """One bench's rows, and what a reader must know to believe them."""

    bench: str
    rows: list[Row]
    remarks: list[str] = []
    plots: list[Plot] = []
    bars: list[Bars] = []
    took_s: float = 0.0

    def bar(self, title: str, unit: str, rows: dict[str, Row]) -> None:
        """A bar for each of these rows' medians."""
        if rows:
            medians = [each.median for each in rows.values()]
            parts = {unit: medians}
            self.bars.append(Bars(title=title, unit=unit, names=list(rows), parts=parts))


class Document(msgspec.Struct, kw_only=True):
    """A run of several benches on one machine: what the JSON file holds."""

    machine: dict[str, str | int]
    reports: list[Report]


def row(
    what: str, values: list[float], unit: str, goal: float | None = None, noise: float = 0.0
) -> Row:
    """A row from repeated measurements.  Units per second are better when there are more."""
    return Row(
        what=what,
        median=median(values),
        unit=unit,
        lowest=min(values),
        highest=max(values),
        goal=goal,
        values=list(values),
        more_is_better=unit.endswith(("/s", "a second")),
        noise=noise,
    )


def verdict(figure: Row) -> str:
    """Of a row with a goal; '' without one."""
    if figure.goal is None:
        return ""
    is_ratio = figure.unit.startswith(RATIO)
    return against_goal(figure.values, figure.goal, figure.noise, is_ratio=is_ratio)


def wide_console() -> Console:
    """A console for tables, that does not squeeze them where nobody's window sets a width."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)


def show(report: Report) -> None:
    """A table for people."""
    table = Table(title=report.bench)
    table.add_column("what")
    for column in ("median", "lowest", "highest"):
        table.add_column(column, justify="right")
    table.add_column("unit")
    has_goals = any(each.goal is not None for each in report.rows)
    if has_goals:
        table.add_column("goal", justify="right")
    for each in report.rows:
        figures = [f"{value:,.2f}" for value in (each.median, each.lowest, each.highest)]
        goal = [_goal(each)] if has_goals else []
        table.add_row(each.what, *figures, each.unit, *goal)
    console = wide_console()
    console.print(table)
    for remark in report.remarks:
        console.print(f"[yellow]note[/]: {remark}")


def _goal(figure: Row) -> str:
    if figure.goal is None:
        return ""
    said = verdict(figure)
    colour = {"met": "green", "missed": "red"}.get(said, "yellow")
    return f"≤ {figure.goal:,.2f} [{colour}]{said}[/]"


def save(path: Path, document: Document) -> None:
    """The same as JSON, with the machine."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")


def read(path: Path) -> Document:
    """A document that `save` wrote.  Raises OSError, or msgspec.DecodeError for anything else."""
    return msgspec.json.decode(path.read_bytes(), type=Document)
