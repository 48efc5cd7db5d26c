"""`decode`: a message field by field, masked, and where bad bytes go wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from codec import DIALECTS, DialectError, dialect, explain, parse_dialect
from codec.dialects import dialect_text
from gateway.cli.common import USAGE_ERROR

if TYPE_CHECKING:
    from codec import Dialect

_LENGTH_BYTES = 2


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(decode)


def decode(
    message: Annotated[str, typer.Argument(metavar="HEX|FILE", help="Hex digits, or a file.")],
    dialect_name: Annotated[
        str, typer.Option("--dialect", help=f"One of {', '.join(DIALECTS)}.")
    ] = "iso87-ascii",
    spec: Annotated[
        Path | None, typer.Option(help="A dialect of your own, TOML or JSON; instead of --dialect.")
    ] = None,
) -> None:
    """Show a message field by field, masked, with names; say where bad bytes go wrong.

    A 2-byte length header in front is recognised and left out.
    """
    spoken = _dialect(dialect_name, spec)
    told = explain(_without_length(_bytes_of(message)), spoken)
    table = Table(title=f"{spoken.name}  MTI {told.mti or '?'}")
    for column in ("field", "name", "offset", "length", "value"):
        table.add_column(column, justify="right" if column in ("offset", "length") else "left")
    for line in told.lines:
        table.add_row(line.field, line.name, str(line.offset), str(line.length), line.text)
    console = Console()
    console.print(table)
    if told.error is not None:
        console.print(f"[red]error[/]: {told.error}", highlight=False)
        if told.hint:
            console.print(f"hint: {told.hint}", highlight=False)
        raise typer.Exit(1)


def _dialect(name: str, spec: Path | None) -> Dialect:
    try:
        if spec is None:
            return dialect(name)
        form: Literal["toml", "json"] = "json" if spec.suffix == ".json" else "toml"
        return parse_dialect(spec.read_text("utf-8"), form, base=dialect_text)
    except (LookupError, DialectError, OSError) as error:
        typer.echo(f"{spec or '--dialect'}: {error}", err=True)
        raise typer.Exit(USAGE_ERROR) from None


def _bytes_of(message: str) -> bytes:
    digits = re.sub(r"\s", "", message)
    if re.fullmatch("([0-9A-Fa-f]{2})+", digits):
        return bytes.fromhex(digits)
    try:
        data = Path(message).read_bytes()
    except OSError as error:
        typer.echo(f"{message}: neither hex digits nor a file ({error.strerror})", err=True)
        raise typer.Exit(USAGE_ERROR) from None
    digits = re.sub(r"\s", "", data.decode("latin-1"))
    if re.fullmatch("([0-9A-Fa-f]{2})+", digits):
        return bytes.fromhex(digits)
    return data


def _without_length(data: bytes) -> bytes:
    framed = int.from_bytes(data[:_LENGTH_BYTES], "big") == len(data) - _LENGTH_BYTES
    return data[_LENGTH_BYTES:] if framed else data
