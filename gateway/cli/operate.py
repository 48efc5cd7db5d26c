"""`serve`, `check`, `audit`, `cases`: running a gateway and answering for its charges."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import trio
import typer
from rich.console import Console
from rich.table import Table

from gateway import app as gateway_app
from gateway.audit import Audit, Report
from gateway.case_desk import CaseDeskError, close_case, list_cases
from gateway.cases import CLOSINGS
from gateway.cli.common import USAGE_ERROR, ConfigPath, Overrides, configuration
from gateway.journal import JournalError
from gateway.journal.vault import KeyFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIT_VIOLATION = 1
EXIT_LATE = 3


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(serve)
    app.command()(check)
    app.command()(audit)
    app.command()(cases)


def serve(config: ConfigPath, set_: Overrides = None) -> None:
    """Run the gateway in this process until SIGTERM (drains) or a second one (stops at once)."""
    settings = configuration(config, set_)
    failed = False
    try:
        trio.run(gateway_app.serve, settings)
    except* (JournalError, KeyFileError, OSError) as errors:
        failed = True
        for error in _causes(errors):
            typer.echo(f"isogate: {error}", err=True)
    if failed:
        raise typer.Exit(1)


def _causes(errors: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """What really happened, out of however many nurseries it came through."""
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _causes(error)
        else:
            yield error


def check(config: ConfigPath, set_: Overrides = None) -> None:
    """Say what is wrong with a configuration: key, value and why."""
    settings = configuration(config, set_)
    listeners, hosts = len(settings.listener), len(settings.host)
    typer.echo(f"{config}: good ({listeners} listener(s), {hosts} host(s))")


def audit(
    config: ConfigPath,
    set_: Overrides = None,
    *,
    final: Annotated[
        bool, typer.Option("--final", help="Exit 3 if a charge is open past its stated time.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    each: Annotated[bool, typer.Option("--each", help="With --json: list every charge.")] = False,
    charge: Annotated[int, typer.Option("--charge", help="Tell the story of one charge.")] = 0,
) -> None:
    """Say for every charge how it ended, the totals, and whatever breaks an invariant.

    Exit status: 0 clean, 1 an invariant is broken, 2 usage, 3 (--final) a charge is open past its
    stated time.
    """
    settings = configuration(config, set_)
    try:
        with Audit(settings) as books:
            if charge:
                _print_story(books.story(charge), charge, as_json=as_json)
                return
            report = books.report(each=each)
    except (JournalError, KeyFileError) as error:
        typer.echo(f"isogate: {error}", err=True)
        raise typer.Exit(USAGE_ERROR) from None
    if as_json:
        _print_json(report)
    else:
        _print_report(report)
    if report.violations:
        raise typer.Exit(EXIT_VIOLATION)
    if final and report.late:
        raise typer.Exit(EXIT_LATE)


def _print_json(value: Any) -> None:
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def _print_report(report: Report) -> None:
    table = Table(title="Charges and how they ended")
    table.add_column("end")
    table.add_column("charges", justify="right")
    table.add_column("money (minor units)", justify="right")
    for end in ("declined", "served", "reversed", "refunded", "cases", "open"):
        table.add_row(end, f"{getattr(report, end):,}", f"{report.money[end]:,}")
    table.add_section()
    table.add_row("charges", f"{report.charges:,}", f"{report.money['charges']:,}")
    console = Console()
    console.print(table)
    for name, ends in (("voids", report.voids), ("refunds", report.refunds)):
        if ends:
            said = ", ".join(f"{end} {count:,}" for end, count in sorted(ends.items()))
            console.print(f"{name} (served: they stand): {said}")
    if report.late:
        console.print(f"open past their stated time: {report.late}")
    for violation in report.violations:
        console.print(f"[red]violation[/]: {violation}")
    if not report.violations:
        console.print("no invariant is broken")


def _print_story(story: list[dict[str, Any]], charge: int, *, as_json: bool) -> None:
    if not story:
        typer.echo(f"charge {charge}: not in this journal", err=True)
        raise typer.Exit(USAGE_ERROR)
    if as_json:
        _print_json(story)
        return
    typer.echo(f"Charge {charge}, times in UTC")
    for line in story:
        told = f"  told {line['code']}" if line["code"] else ""
        remark = f"  {line['remark']}" if line["remark"] else ""
        typer.echo(f"{line['at']}  {line['event']:<22} -> {line['state']:<18}{told}{remark}")


def cases(
    config: ConfigPath,
    action: Annotated[str, typer.Argument(help="list, explain or close.")] = "list",
    charge: Annotated[int, typer.Argument(help="The charge, for explain and close.")] = 0,
    set_: Overrides = None,
    *,
    how: Annotated[str, typer.Option("--as", help=f"How to close it: {', '.join(CLOSINGS)}.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """List, explain or close the cases: charges that only a person can bring to their end."""
    settings = configuration(config, set_)
    try:
        match action:
            case "list":
                _print_cases(list_cases(settings), as_json=as_json)
            case "explain":
                with Audit(settings) as books:
                    _print_story(books.story(charge), charge, as_json=as_json)
            case "close" if how in CLOSINGS:
                typer.echo(f"charge {charge}: {close_case(settings, charge, how)}")
            case "close":
                typer.echo(f"--as: one of {', '.join(CLOSINGS)}", err=True)
                raise typer.Exit(USAGE_ERROR)
            case _:
                typer.echo(f"{action}: not list, explain or close", err=True)
                raise typer.Exit(USAGE_ERROR)
    except (CaseDeskError, JournalError, KeyFileError) as error:
        typer.echo(f"isogate: {error}", err=True)
        raise typer.Exit(1) from None


def _print_cases(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        _print_json(found)
        return
    table = Table(title=f"{len(found)} open case(s)")
    for column in ("charge", "amount", "currency", "card", "terminal", "host", "why"):
        table.add_column(column, justify="right" if column == "amount" else "left")
    for case in found:
        keys = ("id", "amount", "currency", "card", "terminal", "host", "why")
        table.add_row(*(str(case[key]) for key in keys))
    Console().print(table)
