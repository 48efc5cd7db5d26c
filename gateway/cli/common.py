"""What the commands share: the configuration argument, how its problems are told, and stories."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from gateway.config import Config, load
from gateway.config_overrides import ConfigError
from gateway.desk.requests import DeskError, NobodyThereError
from gateway.journal import JournalError
from gateway.journal.vault import KeyFileError
from gateway.keys.port import CustodyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="Configuration file (TOML).")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY.PATH=VALUE", help="Override one key; list items by number."),
]

AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
Days = Annotated[int, typer.Option("--days", min=1, help="How many days to look back.")]

Who = Annotated[
    str, typer.Option("--who", help="Who you are; by default your login name.", show_default=False)
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        envvar="ISOGATE_TOKEN_FILE",
        help="Your own token, where admin.token_file has one for each person.",
    ),
]

USAGE_ERROR = 2
EXIT_NOT_DONE = 1


def configuration(path: Path, overrides: list[str] | None) -> Config:
    """The checked configuration; ends the command with 2 and every problem when it is wrong."""
    try:
        return load(path, overrides or ())
    except ConfigError as error:
        for problem in error.problems:
            typer.echo(problem, err=True)
        raise typer.Exit(USAGE_ERROR) from None


def print_json(value: Any) -> None:
    """One JSON document on a line of stdout."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def print_facts(facts: dict[str, Any], *, as_json: bool) -> None:
    """Facts by name, a line each; or as one JSON document."""
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        typer.echo(f"{name.replace('_', ' ')}: {value}")


def print_story(story: list[dict[str, Any]], charge: int, *, as_json: bool) -> None:
    """One charge as a timeline: when, who, what, where that led to, and why."""
    if not story:
        typer.echo(f"charge {charge}: not in this journal", err=True)
        raise typer.Exit(USAGE_ERROR)
    if as_json:
        print_json(story)
        return
    typer.echo(f"Charge {charge}, times in UTC")
    for line in story:
        state = f" -> {line['state']}" if line["state"] else ""
        told = f"  told {line['code']}" if line["code"] else ""
        remark = f"  ({line['remark']})" if line["remark"] else ""
        typer.echo(f"{line['at']}  {line['who']} {line['what']}{state}{told}{remark}")


@contextmanager
def told() -> Iterator[None]:
    """What keeps a command from its work is told on stderr, exit status 1 or 2."""
    try:
        yield
    except DeskError as error:
        typer.echo(f"isogate: {error}", err=True)
        raise typer.Exit(USAGE_ERROR) from None
    except (NobodyThereError, JournalError, KeyFileError, CustodyError, OSError) as error:
        typer.echo(f"isogate: {error}", err=True)
        raise typer.Exit(EXIT_NOT_DONE) from None


def print_table(title: str, keys: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Rows as a table for people."""
    table = Table(title=title)
    for key in keys:
        numeric = bool(rows) and isinstance(rows[0][key], int | float)
        named = key in ("host", "merchant", "key")
        table.add_column(
            key.replace("_", " "), justify="right" if numeric else "left", no_wrap=named
        )
    for row in rows:
        table.add_row(*(str(row[key]) for key in keys))
    Console().print(table)
