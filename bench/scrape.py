"""What a scrape of `/metrics` costs those who pay meanwhile: the same load, scraped and not.

Everything on, open loop at half of the maximum.  It is scraped once a second, fifteen times as
often as usual, so that the tail would show a stall.
"""

from __future__ import annotations

import threading
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.processes import Processes
from bench.progress import watched
from bench.report import Report, row
from bench.setups import EVERYTHING, workplace
from bench.side import maximum, one
from bench.verdicts import median, noise, noise_told, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS: Final = 3
_QUICK_ROUNDS: Final = 2
EVERY_S: Final = 1.0
_QUICK_EVERY_S: Final = 0.1
_TERMINALS: Final = 512
_QUICK_TERMINALS: Final = 64
_SECONDS: Final = 4.0
_QUICK_SECONDS: Final = 0.5
_HALF: Final = 0.5
_ALLOWED_US: Final = 1_000.0
_ASKING_S: Final = 10.0


class Scraper:
    """Asks again and again, and keeps how long the answer took and how large it was."""

    def __init__(self, port: int, every_s: float) -> None:
        self._port = port
        self._every_s = every_s
        self.took_ms: list[float] = []
        self.series: list[float] = []

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Scrape while the context lasts."""
        over = threading.Event()

        def scrape() -> None:
            while not over.wait(self._every_s):
                with suppress(OSError):
                    self._once()

        thread = threading.Thread(target=scrape)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _once(self) -> None:
        url = f"http://127.0.0.1:{self._port}/metrics"
        began = time.perf_counter()
        with urllib.request.urlopen(url, timeout=_ASKING_S) as answer:
            text = answer.read()
        self.took_ms.append((time.perf_counter() - began) * 1_000)
        self.series.append(sum(1 for line in text.splitlines() if not line.startswith(b"#")))


def run(*, quick: bool) -> Report:
    """Scraped and not scraped take turns."""
    terminals = _QUICK_TERMINALS if quick else _TERMINALS
    seconds = _QUICK_SECONDS if quick else _SECONDS
    every_s = _QUICK_EVERY_S if quick else EVERY_S
    rounds = _QUICK_ROUNDS if quick else ROUNDS
    rate = median(maximum(EVERYTHING, terminals, seconds / 4, rounds)) * _HALF
    alone: list[dict[str, Any]] = []
    scraped: list[dict[str, Any]] = []
    took_ms: list[float] = []
    series: list[float] = []
    for _ in watched(range(rounds), "scraped and not"):
        alone.append(one(EVERYTHING, terminals, seconds, rate=rate))
        load, scraper = _scraped(terminals, seconds, rate, every_s)
        scraped.append(load)
        took_ms += scraper.took_ms
        series += scraper.series
    where = f"{EVERYTHING.name}, {terminals} terminals, half of the maximum"
    report = told(where, scraped, alone)
    if took_ms:
        report.rows.append(row("a scrape, from asking to its last byte", took_ms, "ms"))
        report.rows.append(row("  series in it", series, "series"))
    else:
        report.remarks.append("no scrape was answered")
    return report


def told(where: str, scraped: list[dict[str, Any]], alone: list[dict[str, Any]]) -> Report:
    """The yardstick here is the gateway itself, while nobody scrapes it."""
    report = Report(bench="scrape", rows=[])
    noisy = noise([each["cpu_us"] for each in alone])
    if noisy:
        report.remarks.append(noise_told(where, "CPU a charge without a scrape", noisy))
    tails = [each["p99_us"] for each in alone]
    if max(tails) - min(tails) > _ALLOWED_US:
        noisy = max(noisy, spread(tails))
        report.remarks.append(
            f"{where}: this machine is too noisy to conclude: p99 without a scrape goes from"
            f" {min(tails) / 1e3:.1f} to {max(tails) / 1e3:.1f} ms, more than a scrape may add"
        )
    pairs = list(zip(scraped, alone, strict=True))
    added = [mine["p99_us"] - other["p99_us"] for mine, other in pairs]
    report.rows.append(row(f"{where}: added", added, "us, p99", _ALLOWED_US, noisy))
    report.rows.append(row("  sent", [each["rate"] for each in scraped], "charges/s"))
    for figure, unit in (("p50_us", "us, p50"), ("p99_us", "us, p99"), ("max_us", "us, max")):
        for who, loads in (("  scraped", scraped), ("  not scraped", alone)):
            report.rows.append(row(who, [each[figure] for each in loads], unit, noise=noisy))
    return report


def _scraped(
    terminals: int, seconds: float, rate: float, every_s: float
) -> tuple[dict[str, Any], Scraper]:
    with workplace() as folder, Processes(Path(folder), EVERYTHING) as processes:
        processes.host()
        gateway = processes.gateway()
        scraper = Scraper(processes.admin_port, every_s)
        with scraper.at_work():
            return processes.load(terminals, seconds, gateway.pid, rate=rate), scraper
