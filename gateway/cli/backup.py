"""`backup`: the whole journal, now; a backup tried; a backup restored."""

from __future__ import annotations

import time
from pathlib import Path  # noqa: TC003 - the command line is made from annotations
from typing import Annotated, Any

import typer

from gateway.cli.common import (
    EXIT_NOT_DONE,
    USAGE_ERROR,
    AsJson,
    ConfigPath,
    Overrides,
    configuration,
    print_json,
    told,
)
from gateway.journal_backups import (
    BackupFailedError,
    Contents,
    back_up,
    restore,
    restored_for_a_test,
    where_of,
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(backup)


def backup(
    config: ConfigPath,
    action: Annotated[str, typer.Argument(help="make, test or restore.")] = "make",
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="A backup.")] = None,
    set_: Overrides = None,
    *,
    to: Annotated[Path | None, typer.Option("--to", help="Where to restore; a new file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Back the journal up beside a running gateway, and see whether the backup can be restored.

    Exit status: 0 it is good, 1 it is not, 2 usage.
    """
    where = where_of(configuration(config, set_))
    if (action != "make" and file is None) or (action == "restore" and to is None):
        typer.echo("backup test FILE; backup restore FILE --to FILE", err=True)
        raise typer.Exit(USAGE_ERROR)
    try:
        with told():
            if action == "make":
                made = back_up(where, time.time())
                _say(str(made.file), made.contents, as_json=as_json)
            elif action == "test" and file is not None:
                _say(str(file), restored_for_a_test(file, where), as_json=as_json)
            elif action == "restore" and file is not None and to is not None:
                contents = restored_for_a_test(file, where)
                restore(file, to, where)
                _say(str(to), contents, as_json=as_json)
            else:
                typer.echo(f"{action}: not make, test or restore", err=True)
                raise typer.Exit(USAGE_ERROR)
    except BackupFailedError as error:
        typer.echo(f"isogate: {error}", err=True)
        raise typer.Exit(EXIT_NOT_DONE) from None


def _say(file: str, contents: Contents, *, as_json: bool) -> None:
    if as_json:
        facts: dict[str, Any] = {"file": file, **contents._asdict()}
        print_json(facts)
    else:
        typer.echo(f"{file}: good, restored for a test: {contents.told()}")
