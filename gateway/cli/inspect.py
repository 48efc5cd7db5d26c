"""`decode`, `encode`, `sniff`: messages for people, from people, and captures told apart."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

import codec
from codec import (
    DIALECTS,
    BuildError,
    DialectError,
    FrameError,
    Message,
    dialect,
    explain,
    framing,
    parse_dialect,
)
from codec.dialects import dialect_text
from codec.document import from_json, to_json
from codec.pcap import is_capture, streams
from gateway.cli.common import USAGE_ERROR

if TYPE_CHECKING:
    from codec import Dialect

_LENGTH_BYTES = 2


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(decode)
    app.command()(encode)
    app.command()(sniff)


def decode(
    message: Annotated[str, typer.Argument(metavar="HEX|FILE", help="Hex digits, or a file.")],
    dialect_name: Annotated[
        str, typer.Option("--dialect", help=f"One of {', '.join(DIALECTS)}.")
    ] = "iso87-ascii",
    spec: Annotated[
        Path | None, typer.Option(help="A dialect of your own, TOML or JSON; instead of --dialect.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Masked JSON on stdout.")] = False,
) -> None:
    """Show a message field by field, masked, with names; say where bad bytes go wrong.

    A 2-byte length header in front is recognised and left out.
    """
    spoken = _dialect(dialect_name, spec)
    frame = _without_length(_bytes_of(message))
    if as_json:
        _print_json(frame, spoken)
        return
    told = explain(frame, spoken)
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


def _print_json(frame: bytes, spoken: Dialect) -> None:
    try:
        typer.echo(to_json(Message(frame, spoken)))
    except FrameError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None


def encode(
    document: Annotated[Path, typer.Argument(metavar="FILE", help="JSON as of decode --json.")],
    spec: Annotated[
        Path | None, typer.Option(help="The document's dialect where it is your own: TOML or JSON.")
    ] = None,
    *,
    framed: Annotated[
        bool, typer.Option("--framed", help="With the 2-byte length header in front.")
    ] = False,
) -> None:
    """Make a message of a JSON document; prints its bytes as hex digits.

    The document has `dialect`, `mti`, `header` (hex) and `fields`; masked values are refused.
    """
    own = None if spec is None else _dialect("", spec)
    try:
        raw = from_json(document.read_bytes(), own).raw
    except (BuildError, OSError) as error:
        typer.echo(f"{document}: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo((framing.frame(raw) if framed else raw).hex().upper())


def sniff(
    capture: Annotated[
        str, typer.Argument(metavar="FILE|HEX", help="A pcap or pcapng, raw bytes, or hex.")
    ],
    *,
    most: Annotated[int, typer.Option("--most", min=1, help="Guesses to show.")] = 3,
) -> None:
    """Say which framing and dialect a capture probably has, and why."""
    data = _bytes_of(capture)
    found = False
    for flow, stream in _streams(data):
        for guess in codec.sniff(stream)[:most]:
            found = True
            where = f"{flow}: " if flow else ""
            typer.echo(f"{where}{guess.score:4.0%}  {guess.framing}, {guess.dialect}: {guess.why}")
    if not found:
        typer.echo("nothing that this codec knows fits any of it", err=True)
        raise typer.Exit(1)


def _streams(data: bytes) -> list[tuple[str, bytes]]:
    """The TCP streams of a capture by their ends, or the bytes as they are."""
    if not is_capture(data):
        return [("", data)]
    try:
        found = streams(data)
    except FrameError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    return [(f"{flow.source} > {flow.destination}", stream) for flow, stream in found.items()]


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
