"""`bench all` from end to end: every figure that is promised stands in JSON and HTML, by name."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from bench.__main__ import BENCHES
from bench.compare import compared
from bench.machine import ROOT
from bench.report import Document, Row, read, verdict
from bench.setups import EVERYTHING, RELAY, SETUPS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
VERDICTS = {"met", "missed", "open", "too noisy"}


@dataclass
class Ran:
    document: Document
    html: str
    said: str

    def rows(self, bench: str) -> list[Row]:
        (report,) = [each for each in self.document.reports if each.bench == bench]
        return report.rows

    def judged(self, bench: str) -> dict[str, float]:
        """The goal of each row that has one; its verdict is one of the known words."""
        found = [each for each in self.rows(bench) if each.goal is not None]
        assert all(verdict(each) in VERDICTS for each in found)
        return {each.what.strip(): each.goal or 0.0 for each in found}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder: Path = tmp_path_factory.mktemp("all")
    page, figures = folder / "report.html", folder / "figures.json"
    command = [sys.executable, "-m", "bench", "all", "--quick"]
    command += ["--html", str(page), "--json", str(figures)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr
    return Ran(read(figures), page.read_text("utf-8"), done.stderr)


def test_every_bench_says_that_it_begins_and_all_say_how_long_they_took(ran: Ran) -> None:
    assert [each.bench for each in ran.document.reports] == list(BENCHES)
    for number, name in enumerate(BENCHES, 1):
        assert f"[{number}/{len(BENCHES)}] {name}: " in ran.said
    assert re.search(r"took [\d.]+ minutes: codec \d+ s", ran.said)
    assert min(each.took_s for each in ran.document.reports) > 0


def test_cost_has_a_goal_by_the_floor_on_every_path(ran: Ran) -> None:
    goals = ran.judged("relay")
    for terminals in (64, 512):
        for setup in SETUPS:
            assert goals[f"{setup.name}, {terminals} terminals: ratio to the floor"] == setup.goal
    for setup in SETUPS:
        assert goals[f"{setup.name}: fall from 64 to 512 terminals, by the floor's"] == 1.0
    units = {each.unit for each in ran.rows("relay")}
    assert {"us of CPU a charge", "charges/s", "us, p50", "us, p99", "MiB resident"} <= units


def test_the_tail_at_half_of_the_maximum_has_a_goal(ran: Ran) -> None:
    goals = ran.judged("latency")
    assert goals[f"{RELAY.name}, 64 terminals, half of the maximum: added to the floor's"] == 1_000
    assert goals["added, by 4 commits + 1 ms"] == 1.0
    assert "one commit of that size, beside it" in {e.what.strip() for e in ran.rows("latency")}
    assert set(ran.judged("scrape")) == {
        f"{EVERYTHING.name}, 64 terminals, half of the maximum: added"
    }


def test_idle_terminals_have_a_goal_for_memory_and_for_the_time_of_the_busy_ones(ran: Ran) -> None:
    goals = ran.judged("idle")
    for how, kib in {"plain": 4.0, "TLS": 64.0}.items():
        (where,) = {each.partition(":")[0] for each in goals if f"idle, {how}, and 64 busy" in each}
        assert goals[f"{where}: memory by an idle one"] == kib
        assert goals[f"{where}: p99 of the busy ones, by that without"] == 1.1
    memory = [each for each in ran.rows("idle") if each.unit == "KiB each"]
    assert all(0 < each.median <= (each.goal or 0) for each in memory), memory


def test_instructions_have_goals_or_it_is_said_why_there_are_none(ran: Ran) -> None:
    goals = ran.judged("instructions")
    if goals:
        assert goals[f"{RELAY.name}, 64 terminals"] == 12_000
        assert goals[f"{EVERYTHING.name}, 64 terminals"] == 45_000
    else:
        assert "neither perf nor valgrind" in ran.html


def test_codec_routing_and_journal_are_measured_by_themselves(ran: Ran) -> None:
    codec = {each.what for each in ran.rows("codec")}
    assert {"pyiso8583: decode", "verify cup-ecb", "verify x9.19", "verify aes-cmac"} <= codec
    decisions = {each.what.strip() for each in ran.rows("decisions")}
    assert {
        "charges, approved and served",
        "each, from the source",
        "compiling brings",
    } <= decisions
    assert {"ms", "a second"} <= {each.unit for each in ran.rows("durability")}


def test_the_page_holds_every_row_and_plots_and_loads_nothing(ran: Ran) -> None:
    for report in ran.document.reports:
        for row in report.rows:
            assert f"{html.escape(row.what.strip())}<td" in ran.html
    drawn = sum(len(each.plots) + len(each.bars) for each in ran.document.reports)
    assert drawn >= 9
    assert ran.html.count("<svg") == drawn
    assert not re.search(r"(src|href)=.http|@import|url\(|<script", ran.html)


def test_the_machine_and_what_made_the_figures_are_named(ran: Ran) -> None:
    machine = ran.document.machine
    named = {"date", "commit", "cpu", "virtualisation", "file system", "compiler", "sqlite"}
    assert named | {"iso8583sim", "py8583", "py-spy", "pygal"} <= set(machine)
    assert all(str(machine[each]) in html.unescape(ran.html) for each in named)
    assert machine["file system"] != "unknown"


def test_each_row_finds_itself_in_a_baseline(ran: Ran) -> None:
    """Names hold nothing that changes from run to run, and no two rows have the same one."""
    found = compared(ran.document, ran.document)
    assert len(found) == sum(len(each.rows) for each in ran.document.reports)
    assert all(each.before == each.now for each in found)
    assert not [each.what for each in found if re.search(r"\d/s", each.what)]
