"""Makes Grafana's JSON of the boards; `python -m gateway.ops.grafana` writes `dashboards/`.

Needs `pip install isogate[dashboards]`; who only imports the dashboards does not.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders import common, dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from gateway.ops.board import Board, Panel, Row, boards

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER: Final = Path(__file__).parent / "dashboards"
_SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
_WIDTH: Final = 24
_HEIGHT: Final = 8
_SERIES: Final = re.compile(r"\b((?:gateway|process)_\w+|isogate:[\w:]+|up)\b(\{)?")


def of_instance(expr: str) -> str:
    """The query for the instances that are chosen on the dashboard."""

    def chosen(found: re.Match[str]) -> str:
        labels = 'instance=~"$instance"'
        return f"{found[1]}{{{labels}," if found[2] else f"{found[1]}{{{labels}}}"

    return _SERIES.sub(chosen, expr)


def rendered(name: str, board: Board) -> str:
    """One dashboard, as Grafana imports it."""
    made = (
        dashboard.Dashboard(board.title)
        .uid(f"isogate-{name}")
        .tags(["isogate"])
        .time("now-1h", "now")
        .refresh("30s")
        .readonly()
        .with_variable(
            dashboard.DatasourceVariable("datasource").label("Source").type("prometheus")
        )
        .with_variable(
            dashboard.QueryVariable("instance")
            .label("Gateway")
            .datasource(_SOURCE)
            .query("label_values(gateway_build_info, instance)")
            .multi(True)
            .include_all(True)
        )
    )
    for row in board.row:
        made = made.with_row(dashboard.Row(row.title))
        for panel in _charts(row):
            made = made.with_panel(panel)
    return json.dumps(made.build(), cls=JSONEncoder, indent=1, sort_keys=True) + "\n"


def _charts(row: Row) -> Iterator[timeseries.Panel]:
    width = _WIDTH // len(row.panel)
    for panel in row.panel:
        yield _chart(panel).span(width).height(_HEIGHT)


def _chart(panel: Panel) -> timeseries.Panel:
    stacking = StackingMode.NORMAL if panel.stacked else StackingMode.NONE
    chart = (
        timeseries.Panel()
        .title(panel.title)
        .description(panel.says)
        .datasource(_SOURCE)
        .unit(panel.unit)
        .axis_soft_min(0)
        .show_points(VisibilityMode.NEVER)
        .fill_opacity(20 if panel.stacked else 0)
        .stacking(common.StackingConfig().mode(stacking))
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
    )
    for number, (legend, expr) in enumerate(panel.lines.items()):
        query = prometheus.Dataquery().expr(of_instance(expr)).legend_format(legend)
        chart = chart.with_target(query.ref_id(chr(ord("A") + number)))
    return chart


def write(folder: Path = FOLDER) -> None:
    """Write every dashboard."""
    for name, board in boards().items():
        (folder / f"{name}.json").write_text(rendered(name, board), "utf-8")


if __name__ == "__main__":
    write()
