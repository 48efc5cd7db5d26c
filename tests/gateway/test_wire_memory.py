"""What thousands of idle terminals cost: memory that stays, and time that does not pass."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import trio

from gateway.clock import SystemClock
from gateway.wire import Acknowledged, Engine, Frame, WireLimits
from gateway.wire.descriptors import RESERVE, raise_limit

TERMINALS: Final = 15_000
KIB_EACH_MAX: Final = 4.0
WAIT_S: Final = 90.0
PAGE_KIB: Final = 4

CHILD: Final = """
import resource, socket, sys
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
port, count = map(int, sys.argv[1:])
socks = []
for number in range(count):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.connect(("127.0.0.1", port))
    sock.sendall(b"\\0\\x96" + b"x" * 150)
    socks.append(sock)
for sock in socks:
    sock.recv(200)
print("all answered", flush=True)
sys.stdin.read()
"""


def resident_kib() -> int:
    """Memory of this process that is in use."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE_KIB


def started(command: list[str]) -> subprocess.Popen[bytes]:
    """The process that plays the terminals."""
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@pytest.mark.slow
async def test_an_idle_terminal_costs_little_memory() -> None:
    count = min(TERMINALS, raise_limit(TERMINALS) - RESERVE)
    assert count > 500
    engine = Engine(WireLimits(acknowledgement_settles_s=0.1), SystemClock())
    port = engine.listen("counter", "127.0.0.1", 0).getsockname()[1]
    command = [sys.executable, "-c", CHILD, str(port), str(count)]
    before = resident_kib()
    child = started(command)
    try:
        acknowledged = 0
        with trio.fail_after(WAIT_S):
            while acknowledged < count:
                for event in await engine.turn(0.1):
                    if isinstance(event, Frame):
                        engine.send(event.conn, event.data, event.conn)
                    acknowledged += isinstance(event, Acknowledged)
                engine.flush()
        assert len(engine) == count
        each = (resident_kib() - before) / count
        print(f"{count} idle terminals: {each:.2f} KiB each")
        assert each <= KIB_EACH_MAX
    finally:
        child.communicate()
        engine.close_all()
