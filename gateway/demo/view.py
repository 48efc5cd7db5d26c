"""The live view on stderr: a picture for a person at a terminal, plain lines for anything else."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import trio
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from gateway.demo.watch import Figures

REFRESHES_PER_S: Final = 4
PLAIN_EVERY_S: Final = 5.0
_EVENTS_SHOWN: Final = 7
_BARS: Final = " ▁▂▃▄▅▆▇█"
_WIDTH: Final = 78


class View:
    """Shows `figures` and a list of events until its `run` is cancelled."""

    def __init__(
        self, figures: Figures, title: str, seconds: float, *, console: Console | None = None
    ) -> None:
        self._figures = figures
        self._title = title
        self._seconds = seconds
        self._events: deque[tuple[float, str]] = deque(maxlen=_EVENTS_SHOWN)
        self._console = console or Console(stderr=True)
        self._began = trio.current_time()
        self._phase = "starting"

    def enter(self, phase: str, *, from_zero: bool = False) -> None:
        """A new phase of the play; the clock counts from the traffic's beginning."""
        self._phase = phase
        if from_zero:
            self._began = trio.current_time()
        self.tell(phase)

    def tell(self, event: str) -> None:
        """Something worth a line happened."""
        self._events.append((self._elapsed_s, event))
        if not self._console.is_terminal:
            self._print_plain(event)

    async def run(self) -> None:
        """Keep what is shown up to date."""
        if not self._console.is_terminal:
            while True:
                await trio.sleep(PLAIN_EVERY_S)
                self._print_plain(self._plain_figures())
        with Live(console=self._console, auto_refresh=False, transient=True) as live:
            while True:
                live.update(self.picture(), refresh=True)
                await trio.sleep(1 / REFRESHES_PER_S)

    @property
    def _elapsed_s(self) -> float:
        return trio.current_time() - self._began

    # For a person

    def picture(self) -> Panel:
        """Everything as it stands now."""
        elapsed = self._elapsed_s if self._in_play else 0.0
        bar = ProgressBar(total=self._seconds, completed=min(elapsed, self._seconds), width=28)
        progress = Table.grid(padding=(0, 2))
        progress.add_row(bar, f"{self._elapsed_s:5.1f} s", f"[bold]{self._phase}")
        parts = (progress, Text(), self._three_boxes(), Text(), self._curve(), Text())
        return Panel(
            Group(*parts, self._event_lines()),
            title=f"[bold]{self._title}",
            border_style="blue",
            width=_WIDTH,
            padding=(1, 2),
        )

    @property
    def _in_play(self) -> bool:
        return self._phase != "starting"

    def _three_boxes(self) -> Table:
        f = self._figures
        table = Table.grid(expand=True, padding=(0, 2))
        for _ in range(3):
            table.add_column(ratio=1)
        table.add_row(
            _box(
                "terminals",
                {
                    "connected": f"{f.connected:,}",
                    "sales ended": f"{f.sales['all']:,}",
                    "served": f"{f.sales['served']:,}",
                    "not served": f"{f.sales['unserved']:,}",
                },
            ),
            _box(
                f"gateway {_state(f)}",
                {
                    "open charges": f"{f.open:,}",
                    "reversals due": f"{f.reversals_due:,}",
                    "cases": f"{f.cases:,}",
                    "host links": f"{f.links:,}",
                },
            ),
            _box(
                "bank host",
                {
                    "charged": f"{f.bank['charged']:,}",
                    "declined": f"{f.bank['declined']:,}",
                    "gave back": f"{f.bank['gave back']:,}",
                    "silent or late": f"{f.bank['unanswered']:,}",
                },
            ),
        )
        return table

    def _curve(self) -> Text:
        history = list(self._figures.per_second)
        top = max([*history, 1.0])
        bars = "".join(_BARS[round(value / top * (len(_BARS) - 1))] for value in history)
        return Text(f"{self._figures.rate:5.0f} charges/s ", "bold") + Text(bars, "cyan")

    def _event_lines(self) -> Text:
        lines = Text()
        for at, event in self._events:
            lines.append(f"{at:6.1f} s  ", "dim")
            lines.append(event + "\n", "yellow" if "kill" in event or "drop" in event else "")
        return lines

    # For a file

    def _print_plain(self, text: str) -> None:
        self._console.print(f"{self._elapsed_s:6.1f} s  {text}", highlight=False, soft_wrap=True)

    def _plain_figures(self) -> str:
        f = self._figures
        return (
            f"{f.rate:.0f} charges/s · {f.sales['all']:,} sales ended, {f.sales['served']:,} served"
            f" · open {f.open}, reversals due {f.reversals_due}, cases {f.cases}"
            f" · links {f.links} · gateway {'up' if f.up else 'down'}"
        )


def _state(figures: Figures) -> str:
    if figures.stopped:
        return "[dim]stopped[/]"
    return "[green]up[/]" if figures.up else "[bold red]down[/]"


def _box(title: str, values: dict[str, str]) -> Panel:
    grid = Table.grid(expand=True)
    grid.add_column()
    grid.add_column(justify="right", style="bold")
    for name, value in values.items():
        grid.add_row(name, value)
    return Panel(grid, title=title, border_style="dim")
