"""What the commands share: the configuration argument and how its problems are told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
