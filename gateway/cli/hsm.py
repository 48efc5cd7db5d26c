"""`hsm`: the simulated security module as a command."""

from __future__ import annotations

from typing import Annotated

import msgspec
import trio
import typer

from gateway.cli.common import USAGE_ERROR
from gateway.keys.hsm_commands import KEY_TYPES
from gateway.simulators.hsm import HsmScript, HsmServer
from gateway.simulators.hsm_module import Module


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(hsm)


def hsm(  # noqa: PLR0913 - an option each
    *,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT")] = "127.0.0.1:1500",
    header: Annotated[int, typer.Option(min=1, max=255, help="Characters of the header.")] = 4,
    seed: Annotated[str, typer.Option(help="What its LMK is derived from.")] = "isogate",
    lose_every: Annotated[int, typer.Option(min=0, help="Every so manieth answer is lost.")] = 0,
    late_every: Annotated[int, typer.Option(min=0, help="Every so manieth answer is late.")] = 0,
    late_s: Annotated[float, typer.Option(min=0.0, help="How late.")] = 5.0,
    disable: Annotated[
        list[str] | None, typer.Option(help="A command that is answered 68; may be repeated.")
    ] = None,
    console: Annotated[
        str, typer.Option(help="Print this component under the LMK (for --usage), and end.")
    ] = "",
    usage: Annotated[str, typer.Option(help="tmk or zmk: what the component is of.")] = "tmk",
) -> None:
    """Run a simulated security module of the payShield kind: a stand-in, and no security."""
    if console:
        _print_component(seed, usage, console)
        return
    host, _, port = listen.rpartition(":")
    given = {
        "host": host,
        "port": port,
        "header_characters": header,
        "seed": seed,
        "lose_every": lose_every,
        "late_every": late_every,
        "late_s": late_s,
        "disabled": tuple(disable or ()),
    }
    try:
        script = msgspec.convert(given, HsmScript, strict=False)
        trio.run(HsmServer(script).serve)
    except (msgspec.ValidationError, OSError) as error:
        typer.echo(f"isogate hsm: {error}", err=True)
        raise typer.Exit(USAGE_ERROR) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _print_component(seed: str, usage: str, digits: str) -> None:
    """What the console of a real module does: it takes a component and prints it under the LMK."""
    kinds = {name: code for name, code in KEY_TYPES.items() if name in ("tmk", "zmk")}
    try:
        typer.echo(Module(seed, bytes).under_lmk(kinds[usage], bytes.fromhex(digits)))  # type: ignore[index]
    except (KeyError, ValueError):
        typer.echo("isogate hsm: a component of 8, 16 or 24 bytes, of a tmk or zmk", err=True)
        raise typer.Exit(USAGE_ERROR) from None
