"""Load generator and stub host: not the bottleneck, shown by counted instructions."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.instructions import of_libcrypto, of_tools
from bench.processes import Processes

NEUTRAL = {"loadgen": 1_034, "hostsim": 1_676}
"""What the neutral load generator and the neutral host take, user-space instructions a charge, that
the floor is otherwise measured with: counted once as `of_tools` counts, 64 terminals face to face
with the host, gcc 12 -O2.  They know no MACs.
"""
MARGIN = 1.05
"""Other compilers, other C libraries."""
MACS_OF_A_CHARGE = 2
"""Of each tool: one made, one checked."""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="no valgrind")
@pytest.mark.parametrize("mac", ["none", "aes-cmac", "cup-ecb", "x9.19"])
def test_the_tools_take_no_more_than_the_neutral_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mac: str
) -> None:
    """With a MAC: no more than the neutral ones without, and what libcrypto alone takes beside it.
    With X9.19 that is nearly all: its DES comes block by block, and dominates whoever makes it.
    """
    monkeypatch.chdir(tmp_path)
    ciphers = 0.0 if mac == "none" else MACS_OF_A_CHARGE * of_libcrypto(mac)
    for name, counted in of_tools(mac, 0.5).items():
        assert counted > 100, "something was counted"
        assert counted <= MARGIN * NEUTRAL[name] + ciphers, name


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
