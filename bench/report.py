"""What a measurement says: rows with a unit, and the two forms they are shown in."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One figure: what was measured, the median, its unit, the lowest and highest seen, and what it
    should be at most (None: no goal).
    """

    what: str
    median: float
    unit: str
    lowest: float
    highest: float
    goal: float | None = None


class Report(msgspec.Struct, kw_only=True):
    """One bench's rows, and what a reader must know to believe them."""

    bench: str
    rows: list[Row]
    remarks: list[str] = []


def row(what: str, values: list[float], unit: str, goal: float | None = None) -> Row:
    """A row from repeated measurements; the median of an even number is the upper one."""
    values = sorted(values)
    middle = values[len(values) // 2]
    return Row(what=what, median=middle, unit=unit, lowest=values[0], highest=values[-1], goal=goal)


def fingerprint() -> dict[str, Any]:
    """Which machine and interpreter these figures come from."""
    cpu = "unknown"
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


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
    console = Console()
    console.print(table)
    for remark in report.remarks:
        console.print(f"[yellow]note[/]: {remark}")


def _goal(figure: Row) -> str:
    if figure.goal is None:
        return ""
    met = figure.median <= figure.goal
    return f"≤ {figure.goal:,.2f}" if met else f"[red]≤ {figure.goal:,.2f} missed[/]"


def save(path: Path, reports: list[Report]) -> None:
    """The same as JSON, with the machine."""
    content = {"machine": fingerprint(), "reports": reports}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content)) + b"\n")
