"""`doctor`, `ready`, `log-level`, `reload`, `explain`: before, while and after a gateway runs."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, cast

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from gateway import doctor as examinations
from gateway import timeline
from gateway.cli.common import (
    EXIT_NOT_DONE,
    USAGE_ERROR,
    AsJson,
    ConfigPath,
    Overrides,
    TokenFile,
    Who,
    configuration,
    print_json,
)
from gateway.desk.counter import admin_request
from gateway.desk.people import People
from gateway.doctor import Verdict
from gateway.journal import JournalError
from gateway.journal.desk_reader import DeskReader
from gateway.journal.vault import KeyFileError
from gateway.log import LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.config import Config
    from gateway.doctor import Finding

_TIMEOUT_S = 10.0
_LOOK_AGAIN_S = 0.1
_COLOURS = {Verdict.WELL: "green", Verdict.WARNING: "yellow", Verdict.WRONG: "red"}


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(doctor)
    app.command()(ready)
    app.command(name="log-level")(log_level)
    app.command()(explain)
    app.command()(reload)


def doctor(config: ConfigPath, set_: Overrides = None, *, as_json: AsJson = False) -> None:
    """Examine this machine for what would keep the gateway from its work, and say what to do.

    Looks at clock, disk, descriptors, core dumps, keys, certificates and hosts.  Exit status 0
    unless something is wrong; warnings leave it at 0.
    """
    findings = list(examinations.examine(configuration(config, set_)))
    if as_json:
        print_json(findings)
    else:
        _print(findings)
    if any(each.verdict is Verdict.WRONG for each in findings):
        raise typer.Exit(EXIT_NOT_DONE)


def _print(findings: Sequence[Finding]) -> None:
    table = Table(title="Is this machine fit for the gateway?")
    for column in ("what", "verdict", "found", "what to do"):
        table.add_column(column, overflow="fold")
    for each in findings:
        verdict = f"[{_COLOURS[each.verdict]}]{each.verdict}[/]"
        table.add_row(each.what, verdict, each.found, each.advice)
    Console().print(table)


def ready(
    config: ConfigPath,
    set_: Overrides = None,
    *,
    wait_s: Annotated[float, typer.Option("--wait-s", min=0, help="Wait so long for it.")] = 0.0,
) -> None:
    """Say whether a running gateway is ready for terminals, or why not; exit status 0 or 1."""
    settings = configuration(config, set_)
    until = time.monotonic() + wait_s
    while not (answer := _readiness(settings)).ready and time.monotonic() < until:
        time.sleep(_LOOK_AGAIN_S)
    typer.echo(answer.said, err=not answer.ready)
    if not answer.ready:
        raise typer.Exit(EXIT_NOT_DONE)


class _Readiness(NamedTuple):
    ready: bool
    said: str


def _readiness(config: Config) -> _Readiness:
    url = f"http://{config.admin.host}:{config.admin.port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            return _Readiness(ready=True, said=answer.read().decode().strip())
    except urllib.error.HTTPError as error:
        with error:
            return _Readiness(ready=False, said=error.read().decode().strip())
    except OSError:
        return _Readiness(ready=False, said=f"no gateway answers at {url}")


def log_level(
    config: ConfigPath,
    level: Annotated[str, typer.Argument(help=f"One of {', '.join(LEVELS)}.")],
    set_: Overrides = None,
    *,
    who: Who = "",
    token_file: TokenFile = None,
) -> None:
    """Change what a running gateway logs; `debug` adds every step of every charge."""
    settings = configuration(config, set_)
    said = _asked(settings, "PUT", "/log", {"level": level, "who": who}, token_file)
    typer.echo(f"log level: {said['level']} (was {said['was']})")


def reload(
    config: ConfigPath,
    set_: Overrides = None,
    *,
    who: Who = "",
    token_file: TokenFile = None,
) -> None:
    """Have a running gateway read its configuration anew: all of it, or nothing is changed.

    It reads the file and the overrides that it was started with.  Exit 1 if it refuses, with why.
    """
    _asked(configuration(config, set_), "POST", "/reload", {"who": who}, token_file)
    typer.echo("reloaded")


def _asked(
    settings: Config, method: str, path: str, body: object, token_file: Path | None
) -> dict[str, Any]:
    """What the running gateway says; ends the command with 1 and why if it refuses."""
    token = token_file.read_text("utf-8").strip() if token_file else ""
    token = token or People.of(settings.admin.token_file).shared_token
    request = admin_request(settings, method, path, body, token)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return cast("dict[str, Any]", msgspec.json.decode(answer.read()))
    except urllib.error.HTTPError as error:
        with error:
            said = msgspec.json.decode(error.read())
        for why in said.get("problems") or [said.get("error", "")]:
            typer.echo(f"isogate: {why}", err=True)
        raise typer.Exit(EXIT_NOT_DONE) from None
    except OSError as error:
        typer.echo(f"isogate: no gateway answers at {request.full_url}: {error}", err=True)
        raise typer.Exit(EXIT_NOT_DONE) from None


def explain(
    config: ConfigPath,
    about: Annotated[str, typer.Argument(metavar="CHARGE|REQUEST", help="Its number or name.")],
    set_: Overrides = None,
    *,
    log: Annotated[
        list[Path] | None,
        typer.Option("--log", help="Log files to look into, besides the one of the configuration."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell one charge or account request as a timeline out of journal, audit log and log.

    Exit status 0 if there is one, 2 if there is none or something can't be read.
    """
    settings = configuration(config, set_)
    logs = [*(log or ()), *([Path(settings.log.file)] if settings.log.file else [])]
    try:
        with DeskReader(settings) as reader:
            lines = (
                timeline.of_charge(reader, logs, int(about))
                if about.isascii() and about.isdigit()
                else timeline.of_request(reader, logs, about)
            )
    except (JournalError, KeyFileError, OSError) as error:
        typer.echo(f"isogate: {error}", err=True)
        raise typer.Exit(USAGE_ERROR) from None
    if not lines:
        typer.echo(f"{about}: nothing is written of it here", err=True)
        raise typer.Exit(USAGE_ERROR)
    if as_json:
        print_json(lines)
        return
    for line in lines:
        state = f" -> {line.state}" if line.state else ""
        more = f"  ({line.more})" if line.more else ""
        typer.echo(f"{line.at}  {line.source:<7}  {line.who}: {line.what}{state}{more}")
