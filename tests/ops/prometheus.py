"""A real Prometheus that scrapes one gateway, with the rules for a test's time."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.adversity.stage import free_ports, wait_until
from tests.ops import faster

EVERY_S: Final = 1
START_S: Final = 60.0
STOP_S: Final = 30.0
CONFIG: Final = """
global:
  scrape_interval: {every}s
  scrape_timeout: {every}s
  evaluation_interval: {every}s
rule_files: {rules}
scrape_configs:
  - job_name: isogate
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""


class Prometheus:
    """Runs as long as its context; every question is one of its HTTP API."""

    def __init__(self, folder: Path, gateway_port: int) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        (self.port,) = free_ports(1)
        rules = json.dumps([str(path) for path in faster.write(folder)])
        config = CONFIG.format(every=EVERY_S, rules=rules, port=gateway_port)
        (folder / "prometheus.yml").write_text(config)

    def __enter__(self) -> Self:
        program = shutil.which("prometheus")
        assert program, "Debian's package prometheus is not installed"
        with (self._folder / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    program,
                    f"--config.file={self._folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdout=log,
                stderr=log,
            )
        wait_until(self._is_ready, START_S, "Prometheus is ready")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(STOP_S)

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, (self._folder / "prometheus.log").read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as page:
                return bool(page.status == 200)
        except OSError:
            return False

    def ask(self, what: str, **query: str | float) -> Any:
        """`data` of an answer of its API."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{what}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]

    def firing(self) -> set[str]:
        """Alerts that fire now."""
        alerts = self.ask("alerts")["alerts"]
        return {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}

    def series(self, expr: str, start: float, end: float) -> list[dict[str, Any]]:
        """A query over a time, second by second."""
        found: list[dict[str, Any]]
        found = self.ask("query_range", query=expr, start=start, end=end, step=EVERY_S)["result"]
        return found
