"""The command `isogate`: one file per group of commands."""

from __future__ import annotations

import typer

from gateway.cli import (
    account,
    backup,
    collecting,
    desk,
    hsm,
    inspect,
    keys,
    life,
    operate,
    registry,
    scorecards,
    settlement,
    simulators,
)

app = typer.Typer(
    name="isogate",
    help="An ISO 8583 gateway: nobody stays charged for a service they did not get.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
operate.register(app)
life.register(app)
desk.register(app)
account.register(app)
settlement.register(app)
collecting.register(account.app)
backup.register(app)
keys.register(app)
scorecards.register(app)
registry.register(app)
inspect.register(app)
simulators.register(app)
hsm.register(app)


def main() -> None:
    """Run the command line."""
    app()
