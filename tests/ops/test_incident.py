"""A real Prometheus watches a real gateway through an incident: every alert comes and goes, every
query of every dashboard has something to show.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.ops.board import boards
from gateway.ops.grafana import of_instance
from tests.ops.incident import ACTS, Incident, staged
from tests.ops.rules import ALERTS

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("prometheus"), reason="no prometheus here"),
]


@pytest.fixture(scope="module")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Incident]:
    with staged(tmp_path_factory.mktemp("incident")) as made:
        made.play()
        yield made


def asked(expr: str) -> str:
    """A dashboard's query as Grafana would ask it."""
    return of_instance(expr).replace("$instance", ".+").replace("$__rate_interval", "6s")


def test_every_alert_fires_in_its_act_and_ends_after_it(incident: Incident) -> None:
    raised = {alert for act in incident.acts for alert in act.alerts}
    assert raised == set(ALERTS)
    assert incident.prometheus.firing() == set()


def test_every_query_of_every_dashboard_has_data(incident: Incident) -> None:
    empty = []
    for name, board in boards().items():
        for row in board.row:
            for panel in row.panel:
                for expr in panel.lines.values():
                    found = incident.prometheus.series(asked(expr), incident.start, incident.end)
                    values = [float(v) for each in found for _, v in each["values"]]
                    if not any(math.isfinite(value) for value in values):
                        empty.append(f"{name}: {panel.title}: {expr}")
    assert empty == []


def test_prometheus_evaluates_every_rule_without_an_error(incident: Incident) -> None:
    groups = incident.prometheus.ask("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) >= len(ALERTS)
    assert [rule["name"] for rule in rules if rule["health"] != "ok"] == []


def test_no_money_is_lost_in_all_this(incident: Incident) -> None:
    incident.town.shoppers.stop()
    report = incident.town.until_all_ended(60)
    assert report["violations"] == []


def test_every_alert_has_an_act() -> None:
    assert {alert for _, alerts in ACTS for alert in alerts} == set(ALERTS)


def test_the_folder_of_an_incident_is_its_own(tmp_path: Path) -> None:
    assert not list(tmp_path.iterdir())
