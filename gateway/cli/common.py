"""What the commands share: the configuration argument, how its problems are told, and stories."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from gateway.config import Config, ConfigError, load

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="Configuration file (TOML).")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY.PATH=VALUE", help="Override one key; list items by number."),
]

USAGE_ERROR = 2


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
