"""The processes of an end-to-end measurement: pinned to cores, ended by their id."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from prometheus_client.parser import text_string_to_metric_families

from bench.native import tool
from bench.setups import KEY, RELAY, Setup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from prometheus_client.samples import Sample

CONFIG: Final = Path(__file__).parents[1] / "examples" / "relay.toml"
WARMUP_S: Final = 0.5
_START_S: Final = 20.0
_UNDER_VALGRIND_S: Final = 240.0
_STOP_S: Final = 15.0
_ASKING_S: Final = 5.0
_LOAD_MORE_S: Final = 60.0
"""What connecting thousands of terminals may take beside the run itself."""
_LINKS: Final = "2"
_PORTS: Final = (12_000, 32_000)
_PORTS_NEEDED: Final = 4


class Processes:
    """A context manager; on the way out everything that it started ends.

    `wrapper` stands before the command of the gateway or the floor: `valgrind …`.
    """

    def __init__(self, folder: Path, setup: Setup = RELAY, wrapper: Sequence[str] = ()) -> None:
        self.folder = folder
        self._setup = setup
        self._wrapper = list(wrapper)
        self._start_s = _UNDER_VALGRIND_S if wrapper else _START_S
        self._started: list[subprocess.Popen[bytes]] = []
        cores = sorted(os.sched_getaffinity(0))
        self._gateway_core, self.load_core = cores[0], cores[-1]
        self.port, self.host_port, self.admin_port, self.tls_port = _free_ports()

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

    def end(self, process: subprocess.Popen[bytes], seconds: float = _STOP_S) -> None:
        """SIGTERM, and SIGKILL if that is not enough."""
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @property
    def log(self) -> str:
        """What the processes wrote."""
        return (self.folder / "log").read_text("utf-8", "replace")

    def _start(self, command: Sequence[str], core: int) -> subprocess.Popen[bytes]:
        pin = ["taskset", "-c", str(core)]
        with (self.folder / "log").open("ab") as log, _no_end_yet():
            process = subprocess.Popen(  # noqa: S603 - our own tools
                [*pin, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            self._started.append(process)
        return process

    def host(self, *, wrapped: bool = False, delay_us: int = 0) -> subprocess.Popen[bytes]:
        """The stub host; it answers after `delay_us` microseconds."""
        command = [*self._wrapper] if wrapped else []
        command += [str(tool("hostsim")), "--port", str(self.host_port)]
        command += ["--delay-us", str(delay_us)] if delay_us else []
        process = self._start([*command, *self._setup.tool_options], self.load_core)
        self._until_up(process, self.host_port)
        return process

    def floor(self) -> subprocess.Popen[bytes]:
        """The bare relay in C."""
        command = [*self._wrapper, str(tool("cgate")), "--port", str(self.port)]
        command += ["--upstream-port", str(self.host_port), "--upstreams", _LINKS]
        process = self._start(command, self._gateway_core)
        self._until_up(process, self.port)
        return process

    def settings(self, others: Mapping[str, object] | None = None) -> list[str]:
        """What differs from `examples/relay.toml`: our ports, the journal's place, the MAC."""
        settings: dict[str, object] = {
            "listener.0.port": self.port,
            "host.0.port": self.host_port,
            "admin.port": self.admin_port,
            "journal.kind": self._setup.journal,
            "journal.path": self.folder / "bench.db",
        }
        if self._setup.mac != "none":
            key_file = self.folder / "mac.key"
            key_file.touch(0o600)
            key_file.write_text(KEY, "ascii")
            for side in ("listener", "host"):
                settings[f"{side}.0.mac.algorithm"] = self._setup.mac
                settings[f"{side}.0.mac.key_file"] = key_file
        settings |= others or {}
        return [f"--set={key}={value}" for key, value in settings.items()]

    def gateway(self, others: Mapping[str, object] | None = None) -> subprocess.Popen[bytes]:
        """examples/relay.toml, as the setup wants it."""
        command = [*self._wrapper, sys.executable, "-m", "gateway", "serve", str(CONFIG)]
        process = self._start([*command, *self.settings(others)], self._gateway_core)
        self._until_up(process, self.port)
        self._until_ready(process)
        return process

    def load(
        self,
        terminals: int,
        seconds: float,
        pid: int,
        *,
        rate: float = 0,
        warmup_s: float = WARMUP_S,
    ) -> dict[str, Any]:
        """One run of the load generator: what it reports of itself, and of process `pid` with all
        its children, as `cpu_us` a charge and `memory_mib` (resident, the most so far).

        With a `rate` (charges/s) the generator is open-loop: it sends when the time has come, and
        latency counts from then.
        """
        pids = [pid, *children(pid)]
        done = subprocess.run(  # noqa: S603 - our own tools
            self.load_command(terminals, seconds, pids, rate=rate, warmup_s=warmup_s),
            capture_output=True,
            timeout=seconds + warmup_s + _LOAD_MORE_S,
            check=False,
        )
        if not done.stdout:
            message = f"the load generator failed: {done.stderr.decode('utf-8', 'replace')}"
            raise RuntimeError(message)
        report: dict[str, Any] = json.loads(done.stdout)
        report["cpu_us"] = sum(each["cpu_us_tx"] for each in report["pid_cpu"].values())
        report["system_us"] = sum(each["system_us_tx"] for each in report["pid_cpu"].values())
        report["memory_mib"] = sum(memory_kib(each, "VmHWM") for each in pids) / 1024
        return report

    def load_command(
        self,
        terminals: int,
        seconds: float,
        pids: Sequence[int],
        *,
        rate: float = 0,
        warmup_s: float = WARMUP_S,
        wrapper: Sequence[str] = (),
    ) -> list[str]:
        """The load generator, pinned beside the host."""
        command = ["taskset", "-c", str(self.load_core), *wrapper, str(tool("loadgen"))]
        command += ["--port", str(self.port), "--conns", str(terminals)]
        command += ["--seconds", str(seconds), "--warmup", str(warmup_s)]
        command += ["--pid", ",".join(str(each) for each in pids)]
        command += ["--rate", str(rate)] if rate else []
        return [*command, *self._setup.tool_options]

    def metrics(self) -> dict[str, float]:
        """The gateway's own numbers by name; those with labels, their sum."""
        found: dict[str, float] = {}
        for sample in self._samples():
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
        return found

    def counted(self, name: str, label: str) -> dict[str, float]:
        """One metric of the gateway by one of its labels."""
        return {
            sample.labels[label]: sample.value for sample in self._samples() if sample.name == name
        }

    def _samples(self) -> Iterator[Sample]:
        url = f"http://127.0.0.1:{self.admin_port}/metrics"
        with urllib.request.urlopen(url, timeout=_ASKING_S) as reply:
            text = reply.read().decode("utf-8")
        for family in text_string_to_metric_families(text):
            yield from family.samples

    def _until_up(self, process: subprocess.Popen[bytes], port: int) -> None:
        end = time.monotonic() + self._start_s
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                self._still_coming(process, end)
            else:
                return

    def _until_ready(self, process: subprocess.Popen[bytes]) -> None:
        url = f"http://127.0.0.1:{self.admin_port}/readyz"
        end = time.monotonic() + self._start_s
        while True:
            try:
                urllib.request.urlopen(url, timeout=_ASKING_S).close()
            except (OSError, urllib.error.URLError):
                self._still_coming(process, end)
            else:
                return

    def _still_coming(self, process: subprocess.Popen[bytes], end: float) -> None:
        if process.poll() is not None or time.monotonic() > end:
            message = f"did not start: {self.log[-2_000:]}"
            raise RuntimeError(message)
        time.sleep(0.05)


def end_in_order() -> None:
    """From now on SIGTERM is an exit like others, on whose way out all that was started ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


@contextmanager
def _no_end_yet() -> Iterator[None]:
    """SIGTERM waits: what has just been started must be known to be ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
    for number in asked:
        os.kill(os.getpid(), number)


def children(pid: int) -> Iterator[int]:
    """Every process that descends from `pid` now."""
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in file.read_text("ascii").split():
                yield int(child)
                yield from children(int(child))


def memory_kib(pid: int, what: str = "VmRSS") -> int:
    """Resident memory now (`VmRSS`) or at most so far (`VmHWM`); 0 if the process is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1])
    return 0


def _free_ports() -> tuple[int, int, int, int]:
    """Below those that the kernel gives to clients: the load generator makes thousands of them."""
    found: list[int] = []
    while len(found) < _PORTS_NEEDED:
        port = random.randrange(*_PORTS)  # noqa: S311 - any will do
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found += [] if port in found else [port]
    first, second, third, fourth = found
    return first, second, third, fourth
