"""What happens, in figures: the gateway's metrics, and the two books as they grow.

Reads only.  A gateway that is down answers nothing; the figures then stand still.
"""

from __future__ import annotations

import http.client
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec
import trio
from prometheus_client.parser import text_string_to_metric_families

from gateway.demo.verdict import HOST_BOOK, TERMINALS_BOOK
from routing.charge import OPEN_STATES

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.demo.stage import Stage

PERIOD_S: Final = 0.5
HISTORY_MAX: Final = 60
"""Periods that the curve of the rate shows."""
_TIMEOUT_S: Final = 1.0
_POLL_S: Final = 0.05


@dataclass(slots=True)
class Figures:
    """What there is to show."""

    up: bool = False
    stopped: bool = False
    """The gateway was asked to stop, and did."""
    open: int = 0
    reversals_due: int = 0
    cases: int = 0
    links: int = 0
    connected: int = 0
    sales: Counter[str] = field(default_factory=Counter)
    """By how they ended for the terminals; `served` apart."""
    bank: Counter[str] = field(default_factory=Counter)
    per_second: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY_MAX))

    @property
    def rate(self) -> float:
        """Charges decided by the host in the last second."""
        recent = list(self.per_second)[-round(1 / PERIOD_S) :]
        return sum(recent) / len(recent) if recent else 0.0


class Tail:
    """New whole lines of a growing file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def lines(self) -> list[dict[str, object]]:
        """Those that came since the last call."""
        with self._path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        return [msgspec.json.decode(line) for line in whole.splitlines()]


class Watch:
    """Keeps `figures` up to date."""

    def __init__(self, stage: Stage) -> None:
        self.figures = Figures()
        self._admin = stage.ports.admin
        self._terminals = Tail(stage.folder / TERMINALS_BOOK)
        self._host = Tail(stage.folder / HOST_BOOK)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            began = trio.current_time()
            await self.look()
            await trio.sleep_until(began + PERIOD_S)

    async def look(self) -> None:
        """Once."""
        figures = self.figures
        page = await self.page("/metrics")
        figures.up = page is not None
        if page is not None:
            self._take_metrics(page)
        else:
            figures.links = figures.connected = 0
        for line in self._terminals.lines():
            figures.sales["all"] += 1
            figures.sales["served" if line["served"] else "unserved"] += 1
            figures.sales["reversed by terminal"] += bool(line["reversed_by_me"])
        charges = 0
        for line in self._host.lines():
            charges += line["kind"] == "charge"
            self._take_bank_line(line)
        figures.per_second.append(charges / PERIOD_S)

    async def ready(self, gateway: trio.Process, within_s: float) -> bool:
        """Wait until the gateway says that it is ready; False if it ends or takes too long."""
        with trio.move_on_after(within_s):
            while gateway.returncode is None:
                if await self.page("/readyz") is not None:
                    return True
                await trio.sleep(_POLL_S)
        return False

    async def page(self, path: str) -> str | None:
        """A page of the gateway's admin site; None unless it is there and answers 200."""
        return await trio.to_thread.run_sync(_get, self._admin, path)

    def _take_metrics(self, page: str) -> None:
        samples = {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
        }
        figures = self.figures
        figures.open = round(
            sum(samples.get(("gateway_charges", state.lower()), 0) for state in OPEN_STATES)
        )
        figures.reversals_due = round(samples.get(("gateway_reversals_due",), 0))
        figures.cases = round(samples.get(("gateway_cases_open",), 0))
        figures.links = round(samples.get(("gateway_host_links_usable", "bank"), 0))
        figures.connected = round(samples.get(("gateway_terminals_connected",), 0))

    def _take_bank_line(self, line: dict[str, object]) -> None:
        bank = self.figures.bank
        bank["unanswered"] += line["answered"] is not True
        if line["kind"] == "charge":
            bank["charged" if line["code"] == "00" else "declined"] += 1
        else:
            bank["gave back"] += bool(line["gave_back"])


def _get(port: int, path: str) -> str | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        text = response.read().decode()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return text if response.status == http.client.OK else None
