"""The rules as Prometheus reads them, and which metrics an expression names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml

from gateway.ops.catalogue import CATALOGUE
from gateway.ops.metric import Kind

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "gateway" / "ops" / "rules"
FILES: Final = sorted(FOLDER.glob("*.yml"))
OF_PROMETHEUS: Final = frozenset({"up"})
SUFFIXES: Final = {
    Kind.COUNTER: ("",),
    Kind.GAUGE: ("",),
    Kind.HISTOGRAM: ("_bucket", "_sum", "_count"),
}
SERIES: Final = frozenset(
    name + suffix for name, metric in CATALOGUE.items() for suffix in SUFFIXES[metric.kind]
)
_NAMED: Final = re.compile(r"\b((?:gateway|process)_\w+|isogate:[\w:]+|up)\b(?!=)")
_LABELS: Final = re.compile(r"(\w+)\{([^}]*)\}")
_MATCHER: Final = re.compile(r'(\w+)(=~|!=|!~|=)"([^"]*)"')


def read(file: Path) -> list[dict[str, Any]]:
    """Its rules, groups put together."""
    return [
        rule
        for group in yaml.safe_load(file.read_text("utf-8"))["groups"]
        for rule in group["rules"]
    ]


ALL: Final = [rule for file in FILES for rule in read(file)]
ALERTS: Final = {rule["alert"]: rule for rule in ALL if "alert" in rule}
RECORDED: Final = {rule["record"] for rule in ALL if "record" in rule}


def unknown(expr: str) -> set[str]:
    """What an expression names and nobody exposes or records: metrics, labels, words of labels."""
    wrong = set(_NAMED.findall(expr)) - SERIES - RECORDED - OF_PROMETHEUS
    for name, inside in _LABELS.findall(expr):
        metric = CATALOGUE.get(re.sub("_(bucket|sum|count)$", "", name), CATALOGUE.get(name))
        if metric is None:
            continue
        known = {label.name: label for label in metric.labels}
        for label, _, said in _MATCHER.findall(inside):
            if label in ("instance", "le"):
                continue
            words = set(said.split("|")) - {""}
            if label not in known:
                wrong.add(f"{name}{{{label}}}")
            elif known[label].words:
                wrong |= words - set(known[label].words)
    return wrong
