"""The report as one HTML file: tables, plots as inline SVG, nothing loaded from anywhere."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any, Final

from bench.compare import cells
from bench.report import verdict
from bench.verdicts import TOO_NOISY, interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.compare import Compared
    from bench.report import Bars, Document, Plot, Report, Row

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; background: #fff }
table { border-collapse: collapse; margin: 1rem 0; width: 100% }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: left }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.met, .better { color: #176b2c } .missed, .worse { color: #b00020; font-weight: 600 }
.open, .noisy { color: #8a5a00 } .note { background: #fff6e0; padding: .4rem .8rem }
figure { margin: 1rem 0 } svg { width: 100%; height: auto }
"""
_HOW: Final = (
    "Medians; intervals are 95 % by bootstrap. A verdict is open where the interval holds the goal,"
    " and too noisy where the yardstick beside it changed so much that only a greater distance from"
    " the goal would say anything."
)
_SCRIPTS_AND_COMMENTS: Final = re.compile(r"<!--.*?-->|<script.*?</script>", re.DOTALL)
_LOOKS: Final[dict[str, Any]] = {
    "js": [],  # no script from elsewhere
    "disable_xml_declaration": True,
    "width": 960,
    "legend_at_bottom": True,
}
_EXACT: Final = 1_000
_NO_PLOTS: Final = "Plots need pygal: pip install 'isogate[bench]'."


def page(document: Document, compared: list[Compared]) -> str:
    """The whole file."""
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>isogate: benches</title>',
        f"<style>{_STYLE}</style><h1>isogate: benches</h1>",
        f"<p>{_HOW}</p>",
        _machine(document),
        *(_section(each) for each in document.reports),
        _comparison(compared) if compared else "",
        "</html>\n",
    ]
    return "\n".join(parts)


def _machine(document: Document) -> str:
    rows = (
        f"<tr><th>{escape(key)}<td>{escape(str(value))}" for key, value in document.machine.items()
    )
    took = sum(each.took_s for each in document.reports)
    each = ", ".join(f"{each.bench} {each.took_s:,.0f} s" for each in document.reports)
    told = f"<p>Measured in {took / 60:,.1f} minutes: {escape(each)}.</p>"
    return f"<h2>machine</h2><table>{''.join(rows)}</table>{told}"


def _section(report: Report) -> str:
    notes = "".join(f'<p class="note">{escape(each)}</p>' for each in report.remarks)
    head = '<tr><th>what<th class="n">median<th class="n">interval<th>unit<th class="n">goal<th>'
    rows = "".join(_row(each) for each in report.rows)
    drawn = [*map(_lines, report.plots), *map(_bars, report.bars)]
    return f"<h2>{escape(report.bench)}</h2>{notes}<table>{head}{rows}</table>{''.join(drawn)}"


def _row(figure: Row) -> str:
    low, high = interval(figure.values)
    goal = "" if figure.goal is None else f"≤ {figure.goal:,.2f}"
    said = verdict(figure)
    indent = "&emsp;" if figure.what.startswith(" ") else ""
    return (
        f'<tr><td>{indent}{escape(figure.what.strip())}<td class="n">{figure.median:,.2f}'
        f'<td class="n">{low:,.2f} to {high:,.2f}<td>{escape(figure.unit)}'
        f'<td class="n">{goal}<td class="{_kind(said)}">{said}'
    )


def _kind(said: str) -> str:
    """The style of a verdict."""
    return "noisy" if said == TOO_NOISY else said


def _lines(plot: Plot) -> str:
    def draw(pygal: Any) -> Any:
        chart = pygal.XY(
            title=plot.title,
            x_title=plot.x,
            y_title=plot.y,
            height=420,
            include_x_axis=True,
            dots_size=3,
            **_LOOKS,
        )
        for name, points in plot.series.items():
            chart.add(name, points)
        return chart

    return _figure(draw)


def _bars(bars: Bars) -> str:
    def draw(pygal: Any) -> Any:
        stacked = len(bars.parts) > 1
        chart = (pygal.HorizontalStackedBar if stacked else pygal.HorizontalBar)(
            title=bars.title,
            x_title=bars.unit,
            height=160 + 36 * len(bars.names),
            show_legend=stacked,
            print_values=not stacked,
            value_formatter=lambda value: f"{value:,.3g}" if value < _EXACT else f"{value:,.0f}",
            **_LOOKS,
        )
        # Such a chart counts from below.
        chart.x_labels = list(reversed(bars.names))
        for part, values in bars.parts.items():
            chart.add(part, list(reversed(values)))
        return chart

    return _figure(draw)


def _figure(draw: Callable[[Any], Any]) -> str:
    try:
        import pygal  # noqa: PLC0415 - an extra: without it there are tables
    except ImportError:
        return f'<p class="note">{_NO_PLOTS}</p>'
    svg = _SCRIPTS_AND_COMMENTS.sub("", draw(pygal).render(is_unicode=True))
    return f"<figure>{svg}</figure>"


def _comparison(rows: list[Compared]) -> str:
    head = "<tr><th>bench<th>what<th>unit"
    head += "".join(f'<th class="n">{each}' for each in ("now", "before", "now / before"))
    lines = []
    for each in rows:
        figures = "".join(f'<td class="n">{cell}' for cell in cells(each))
        lines.append(
            f"<tr><td>{escape(each.bench)}<td>{escape(each.what)}<td>{escape(each.unit)}{figures}"
            f'<td class="{escape(_kind(each.verdict))}">{escape(each.verdict)}'
        )
    return f"<h2>beside the baseline</h2><table>{head}<th>{''.join(lines)}</table>"
