"""`python -m bench`: lists the benches; with names, runs them."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bench import codec, durability, instructions, relay
from bench.native import NoCompilerError
from bench.report import Report, save, show

if TYPE_CHECKING:
    from collections.abc import Callable

BENCHES: Final[dict[str, tuple[str, Callable[..., Report]]]] = {
    "codec": ("what a message costs, beside pyiso8583", codec.run),
    "durability": ("commits: batch size against rows a second and latency", durability.run),
    "relay": ("end to end against the C floor: CPU a charge, rate, latency", relay.run),
    "instructions": ("user-space instructions a charge (perf)", instructions.run),
}


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Which; or `all`.")] = None,
    *,
    quick: Annotated[bool, typer.Option(help="Shorter runs, rougher figures.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write the figures to this file.")] = None,
) -> None:
    """Measure; without a name, say what there is to measure."""
    if not names:
        for name, (about, _) in BENCHES.items():
            typer.echo(f"{name:<14}{about}")
        return
    wanted = list(BENCHES) if names == ["all"] else names
    unknown = [name for name in wanted if name not in BENCHES]
    if unknown:
        typer.echo(f"{unknown[0]}: no such bench; one of {', '.join(BENCHES)}", err=True)
        raise typer.Exit(2)
    reports = []
    for name in wanted:
        try:
            reports.append(BENCHES[name][1](quick=quick))
        except NoCompilerError as error:
            typer.echo(f"{name}: {error}", err=True)
            raise typer.Exit(1) from None
        show(reports[-1])
    if json is not None:
        save(json, reports)


if __name__ == "__main__":
    typer.run(main)
