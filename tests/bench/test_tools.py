"""Load generator and stub host: not the bottleneck, shown by counted instructions."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.processes import Processes
from bench.tools import MACS, allowed, of_tools


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="no valgrind")
@pytest.mark.parametrize("mac", MACS)
def test_the_tools_take_no_more_than_the_neutral_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mac: str
) -> None:
    """The neutral load generator takes 1,034 instructions a charge, the neutral host 1,676."""
    monkeypatch.chdir(tmp_path)
    most = allowed(mac)
    for name, counted in of_tools(mac, 0.5).items():
        assert counted > 100, "something was counted"
        assert counted <= most[name], name


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
    assert opened["longest_wait_us"] > opened["behind"] * 1e6 / 200, "the next one waits longest"
