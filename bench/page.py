"""The report as one HTML file: tables, plots as inline SVG, nothing loaded from anywhere."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Final

from bench.verdicts import against_goal, interval

if TYPE_CHECKING:
    from bench.compare import Compared
    from bench.report import Document, Plot, Report, Row

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; background: #fff }
table { border-collapse: collapse; margin: 1rem 0; width: 100% }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: left }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
.met, .better { color: #176b2c } .missed, .worse { color: #b00020; font-weight: 600 }
.open, .noisy { color: #8a5a00 } .note { background: #fff6e0; padding: .4rem .8rem }
figure { margin: 1rem 0 } svg { width: 100%; height: auto }
"""
_HOW: Final = (
    "Medians; intervals are 95 % by bootstrap. A verdict is open where the interval holds the goal."
)
_SCRIPTS_AND_COMMENTS: Final = re.compile(r"<!--.*?-->|<script.*?</script>", re.DOTALL)
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
    return f"<h2>machine</h2><table>{''.join(rows)}</table>"


def _section(report: Report) -> str:
    notes = "".join(f'<p class="note">{escape(each)}</p>' for each in report.remarks)
    head = '<tr><th>what<th class="n">median<th class="n">interval<th>unit<th class="n">goal<th>'
    rows = "".join(_row(each) for each in report.rows)
    plots = "".join(_figure(each) for each in report.plots)
    return f"<h2>{escape(report.bench)}</h2>{notes}<table>{head}{rows}</table>{plots}"


def _row(figure: Row) -> str:
    low, high = interval(figure.values)
    goal = verdict = ""
    if figure.goal is not None:
        goal = f"≤ {figure.goal:,.2f}"
        verdict = against_goal(figure.values, figure.goal)
    indent = "&emsp;" if figure.what.startswith(" ") else ""
    return (
        f'<tr><td>{indent}{escape(figure.what.strip())}<td class="n">{figure.median:,.2f}'
        f'<td class="n">{low:,.2f} to {high:,.2f}<td>{escape(figure.unit)}'
        f'<td class="n">{goal}<td class="{verdict}">{verdict}'
    )


def _figure(plot: Plot) -> str:
    try:
        import pygal  # noqa: PLC0415 - an extra: without it there are tables
    except ImportError:
        return f'<p class="note">{_NO_PLOTS}</p>'
    chart = pygal.XY(
        js=[],  # no script from elsewhere
        disable_xml_declaration=True,
        title=plot.title,
        x_title=plot.x,
        y_title=plot.y,
        width=960,
        height=420,
        include_x_axis=True,
        legend_at_bottom=True,
        dots_size=3,
    )
    for name, points in plot.series.items():
        chart.add(name, points)
    svg = _SCRIPTS_AND_COMMENTS.sub("", chart.render(is_unicode=True))
    return f"<figure>{svg}</figure>"


def _comparison(rows: list[Compared]) -> str:
    head = "<tr><th>bench<th>what<th>unit"
    head += "".join(f'<th class="n">{each}' for each in ("now", "before", "now / before"))
    lines = []
    for each in rows:
        span = "" if each.interval is None else f"{each.interval[0]:.2f} to {each.interval[1]:.2f}"
        kind = "noisy" if each.verdict == "too noisy" else each.verdict
        lines.append(
            f"<tr><td>{escape(each.bench)}<td>{escape(each.what)}<td>{escape(each.unit)}"
            f'<td class="n">{each.now:,.2f}<td class="n">{each.before:,.2f}<td class="n">{span}'
            f'<td class="{escape(kind)}">{escape(each.verdict)}'
        )
    return f"<h2>beside the baseline</h2><table>{head}<th>{''.join(lines)}</table>"
