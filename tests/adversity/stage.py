"""Real processes for the adversity tests: a gateway, the C host and terminals, and how they end.

Every process ends with the stage, by its own id.  No checks here.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from bench.native import tool

ROOT: Final = Path(__file__).parents[2]
RELAY: Final = ROOT / "examples" / "relay.toml"
START_S: Final = 20.0
STOP_S: Final = 20.0
AUDIT_S: Final = 60.0
_PORTS: Final = (12_000, 32_000)


def free_ports(count: int) -> list[int]:
    """So many ports of loopback on which nobody listens.

    Below those that the kernel gives to clients, or a client might sit on one by the time that
    its listener comes back after a kill.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(*_PORTS)  # noqa: S311 - any will do
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found += [] if port in found else [port]
    return found


def wait_until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Look again and again until it is true; a failure names what never came."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


class Stage:
    """One folder, one gateway configuration, and the processes started for them."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.port, self.host_port, self.admin_port = free_ports(3)
        self.journal = folder / "journal.db"
        self._settings: dict[str, object] = {
            "listener.0.port": self.port,
            "host.0.port": self.host_port,
            "admin.port": self.admin_port,
            "journal.path": self.journal,
            "host.0.reconnect_max_s": 0.5,
            **{key.replace("__", "."): value for key, value in settings.items()},
        }
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()

    def run(
        self,
        command: Sequence[str],
        log: str,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a process whose output is added to a file of the folder."""
        with (self.folder / log).open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(env or {})},
            )
        self._started.append(process)
        return process

    def command(self, verb: str) -> list[str]:
        """`python -m gateway` with this stage's configuration."""
        overrides = [f"--set={key}={value}" for key, value in self._settings.items()]
        return [sys.executable, "-m", "gateway", verb, str(RELAY), *overrides]

    def gateway(
        self,
        *,
        ready: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start the gateway; with `ready`, return once it has a usable host link."""
        process = self.run(self.command("serve"), "gateway.log", env)

        def listening() -> bool:
            assert process.poll() is None, (self.folder / "gateway.log").read_text()
            status, _ = self.ask("readyz")
            return status == 200 or (status == 503 and not ready)

        wait_until(listening, START_S, "the gateway answers /readyz")
        return process

    def ask(self, page: str) -> tuple[int, str]:
        """A page of the admin side: status and text; status 0 when nobody answers."""
        try:
            url = f"http://127.0.0.1:{self.admin_port}/{page}"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def host(self, book: Path, *options: str) -> subprocess.Popen[bytes]:
        """The C host, writing its book."""
        where = ["--port", str(self.host_port), "--book", str(book)]
        process = self.run([str(tool("hostsim")), *where, *options], "host.log")
        wait_until(lambda: accepts(self.host_port), START_S, "the host listens")
        return process

    def terminals(self, book: Path, *options: str) -> subprocess.Popen[bytes]:
        """The C terminals, writing their book."""
        where = ["--port", str(self.port), "--book", str(book), "--warmup", "0"]
        return self.run([str(tool("loadgen")), *where, *options], "terminals.log")

    def audit(self, *options: str) -> tuple[int, dict[str, Any]]:
        """Exit status and report of `audit --json`."""
        done = subprocess.run(
            [*self.command("audit"), "--json", *options],
            cwd=ROOT,
            capture_output=True,
            timeout=AUDIT_S,
            check=False,
        )
        assert done.stdout, done.stderr.decode()
        return done.returncode, json.loads(done.stdout)

    def until_all_ended(self, seconds: float) -> dict[str, Any]:
        """Wait until the audit finds no open charge; the last report, held to `--final`."""
        report: dict[str, Any] = {}

        def ended() -> bool:
            nonlocal report
            _, report = self.audit()
            return bool(report["open"] == 0)

        wait_until(ended, seconds, "every charge comes to its end")
        status, report = self.audit("--final")
        assert (status, report["open"]) == (0, 0), report
        return report


def stop(process: subprocess.Popen[bytes]) -> int:
    """SIGTERM and wait; the exit status."""
    process.send_signal(signal.SIGTERM)
    return process.wait(STOP_S)


def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
