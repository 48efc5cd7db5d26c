"""The benches run, name what they measure, and say so when they can't."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import native
from bench.report import row

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
    native.compile_c(native.SOURCES / f"{name}.c", tmp_path / name, "-O2", "-Wall", "-Werror")
    first = native.tool(name)
    made = first.stat().st_mtime_ns
    assert native.tool(name).stat().st_mtime_ns == made


@pytest.mark.slow
def test_without_a_name_the_benches_are_listed() -> None:
    done = bench()
    assert done.returncode == 0
    assert {"codec", "durability", "relay", "instructions"} <= set(done.stdout.split())
    assert bench("nothing").returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["codec", "durability"])
def test_figures_are_written_with_their_machine(tmp_path: Path, name: str) -> None:
    file = tmp_path / "figures.json"
    done = bench(name, "--quick", "--json", str(file))
    assert done.returncode == 0, done.stderr
    content = json.loads(file.read_bytes())
    assert content["machine"]["python"]
    rows = content["reports"][0]["rows"]
    assert len(rows) >= 6
    assert all(0 < each["lowest"] <= each["median"] <= each["highest"] for each in rows)


@pytest.mark.slow
def test_the_relay_is_measured_against_the_floor(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = bench("relay", "--quick", "--json", str(file))
    assert done.returncode == 0, done.stderr
    rows = json.loads(file.read_bytes())["reports"][0]["rows"]
    ratios = [each["median"] for each in rows if "ratio" in each["what"]]
    assert len(ratios) == 2
    assert all(ratio > 1 for ratio in ratios), "a gateway does more than the floor"
