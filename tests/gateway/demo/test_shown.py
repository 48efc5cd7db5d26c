"""What people see: the live view and the final table, within 80 columns."""

from __future__ import annotations

import io

import trio
from rich.console import Console

from gateway.demo.judge import ENDS, Row, Tally, Verdict
from gateway.demo.table import money, print_verdict
from gateway.demo.view import View
from gateway.demo.watch import Figures

WIDTH = 80


def console() -> Console:
    return Console(file=io.StringIO(), width=WIDTH, force_terminal=False)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def verdict(*disagreements: str, unserved: int = 0) -> Verdict:
    def tally(count: int) -> Tally:
        return Tally(count, count * 100_000)

    counts = {"served": 48_123, "declined": 2_001, "reversed": 5_432}
    rows = {end: Row(*(tally(counts.get(end, 0)) for _ in range(3))) for end in ENDS}
    rows["served"].terminals = tally(48_123 - unserved)
    served, undone = rows["served"].journal.money, rows["reversed"].journal.money
    return Verdict(
        **{end: counts.get(end, 0) for end in ENDS},
        charges=sum(counts.values()),
        approved=53_555,
        charged_without_service=unserved,
        served_without_charge=0,
        double_reversals=0,
        duplicates_answered=321,
        books_agree=not disagreements,
        money={
            "served_by_journal": served,
            "kept_by_host": served,
            "served_by_terminals": rows["served"].terminals.money,
            "reversed_by_journal": undone,
            "given_back_by_host": undone,
            "reversed_never_charged": 0,
            "given_back_in_cases": 0,
        },
        rows=rows,
        disagreements=list(disagreements),
    )


def test_agreement_is_one_table_and_one_sentence() -> None:
    out = console()
    print_verdict(verdict(), remarks="gateway killed and restarted twice", console=out)
    shown = text_of(out)
    assert "charged without service: 0" in shown
    assert "the three books agree" in shown
    assert "killed and restarted twice" in shown
    assert "✗" not in shown
    assert max(map(len, shown.splitlines())) <= WIDTH
    assert "…" not in shown


def test_disagreement_is_said_and_marked() -> None:
    out = console()
    print_verdict(verdict("TAXI T1 amount 5: SOMETHING", unserved=2), console=out)
    shown = text_of(out)
    assert "THE BOOKS DO NOT AGREE" in shown
    assert "48,121 served ✗" in shown
    assert "✗ TAXI T1 amount 5: SOMETHING" in shown


def test_of_many_disagreements_the_first_are_shown() -> None:
    out = console()
    print_verdict(verdict(*(f"charge {n}" for n in range(50))), console=out)
    assert "and 30 more" in text_of(out)


def test_money_is_written_as_people_write_it() -> None:
    assert money(123_456_789) == "¥1,234,567.89"


async def test_the_live_view_shows_figures_events_and_the_gateways_state() -> None:
    figures = Figures(up=True, open=12, reversals_due=3, links=2, connected=287)
    figures.sales.update({"all": 1_234, "served": 1_000, "unserved": 234})
    figures.per_second.extend([40.0, 80.0, 120.0])
    out = console()
    view = View(figures, "isogate demo", 30.0, console=out)
    view.enter("traffic, with faults", from_zero=True)
    view.tell("kill -9 4711: the gateway is gone")
    out.print(view.picture())
    shown = text_of(out)
    for text in ("gateway up", "287", "1,234", "reversals due", "kill -9 4711", "charges/s", "█"):
        assert text in shown
    figures.up = False
    out.print(view.picture())
    assert "gateway down" in text_of(out)
    figures.stopped = True
    out.print(view.picture())
    assert "gateway stopped" in text_of(out)


async def test_without_a_terminal_there_are_plain_lines(autojump_clock: trio.abc.Clock) -> None:
    out = console()
    view = View(Figures(open=7), "isogate demo", 30.0, console=out)
    view.enter("traffic, with faults", from_zero=True)
    with trio.move_on_after(12):
        await view.run()
    lines = text_of(out).splitlines()
    assert "traffic, with faults" in lines[0]
    assert len(lines) == 3
    assert "open 7" in lines[1]
