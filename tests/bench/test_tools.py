"""Load generator and stub host: not the bottleneck, shown by counted instructions."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.instructions import of_tools
from bench.processes import Processes

RELAY_GOAL = 12_000
EVERYTHING_GOAL = 45_000
"""The most that a gateway should take, user-space instructions a charge."""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="no valgrind")
@pytest.mark.parametrize(
    ("mac", "most"),
    [("none", RELAY_GOAL / 2), ("aes-cmac", EVERYTHING_GOAL), ("cup-ecb", EVERYTHING_GOAL)],
)
def test_both_tools_together_take_less_than_the_gateway_should(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mac: str, most: float
) -> None:
    """They share a core; the gateway has one of its own.  Not so X9.19 without bit slicing: its
    ciphers alone take more than the goal, so of that row CPU a charge counts, not the rate.
    """
    monkeypatch.chdir(tmp_path)
    counted = of_tools(mac, 0.5)
    assert min(counted.values()) > 500, "something was counted"
    assert sum(counted.values()) < most, counted


@pytest.mark.slow
def test_an_open_loop_counts_from_when_it_should_have_sent(tmp_path: Path) -> None:
    """A host that takes 20 ms, one terminal, 200 charges/s: they queue, and latency says so."""
    with Processes(tmp_path) as processes:
        host = processes.host(delay_us=20_000)
        processes.port = processes.host_port
        reports = []
        for rate in (0, 200):
            command = processes.load_command(1, 1, [host.pid], rate=rate, warmup_s=0)
            done = subprocess.run(command, capture_output=True, check=True)
            reports.append(json.loads(done.stdout))
    closed, opened = reports
    assert closed["count"] < 60
    assert opened["count"] < 60
    assert opened["behind"] > 100, "sends that were due with no terminal free"
    assert opened["max_us"] > 10 * 20_000, "they waited, and that is counted"
