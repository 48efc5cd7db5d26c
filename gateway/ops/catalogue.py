"""Every metric that the gateway exposes; `python -m gateway.ops.catalogue` writes docs/metrics.md.

The entries stand in `money`, `machine` and `records`, the only places where a metric has its name:
collectors take names and texts from there; what a scrape, a dashboard or a rule names is held
against them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.ops import accounts, machine, money, records, sign_ins
from gateway.ops.metric import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config import Config
    from gateway.ops.metric import Label, Metric

SERIES_MAX: Final = 1_000
"""Of one process.  A scrape costs time of the loop that carries charges, though in slices."""
SECTIONS: Final = (
    money.CHARGES,
    money.TIMES,
    money.REVERSALS,
    money.CASES,
    machine.HOSTS,
    machine.WIRE,
    sign_ins.TERMINALS,
    machine.JOURNAL,
    machine.BOUNDS,
    machine.SECRETS,
    records.REGISTRY,
    accounts.ACCOUNTS,
    machine.PROCESS,
)
CATALOGUE: Final[dict[str, Metric]] = {
    metric.name: metric for section in SECTIONS for metric in section.metrics
}
PAGE: Final = Path(__file__).parents[2] / "docs" / "metrics.md"


def shape_of(config: Config) -> Shape:
    """What a configuration brings in."""
    dialects = {each.dialect for each in config.listener}
    return Shape(len(config.host), len(config.listener), len(dialects))


def series_max(of: Shape) -> int:
    """How many series one process can expose at the most."""
    return sum(metric.series_max(of) for metric in CATALOGUE.values())


def page() -> str:
    """The page that tells of every metric."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    small, large = Shape(1, 1, 1), Shape(3, 4, 2)
    yield f"""\
# Metrics

Written by `python -m gateway.ops.catalogue`. `/metrics` exposes these and nothing else. Every label
is of a closed set, so the number of series has a bound: {series_max(small)} with one host and one
listener, {series_max(large)} with three hosts, four listeners, two dialects. `isogate check` tells
it, and when it passes {SERIES_MAX:,}. Terminals, merchants, cards, STANs are no labels."""
    for section in SECTIONS:
        yield f"\n## {section.title}\n"
        yield "| metric | kind, unit | meaning | labels |"
        yield "|---|---|---|---|"
        for metric in section.metrics:
            labels = "<br>".join(map(_told, metric.labels))
            yield f"| `{metric.name}` | {metric.kind}, {metric.unit} | {metric.help} | {labels} |"


def _told(label: Label) -> str:
    words = ", ".join(f"`{word}`" for word in label.words)
    return f"`{label.name}`: {words or label.source}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
