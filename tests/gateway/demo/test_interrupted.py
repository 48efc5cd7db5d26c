"""A demonstration that is interrupted leaves no process behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

BOUND_S = 30.0


def processes_that_name(folder: Path) -> list[str]:
    """Command lines of running processes in which the folder's name occurs."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(bytes(folder) in word for word in words):
            found.append(b" ".join(words).decode())
    return found


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_no_process_is_left(tmp_path: Path, how: signal.Signals) -> None:
    folder = tmp_path / "kept"
    command = [sys.executable, "-m", "gateway", "demo", "--keep", str(folder), "--terminals", "8"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as demo:
        try:
            until = time.monotonic() + BOUND_S
            while len(processes_that_name(folder)) < 1 + 6:
                assert time.monotonic() < until, "the play did not begin"
                time.sleep(0.05)
            demo.send_signal(how)
            _, said = demo.communicate(timeout=BOUND_S)
        finally:
            demo.kill()
    assert demo.returncode == 1
    assert "interrupted" in said
    assert processes_that_name(folder) == []
