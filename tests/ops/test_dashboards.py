"""The dashboards are those that the boards say, and show what is exposed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.ops.board import boards
from gateway.ops.catalogue import CATALOGUE
from gateway.ops.grafana import FOLDER, of_instance, rendered
from tests.ops.rules import ALL, SERIES, unknown

BOARDS = boards()


@pytest.mark.parametrize("name", BOARDS)
def test_the_committed_dashboard_is_what_is_made_of_its_board(name: str) -> None:
    committed = (FOLDER / f"{name}.json").read_text("utf-8")
    assert committed == rendered(name, BOARDS[name]), "run: python -m gateway.ops.grafana"


def test_there_is_no_dashboard_without_a_board() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_asks_only_for_what_is_exposed_or_recorded(name: str) -> None:
    exprs = [target["expr"] for target in targets(name)]
    assert exprs
    for expr in exprs:
        assert unknown(expr) == set(), expr
        assert 'instance=~"$instance"' in expr


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_says_what_to_make_of_it_and_has_a_place(name: str) -> None:
    panels = [each for each in panels_of(name) if each["type"] != "row"]
    places = {(each["gridPos"]["x"], each["gridPos"]["y"]) for each in panels}
    assert len(places) == len(panels)
    for panel in panels:
        assert panel["title"]
        assert panel["description"].endswith(".")


def test_every_metric_is_on_a_dashboard_or_in_a_rule_or_there_for_a_look() -> None:
    """What nobody ever looks at is not worth its series."""
    asked = " ".join([target["expr"] for name in BOARDS for target in targets(name)])
    asked += " ".join(rule["expr"] for rule in ALL)
    unseen = {name for name in CATALOGUE if name not in asked}
    assert unseen <= {
        *("gateway_build_info", "process_start_time_seconds", "gateway_turns_total"),
        *("gateway_frames_total", "gateway_journal_records_total", "gateway_open_charges"),
        *("gateway_duplicates_total", "gateway_orphans_found_total", "gateway_taken_back_total"),
        *("gateway_merchant_silent_total", "gateway_not_served_total", "gateway_cases_open"),
        *("gateway_reversals_held_total", "gateway_refunds_blocked_total"),
        *("gateway_complaints_total", "gateway_complaint_to_money_back_seconds"),
        *("gateway_disputed_money", "gateway_notices_written_total"),
        *("gateway_canary_flights_total", "gateway_batches_total"),
        *("gateway_batch_differences_total", "gateway_repeated_amounts_total"),
        *("gateway_host_key_exchanges_total", "gateway_host_key_age_seconds"),
        *("gateway_host_keys_blocked", "gateway_host_mac_errors_total"),
    }


@pytest.mark.parametrize(
    ("expr", "chosen"),
    [
        ("up", 'up{instance=~"$instance"}'),
        ('up{job="x"}', 'up{instance=~"$instance",job="x"}'),
        ("rate(gateway_frames_total[5m])", 'rate(gateway_frames_total{instance=~"$instance"}[5m])'),
        ("isogate:a:ratio_5m > 0", 'isogate:a:ratio_5m{instance=~"$instance"} > 0'),
    ],
)
def test_a_query_is_about_the_chosen_gateways(expr: str, chosen: str) -> None:
    assert of_instance(expr) == chosen


def panels_of(name: str) -> list[dict[str, Any]]:
    made: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return [*made["panels"], *(each for row in made["panels"] for each in row.get("panels", ()))]


def targets(name: str) -> list[dict[str, str]]:
    return [target for panel in panels_of(name) for target in panel.get("targets", ())]


def test_series_of_histograms_are_known() -> None:
    assert "gateway_leg_seconds_bucket" in SERIES
