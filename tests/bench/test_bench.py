"""The benches run, name what they measure, and say so when they can't."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bench import codec, native, relay, side, stages
from bench.__main__ import BENCHES, main
from bench.processes import Processes, children
from bench.report import Report, read, row, verdict
from bench.setups import EVERYTHING, RELAY, SETUPS, Setup

app = typer.Typer()
app.command()(main)
ROOT = Path(__file__).parents[2]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_row_is_the_median_and_its_bounds() -> None:
    figures = row("x", [3.0, 1.0, 2.0], "us")
    assert (figures.lowest, figures.median, figures.highest) == (1.0, 2.0, 3.0)


def test_without_a_compiler_the_tools_say_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(native.NoCompilerError, match="install gcc"):
        native.tool("loadgen")


@pytest.mark.slow
@pytest.mark.parametrize("name", native.TOOLS)
def test_a_tool_is_compiled_once_and_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    native.compile_c(native.SOURCES / f"{name}.c", tmp_path / name, *native.FLAGS, "-Werror")
    first = native.tool(name)
    made = first.stat().st_mtime_ns
    assert native.tool(name).stat().st_mtime_ns == made


@pytest.mark.slow
def test_without_a_name_the_benches_are_listed() -> None:
    done = bench()
    assert done.returncode == 0
    assert {*BENCHES, "all", "bench.soak:"} <= set(done.stdout.split())
    assert bench("nothing").returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["codec", "decisions", "durability"])
def test_figures_are_written_with_their_machine(tmp_path: Path, name: str) -> None:
    file = tmp_path / "figures.json"
    done = bench(name, "--quick", "--json", str(file))
    assert done.returncode == 0, done.stderr
    content = json.loads(file.read_bytes())
    assert content["machine"]["python"]
    rows = content["reports"][0]["rows"]
    assert len(rows) >= 5
    assert all(0 < each["lowest"] <= each["median"] <= each["highest"] for each in rows)


@pytest.mark.slow
def test_a_report_is_one_file_that_loads_nothing(tmp_path: Path) -> None:
    first, html = tmp_path / "first.json", tmp_path / "report.html"
    assert bench("durability", "--quick", "--json", str(first)).returncode == 0
    done = bench("durability", "--quick", "--baseline", str(first), "--html", str(html))
    assert done.returncode == 0, done.stderr
    text = html.read_text("utf-8")
    assert "beside the baseline" in text
    assert "<svg" in text
    assert not re.search(r"(src|href)=.http|@import|url\(|<script", text)


def test_a_baseline_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    file.write_text('{"reports": 1}')
    done = bench("codec", "--baseline", str(file))
    assert done.returncode == 2
    assert "no figures to compare with" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: setup.name)
def test_every_setup_carries_charges_without_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setup: Setup
) -> None:
    """With a MAC: both tools make and check it over every message, and agree with the codec."""
    monkeypatch.chdir(tmp_path)
    load = side.one(setup, 8, 0.5)
    assert load["errors"] == 0, load
    assert load["count"] > 0
    assert load["memory_mib"] > 0
    assert ("metrics" in load) == (setup.journal != "none")


@pytest.mark.slow
def test_a_message_with_another_macs_key_gets_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Processes(tmp_path, EVERYTHING) as processes:
        host = processes.host()
        processes.port = processes.host_port
        command = processes.load_command(1, 0.2, [host.pid], warmup_s=0)
        monkeypatch.setattr("bench.setups.KEY", "F" * 32)
        other = processes.load_command(1, 0.2, [host.pid], warmup_s=0)
        counts = [
            json.loads(subprocess.run(each, capture_output=True, check=False).stdout)["count"]
            for each in (command, other)
        ]
    assert counts[0] > 0
    assert counts[1] == 0


def test_a_bench_that_fails_costs_the_others_nothing_but_the_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*, quick: bool) -> Report:
        raise RuntimeError(f"no gateway, quick: {quick}")

    def works(*, quick: bool) -> Report:
        return Report(bench="works", rows=[row("it", [1.0], "us")], remarks=[f"quick: {quick}"])

    for name, bench_ in {"fails": fails, "works": works}.items():
        monkeypatch.setitem(BENCHES, name, ("of a test", bench_))
    monkeypatch.setattr("bench.__main__.end_in_order", lambda: None)  # this process is pytest's
    file = tmp_path / "figures.json"
    done = CliRunner().invoke(app, ["fails", "works", "--quick", "--json", str(file)])
    assert done.exit_code == 1
    first, second = read(file).reports
    assert first.remarks == ["it failed: no gateway, quick: True"]
    assert second.rows[0].median == 1.0
    assert CliRunner().invoke(app, ["works", "--json", str(file)]).exit_code == 0


@pytest.mark.slow
def test_a_bench_that_is_told_to_end_leaves_no_process_and_no_file_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "relay", "--quick"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE
    ) as process:
        started = []
        while len(started) < 2:  # a host and a floor, or a gateway
            assert process.poll() is None
            started = list(children(process.pid))
        process.terminate()
        assert process.wait(60) == 143
    assert not any(Path(f"/proc/{each}").exists() for each in started)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_relay_is_measured_against_the_floor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = relay.Runs()
    relay.take_turns(runs, (RELAY,), 8, 0.3, 0.3)
    assert len(runs.figures["floor", 8, "cpu_us"]) == 2, "one run before, one after"
    (ratio,) = runs.ratios[RELAY.name, 8]
    assert ratio > 1, "a gateway does more than the floor"


def runs_of(tps: dict[int, tuple[float, float]], floor_us: tuple[float, float]) -> relay.Runs:
    """Two rounds of the relay and of the floor: what each carried by terminals."""
    runs = relay.Runs()
    figures = dict.fromkeys(("p50_us", "p99_us", "memory_mib", "errors"), 1)
    for terminals, (ours, floor) in tps.items():
        for _ in range(2):
            for cost in floor_us:
                runs.note("floor", terminals, {"cpu_us": cost, "tps": floor, **figures})
            runs.note(RELAY.name, terminals, {"cpu_us": 20.0, "tps": ours, **figures})
            runs.ratios[RELAY.name, terminals].append(1.4)
    return runs


def test_a_floor_that_spreads_says_that_nothing_can_be_concluded() -> None:
    steady = relay.told(runs_of({64: (50, 100)}, (9.0, 10.0)), (RELAY,), (64,))
    assert not any("too noisy" in each for each in steady.remarks)
    assert "met" in {verdict(each) for each in steady.rows}
    rough = relay.told(runs_of({64: (50, 100)}, (9.0, 18.0)), (RELAY,), (64,))
    assert "too noisy to conclude" in rough.remarks[0]
    assert {verdict(each) for each in rough.rows} == {"", "too noisy"}


def test_a_dip_between_few_and_many_terminals_is_judged() -> None:
    carried = {64: (50.0, 100.0), 512: (30.0, 100.0), 4_096: (40.0, 80.0)}
    report = relay.told(runs_of(carried, (9.0, 9.0)), (RELAY,), tuple(carried))
    falls = {each.what: verdict(each) for each in report.rows if each.unit == "x fall"}
    assert falls == {
        f"{RELAY.name}: fall from 64 to 512 terminals, by the floor's": "missed",
        f"{RELAY.name}: fall from 64 to 4,096 terminals, by the floor's": "met",
    }


def test_a_codec_that_is_missing_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py8583.py8583", None)
    monkeypatch.setattr(codec, "rows", dict)
    monkeypatch.setattr(codec, "batches", dict)
    monkeypatch.setattr(codec, "_REPEATS", 1)
    report = codec.run(quick=True)
    assert any(each.startswith("not installed") and "py8583" in each for each in report.remarks)
    assert not any(each.what.startswith("py8583") for each in report.rows)


def test_samples_count_for_the_innermost_stage() -> None:
    counts = stages.sorted_into_stages(
        [
            "run (x/trio/_run.py:1);turn (x/gateway/turns.py:2);ask (x/routing/switch.py:3) 5",
            "run (x/trio/_run.py:1);turn (x/gateway/wire/engine.py:2);send (libc.so.6) 3",
            "run (x/trio/_run.py:1);verify (codec/_mac.pyx:9);0x1 (libcrypto.so.3) 2",
            "run (x/trio/_run.py:1);apply (routing/lifecycle.py:7) 4",
            "main (somewhere.py:1) 1",
        ]
    )
    assert counts == {
        "routing: decisions": 9,
        "wire engine": 3,
        "MAC ciphers (libcrypto)": 2,
        "other": 1,
    }
