"""The verdict as people see it: who says what of which charges, and the one line that matters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gateway.demo.verdict import ENDS

if TYPE_CHECKING:
    from gateway.demo.verdict import Row, Tally, Verdict

DISAGREEMENTS_SHOWN_MAX: Final = 20
_HOST_SAYS: Final = {
    "served": "kept",
    "declined": "declined",
    "reversed": "gave back or never took",
}
_TERMINALS_SAY: Final = {
    "served": "served",
    "declined": "did not serve",
    "reversed": "did not serve",
    "refunded": "did not serve",
}


def print_verdict(verdict: Verdict, *, remarks: str = "", console: Console | None = None) -> None:
    """Print the table, the sums, and every disagreement."""
    console = console or Console()
    console.print()
    console.print(_table(verdict))
    console.print(_sums(verdict), highlight=False)
    console.print(_sentence(verdict, remarks))
    for text in verdict.disagreements[:DISAGREEMENTS_SHOWN_MAX]:
        console.print(f"  [red]✗[/] {text}", highlight=False)
    more = len(verdict.disagreements) - DISAGREEMENTS_SHOWN_MAX
    if more > 0:
        console.print(f"  … and {more} more")


def money(minor: int) -> str:
    """Minor units as people write them.

    >>> money(123456)
    '¥1,234.56'
    """
    return f"¥{minor / 100:,.2f}"


def _table(verdict: Verdict) -> Table:
    table = Table(title="How every charge ended, by three independent books", title_style="bold")
    table.add_column("ended as", style="bold")
    for name in ("journal", "bank host", "terminals"):
        table.add_column(name, justify="right")
        table.add_column("", style="dim")
    for end in ENDS:
        row = verdict.rows[end]
        if row.journal.count or end not in ("refunded",):
            table.add_row(*_cells(end, row))
    table.add_section()
    total = sum(row.journal.money for row in verdict.rows.values())
    table.add_row("charges", f"{verdict.charges:,}", money(total), style="bold")
    return table


def _cells(end: str, row: Row) -> tuple[Text | str, ...]:
    return (
        end,
        f"{row.journal.count:,}",
        money(row.journal.money),
        _confirmed(row.host, row.journal),
        _HOST_SAYS.get(end, "") if row.journal.count else "",
        _confirmed(row.terminals, row.journal),
        _TERMINALS_SAY.get(end, "") if row.journal.count else "",
    )


def _confirmed(other: Tally, journal: Tally) -> Text:
    agrees = (other.count, other.money) == (journal.count, journal.money)
    mark = Text(" ✓", "green") if agrees else Text(" ✗", "bold red")
    return Text(f"{other.count:,}") + mark


def _sums(verdict: Verdict) -> Group:
    sums = verdict.money
    took = sums["kept_by_host"] + sums["given_back_by_host"] + sums["in_cases"]
    lines = [
        (
            f"money served     journal {money(sums['served_by_journal'])}"
            f" · host kept {money(sums['kept_by_host'])}"
            f" · terminals {money(sums['served_by_terminals'])}"
        ),
        (
            f"money reversed   journal {money(sums['reversed_by_journal'])}"
            f" · host gave back {money(sums['given_back_by_host'])}"
            f" · never charged {money(sums['reversed_never_charged'])}"
        ),
        f"money taken      {money(took)} in {verdict.approved:,} approvals",
    ]
    return Group(*(Text(line) for line in lines))


def _sentence(verdict: Verdict, remarks: str) -> Panel:
    good = verdict.books_agree
    style = "green" if good else "red"
    text = Text(justify="center")
    text.append(f"charged without service: {verdict.charged_without_service}", f"bold {style}")
    text.append(f"   served without charge: {verdict.served_without_charge}")
    text.append(f"   double reversals: {verdict.double_reversals}\n")
    text.append(f"repeats answered: {verdict.duplicates_answered:,}", "dim")
    if remarks:
        text.append(f" · {remarks}", "dim")
    said = "the three books agree" if good else "THE BOOKS DO NOT AGREE"
    return Panel(text, title=f"[bold {style}]{said}", border_style=style, expand=False)
