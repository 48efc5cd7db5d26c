"""A gateway that holds keys, as a real process: no core, no key in what it leaves behind."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.adversity.stage import Stage

pytestmark = pytest.mark.slow

KEK = bytes(range(60, 92))
VARIABLE = "ISOGATE_TEST_KEK"


def test_an_aborted_gateway_leaves_no_core_and_nobody_reads_its_environment(
    tmp_path: Path,
) -> None:
    sets = {"keys__custody": "software", "keys__kek__env": VARIABLE}
    with Stage(tmp_path, **sets) as stage:
        gateway = stage.gateway(ready=False, env={VARIABLE: KEK.hex()})
        place = Path(f"/proc/{gateway.pid}")
        limits = (place / "limits").read_text()
        assert "Max core file size        0                    0" in limits
        assert KEK.hex().encode() not in (place / "environ").read_bytes()
        # Of a process that can't be dumped everything in /proc is root's.
        assert (place / "environ").stat().st_uid == 0
        gateway.send_signal(signal.SIGABRT)
        gateway.wait()
    assert not list(tmp_path.glob("core*"))
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        assert KEK not in content, file.name
        assert KEK.hex().encode() not in content, file.name


DUMPABLE = """
import ctypes, os, signal, sys
if sys.argv[1] == "private":
    from gateway.hardening import keep_memory_private
    keep_memory_private()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)
os.kill(os.getpid(), signal.SIGABRT)
"""


@pytest.mark.parametrize(("kind", "dumpable"), [("private", 0), ("open", 1)])
def test_a_private_process_dumps_no_core_where_another_does(
    tmp_path: Path, kind: str, dumpable: int
) -> None:
    child = subprocess.run(
        [sys.executable, "-c", DUMPABLE, kind],
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1)),
        check=False,
    )
    assert int(child.stdout) == dumpable
    # The status of a process that a signal ended says whether a core was written.
    assert child.returncode == -signal.SIGABRT
    dumped = bool(list(tmp_path.iterdir()))
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if kind == "private" or pattern.startswith("|") or "/" in pattern:
        assert not dumped
    else:
        assert dumped
