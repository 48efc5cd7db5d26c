"""The verdict as people see it: who says what of which charges, and the one line that matters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gateway.demo.judge import ENDS

if TYPE_CHECKING:
    from gateway.demo.judge import Tally, Verdict

DISAGREEMENTS_SHOWN_MAX: Final = 20
_HOST_SAYS: Final = {"served": "kept", "declined": "declined", "reversed": "not kept"}
_TERMINALS_SAY: Final = {
    "served": "served",
    "declined": "not served",
    "reversed": "not served",
    "refunded": "not served",
}


def print_verdict(verdict: Verdict, *, remarks: str = "", console: Console | None = None) -> None:
    """Print the table, the sums, and every disagreement."""
    console = console or Console()
    console.print()
    console.print(_table(verdict))
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
    table.add_column("journal", justify="right")
    table.add_column("money", justify="right")
    table.add_column("bank host", justify="right")
    table.add_column("terminals", justify="right")
    for end in ENDS:
        row = verdict.rows[end]
        table.add_row(
            end,
            f"{row.journal.count:,}",
            money(row.journal.money),
            _confirmed(row.host, row.journal, _HOST_SAYS.get(end, "")),
            _confirmed(row.terminals, row.journal, _TERMINALS_SAY.get(end, "")),
            style="" if row.journal.count else "dim",
        )
    table.add_section()
    total = sum(row.journal.money for row in verdict.rows.values())
    table.add_row("charges", f"{verdict.charges:,}", money(total), "", "", style="bold")
    _add_sums(table, verdict)
    return table


def _confirmed(other: Tally, journal: Tally, word: str) -> Text:
    """How many of the journal's charges another book bears out, in its own words."""
    if not journal.count:
        return Text()
    agrees = (other.count, other.money) == (journal.count, journal.money)
    return Text(f"{other.count:,} {word}".rstrip()) + _mark(agrees)


def _add_sums(table: Table, verdict: Verdict) -> None:
    """Money as each book sums it up by itself."""
    sums = verdict.money
    kept = sums["served_by_journal"]
    back = sums["reversed_by_journal"] - sums["reversed_never_charged"]
    table.add_section()
    table.add_row(
        "money kept",
        "",
        money(kept),
        _same(sums["kept_by_host"], kept),
        _same(sums["served_by_terminals"], kept),
    )
    given_back = sums["given_back_by_host"] - sums["given_back_in_cases"]
    table.add_row("given back", "", money(back), _same(given_back, back), "")


def _same(other: int, journal: int) -> Text:
    return Text(money(other)) + _mark(other == journal)


def _mark(agrees: bool) -> Text:
    return Text(" ✓", "green") if agrees else Text(" ✗", "bold red")


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
