"""What thousands of idle terminals keep of memory; what of others' time, `bench.idle` measures."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import trio
import trustme

from gateway.clock import SystemClock
from gateway.wire import Acknowledged, Engine, Frame, WireLimits
from gateway.wire.descriptors import RESERVE, raise_limit
from gateway.wire.filters import Door
from gateway.wire.tls import Credentials, TlsSettings

TERMINALS: Final = 15_000
KIB_EACH_MAX: Final = 4.0
TLS_TERMINALS: Final = 500
TLS_KIB_EACH_MAX: Final = 64.0
WAIT_S: Final = 90.0
PAGE_KIB: Final = 4

CHILD: Final = """
import resource, socket, sys
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
port, count = map(int, sys.argv[1:3])
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


TLS_STEP: Final = """
    if not number:
        import ssl
        context = ssl.create_default_context(cafile=sys.argv[3])
    sock = context.wrap_socket(sock, server_hostname="localhost")
"""


def resident_kib() -> int:
    """Memory of this process that is in use."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE_KIB


def started(command: list[str]) -> subprocess.Popen[bytes]:
    """The process that plays the terminals."""
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


async def kib_each(door: Door, child: str, count: int, *arguments: str) -> float:
    """Growth of this process by each of so many terminals that were answered and then idle."""
    limits = WireLimits(
        connections_per_address_max=TERMINALS, acknowledgement_settles_s=0.1, handshake_s=WAIT_S
    )
    engine = Engine(limits, SystemClock())
    port = engine.listen(door.name, "127.0.0.1", 0, door).getsockname()[1]
    before = resident_kib()
    process = started([sys.executable, "-c", child, str(port), str(count), *arguments])
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
        return each
    finally:
        process.communicate()
        engine.close_all()


@pytest.mark.slow
async def test_an_idle_terminal_costs_little_memory() -> None:
    count = min(TERMINALS, raise_limit(TERMINALS) - RESERVE)
    assert count > 500
    assert await kib_each(Door("counter"), CHILD, count) <= KIB_EACH_MAX


@pytest.mark.slow
async def test_an_idle_terminal_with_tls_costs_no_more_than_its_buffers(tmp_path: Path) -> None:
    authority = trustme.CA()
    made = authority.issue_cert("localhost")
    files = [str(tmp_path / name) for name in ("certificate.pem", "key.pem", "authority.pem")]
    made.cert_chain_pems[0].write_to_path(files[0])
    made.private_key_pem.write_to_path(files[1])
    authority.cert_pem.write_to_path(files[2])
    settings = TlsSettings(certificate_file=files[0], key_file=files[1])
    door = Door("counter", Credentials(settings, server_side=True).filter)
    child = CHILD.replace("    sock.sendall", TLS_STEP + "    sock.sendall")
    assert await kib_each(door, child, TLS_TERMINALS, files[2]) <= TLS_KIB_EACH_MAX
