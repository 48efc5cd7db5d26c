"""`serve`, `check`, `audit`: running a gateway and answering for its charges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import trio
import typer
from rich.console import Console
from rich.table import Table

from gateway import app as gateway_app
from gateway.audit import Audit, Report
from gateway.cli.common import (
    USAGE_ERROR,
    ConfigPath,
    Overrides,
    configuration,
    print_json,
    print_story,
)
from gateway.config import load
from gateway.config_warnings import warnings
from gateway.hardening import keep_memory_private
from gateway.journal import JournalError
from gateway.journal.vault import KeyFileError
from gateway.keys.port import CustodyError
from gateway.ops.catalogue import SERIES_MAX, series_max, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.journal.audit_log import Verified

EXIT_VIOLATION = 1
EXIT_LATE = 3


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(serve)
    app.command()(check)
    app.command()(audit)


def serve(config: ConfigPath, set_: Overrides = None) -> None:
    """Run the gateway in this process until SIGTERM (drains) or a second one (stops at once)."""
    settings = configuration(config, set_)
    keep_memory_private()
    failed = False
    try:
        trio.run(gateway_app.serve, settings, lambda: load(config, set_ or ()))
    except* (JournalError, KeyFileError, CustodyError, OSError) as errors:
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
    for warning in warnings(settings):
        typer.echo(f"{config}: warning: {warning}", err=True)
    typer.echo(f"{config}: good ({listeners} listener(s), {hosts} host(s))")
    series = series_max(shape_of(settings))
    advice = f"; a scrape is meant to have {SERIES_MAX:,} at most" if series > SERIES_MAX else ""
    typer.echo(f"metrics: {series:,} series at most{advice}")


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
    log: Annotated[
        bool, typer.Option("--log", help="Verify the audit log; exit 1 if its chain is broken.")
    ] = False,
) -> None:
    """Say for every charge how it ended, the totals, and whatever breaks an invariant.

    Exit status: 0 clean, 1 an invariant is broken, 2 usage, 3 (--final) a charge is open past its
    stated time.
    """
    settings = configuration(config, set_)
    try:
        with Audit(settings) as books:
            if log:
                _print_log(books.log(), as_json=as_json)
                return
            if charge:
                print_story(books.story(charge), charge, as_json=as_json)
                return
            report = books.report(each=each)
    except (JournalError, KeyFileError) as error:
        typer.echo(f"isogate: {error}", err=True)
        raise typer.Exit(USAGE_ERROR) from None
    if as_json:
        print_json(report)
    else:
        _print_report(report)
    if report.violations:
        raise typer.Exit(EXIT_VIOLATION)
    if final and report.late:
        raise typer.Exit(EXIT_LATE)


def _print_log(verified: Verified, *, as_json: bool) -> None:
    """How many lines hold and the last one's hash, which is worth writing down elsewhere."""
    if as_json:
        print_json(verified._asdict())
    elif not verified.broken:
        typer.echo(f"audit log: {verified.lines:,} lines hold, the last with {verified.head}")
    if verified.broken:
        typer.echo(f"audit log: broken: {verified.broken}", err=True)
        raise typer.Exit(EXIT_VIOLATION)


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
    if report.frozen:
        console.print(f"disputed, frozen: {report.frozen['charges']:,}, {report.frozen['money']:,}")
    if report.canaries:
        console.print(f"test charges, counted nowhere: {report.canaries:,}")
    if report.late:
        console.print(f"open past their stated time: {report.late}")
    for violation in report.violations:
        console.print(f"[red]violation[/]: {violation}")
    if not report.violations:
        console.print("no invariant is broken")
