"""Draws each dashboard over a staged incident: `python -m tests.ops.pictures` writes docs/pictures.

The data are Prometheus's own answers to the dashboards' queries; the browser is a real one.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

from gateway.ops.board import Board, Panel, boards
from tests.ops.incident import Incident, staged
from tests.ops.rules import ROOT
from tests.ops.test_incident import asked

PICTURES: Final = ROOT / "docs" / "pictures"
HERE: Final = Path(__file__).parent
DRAWN_WITH: Final = (HERE / "page.html", *sorted((HERE / "vendor").glob("uPlot*.*s")))
WIDTH: Final = 1_500
DRAW_S: Final = 120
LINES_MAX: Final = 12
"""Lines of one chart, those with the largest values; more can't be told apart."""
HOLDS_S: Final = 2
BROWSER: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--allow-file-access-from-files"),
)
_LABEL: Final = re.compile(r"\{\{(\w+)\}\}")


def observed(incident: Incident) -> dict[str, Any]:
    """By dashboard, what its page needs."""
    acts = [
        {
            "name": act.name.replace("_", " "),
            "start": act.start - incident.start,
            "end": act.end - incident.start,
        }
        for act in incident.acts
    ]
    return {
        name: {"title": board.title, "acts": acts, "rows": _rows(incident, board)}
        for name, board in boards().items()
    }


def _rows(incident: Incident, board: Board) -> list[dict[str, Any]]:
    return [
        {"title": row.title, "panels": [_panel(incident, panel) for panel in row.panel]}
        for row in board.row
    ]


def _panel(incident: Incident, panel: Panel) -> dict[str, Any]:
    start, end = round(incident.start), round(incident.end)
    lines = [
        {
            "legend": _told(legend, each["metric"]),
            "values": _values(each["values"], start, end),
        }
        for legend, expr in panel.lines.items()
        for each in incident.prometheus.series(asked(expr), start, end)
    ]
    lines.sort(key=lambda line: -max((v for v in line["values"] if v is not None), default=0))
    return {
        "title": panel.title,
        "says": panel.says,
        "unit": panel.unit,
        "stacked": panel.stacked,
        "times": list(range(end - start + 1)),
        "lines": lines[:LINES_MAX],
    }


def _told(legend: str, labels: dict[str, str]) -> str:
    labels = labels | {"instance": "the gateway"}
    return _LABEL.sub(lambda found: labels.get(found[1], ""), legend)


def _values(found: list[tuple[float, str]], start: int, end: int) -> list[float | None]:
    """Second by second; what was seen a moment ago still holds."""
    known = {round(at): float(value) for at, value in found if math.isfinite(float(value))}
    values: list[float | None] = []
    for at in range(start, end + 1):
        recent = [known[each] for each in range(at, at - HOLDS_S - 1, -1) if each in known]
        values.append(recent[0] if recent else None)
    return values


def draw(data: dict[str, Any], target: Path) -> None:
    """One dashboard as a PNG."""
    browser = shutil.which("chromium")
    assert browser, "Debian's package chromium is not installed"
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for file in DRAWN_WITH:
            shutil.copy(file, folder)
        (folder / "data.js").write_text(f"const DATA = {json.dumps(data)};", "utf-8")
        page = (folder / "page.html").as_uri()
        command = [browser, *BROWSER, f"--user-data-dir={folder / 'profile'}"]
        height = _height([*command, f"--window-size={WIDTH},900", "--dump-dom", page])
        picture = [f"--window-size={WIDTH},{height}", f"--screenshot={target}", page]
        _run([*command, *picture])


def _height(command: list[str]) -> int:
    """How high a window the page wants: it says so in its title."""
    found = re.search(r"<title>(\d+)</title>", _run(command))
    assert found, "the page was not drawn"
    return int(found[1])


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=DRAW_S, check=True)
    return done.stdout


def main() -> None:
    """Stage an incident, or take the data of an earlier one, and draw."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--data", type=Path, help="read the data from this file if it exists, else write it"
    )
    chosen = parser.parse_args()
    if chosen.data and chosen.data.exists():
        data = json.loads(chosen.data.read_text("utf-8"))
    else:
        with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as incident:
            incident.play()
            data = observed(incident)
        if chosen.data:
            chosen.data.write_text(json.dumps(data), "utf-8")
    PICTURES.mkdir(exist_ok=True)
    for name, each in data.items():
        draw(each, PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()
