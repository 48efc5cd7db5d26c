"""The dashboards as data: what operators look at, and in which order; one file each in `boards/`.

Queries name neither a data source nor an instance: both are chosen on the dashboard.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

import msgspec

FOLDER: Final = Path(__file__).parent / "boards"


class Panel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One chart."""

    title: str
    says: str
    """What a reader should make of it."""
    unit: str
    """As Grafana calls it: s, reqps, percentunit, bytes, short, none."""
    lines: dict[str, str]
    """By legend, the query: one line, or one for each value of the labels in the legend."""
    stacked: bool = False


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Charts side by side."""

    title: str
    panel: tuple[Panel, ...]


class Board(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One dashboard."""

    title: str
    row: tuple[Row, ...]


def boards() -> dict[str, Board]:
    """By name."""
    return {
        path.stem: msgspec.convert(tomllib.loads(path.read_text("utf-8")), Board)
        for path in sorted(FOLDER.glob("*.toml"))
    }
