"""What a measurement says: rows with a unit, plots, remarks, and the machine they come from."""

from __future__ import annotations

import os
import platform
import ssl
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from bench.verdicts import against_goal, median

_VERSIONS: Final = ("isogate", "apsw", "cython", "msgspec", "pyiso8583", "trio")

_WIDTH: Final = 120


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


class Plot(msgspec.Struct, kw_only=True):
    """Lines over one axis: for each series its points, (x, y) each."""

    title: str
    x: str
    y: str
    series: dict[str, list[tuple[float, float]]]


class Report(msgspec.Struct, kw_only=True):
    """One bench's rows, and what a reader must know to believe them."""

    bench: str
    rows: list[Row]
    remarks: list[str] = []
    plots: list[Plot] = []


class Document(msgspec.Struct, kw_only=True):
    """A run of several benches on one machine: what the JSON file holds."""

    machine: dict[str, str | int]
    reports: list[Report]


def row(what: str, values: list[float], unit: str, goal: float | None = None) -> Row:
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
    )


def fingerprint() -> dict[str, str | int]:
    """Which machine, interpreter and libraries these figures come from."""
    machine: dict[str, str | int] = {
        "cpu": _line("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory": _line("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "compiler": platform.python_compiler(),
        "openssl": ssl.OPENSSL_VERSION,
    }
    machine.update({name: _version(name) for name in _VERSIONS})
    return machine


def _line(file: str, begins: str) -> str:
    for line in Path(file).read_text("utf-8").splitlines():
        if line.startswith(begins):
            return line.partition(":")[2].strip()
    return "unknown"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


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
    verdict = against_goal(figure.values, figure.goal)
    colour = {"met": "green", "missed": "red"}.get(verdict, "yellow")
    return f"≤ {figure.goal:,.2f} [{colour}]{verdict}[/]"


def save(path: Path, document: Document) -> None:
    """The same as JSON, with the machine."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")


def read(path: Path) -> Document:
    """A document that `save` wrote.  Raises OSError, or msgspec.DecodeError for anything else."""
    return msgspec.json.decode(path.read_bytes(), type=Document)
