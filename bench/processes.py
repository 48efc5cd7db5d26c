"""The processes of an end-to-end measurement: pinned to cores, ended by their id."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from bench.native import tool

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

RELAY: Final = Path(__file__).parents[1] / "examples" / "relay.toml"
WARMUP_S: Final = 0.5
_START_S: Final = 20.0
_STOP_S: Final = 15.0
_LINKS: Final = "2"
_PORTS: Final = (12_000, 32_000)
_PORTS_NEEDED: Final = 3


class Processes:
    """A context manager; on the way out everything that it started ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        cores = sorted(os.sched_getaffinity(0))
        self._gateway_core, self._load_core = cores[0], cores[-1]
        self.port, self.host_port, self.admin_port = _free_ports()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in reversed(self._started):
            self.end(process)

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """SIGTERM, and SIGKILL if that is not enough."""
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, command: Sequence[str], core: int) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own tools
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        os.sched_setaffinity(process.pid, {core})
        self._started.append(process)
        return process

    def host(self) -> subprocess.Popen[bytes]:
        """The stub host."""
        command = [str(tool("hostsim")), "--port", str(self.host_port)]
        process = self._start(command, self._load_core)
        self._until_up(process, self.host_port)
        return process

    def floor(self) -> subprocess.Popen[bytes]:
        """The bare relay in C."""
        command = [str(tool("cgate")), "--port", str(self.port)]
        command += ["--upstream-port", str(self.host_port), "--upstreams", _LINKS]
        process = self._start(command, self._gateway_core)
        self._until_up(process, self.port)
        return process

    def gateway(self, journal_kind: str) -> subprocess.Popen[bytes]:
        """examples/relay.toml with our ports, in the folder."""
        settings = {
            "listener.0.port": self.port,
            "host.0.port": self.host_port,
            "admin.port": self.admin_port,
            "journal.kind": journal_kind,
            "journal.path": self._folder / "bench.db",
        }
        command = [sys.executable, "-m", "gateway", "serve", str(RELAY)]
        command += [f"--set={key}={value}" for key, value in settings.items()]
        process = self._start(command, self._gateway_core)
        self._until_up(process, self.port)
        self._until_ready(process)
        return process

    def load(self, terminals: int, seconds: float, pid: int) -> dict[str, Any]:
        """One run of the load generator: what it reports of itself and of process `pid`."""
        command = [str(tool("loadgen")), "--port", str(self.port), "--conns", str(terminals)]
        command += ["--seconds", str(seconds), "--warmup", str(WARMUP_S), "--pid", str(pid)]
        pin = ["taskset", "-c", str(self._load_core)]
        done = subprocess.run(  # noqa: S603 - our own tools
            [*pin, *command], capture_output=True, timeout=seconds + 30, check=False
        )
        report: dict[str, Any] = json.loads(done.stdout)
        report["cpu_us"] = report["pid_cpu"][str(pid)]["cpu_us_tx"]
        return report

    def _until_up(self, process: subprocess.Popen[bytes], port: int) -> None:
        end = time.monotonic() + _START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                self._still_coming(process, end)
            else:
                return

    def _until_ready(self, process: subprocess.Popen[bytes]) -> None:
        url = f"http://127.0.0.1:{self.admin_port}/readyz"
        end = time.monotonic() + _START_S
        while True:
            try:
                urllib.request.urlopen(url, timeout=1).close()
            except (OSError, urllib.error.URLError):
                self._still_coming(process, end)
            else:
                return

    def _still_coming(self, process: subprocess.Popen[bytes], end: float) -> None:
        if process.poll() is not None or time.monotonic() > end:
            message = f"did not start: {(self._folder / 'log').read_text('utf-8')[-2_000:]}"
            raise RuntimeError(message)
        time.sleep(0.05)


def _free_ports() -> tuple[int, int, int]:
    """Below those that the kernel gives to clients: the load generator makes thousands of them."""
    found: list[int] = []
    while len(found) < _PORTS_NEEDED:
        port = random.randrange(*_PORTS)  # noqa: S311 - any will do
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found += [] if port in found else [port]
    first, second, third = found
    return first, second, third
