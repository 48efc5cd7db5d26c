"""`python -m bench`: lists the benches; with names, runs them.  The soak is `bench.soak`."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from bench import (
    codec,
    compare,
    decisions,
    durability,
    idle,
    instructions,
    latency,
    relay,
    scrape,
    stages,
    tools,
)
from bench.machine import busy, fingerprint
from bench.native import NoCompilerError
from bench.page import page
from bench.processes import end_in_order
from bench.report import Document, Report, read, save, show

if TYPE_CHECKING:
    from collections.abc import Callable

BENCHES: Final[dict[str, tuple[str, Callable[..., Report]]]] = {
    "codec": ("what a message and its MAC cost, beside other Python codecs", codec.run),
    "decisions": ("routing alone: charges and steps a second", decisions.run),
    "durability": ("commits: batch size against rows a second and latency", durability.run),
    "relay": ("end to end against the C floor: CPU a charge, rate, memory", relay.run),
    "latency": ("open loop: rate sweep, the tail at half of the maximum", latency.run),
    "scrape": ("what a scrape of /metrics costs those who pay meanwhile", scrape.run),
    "idle": ("15,000 idle terminals: memory of each, time of the busy ones", idle.run),
    "stages": ("where each microsecond of a charge goes (py-spy)", stages.run),
    "instructions": ("user-space instructions a charge (perf or callgrind)", instructions.run),
    "tools": ("load generator and stub host, beside the neutral ones (callgrind)", tools.run),
}
ALL: Final = "all"
_HTML: Final = Path("bench-report.html")
_JSON: Final = Path("bench-report.json")
_USAGE_ERROR: Final = 2
FAILED: Final = "it failed"
"""How the remark of a bench begins that did not come to its end."""


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Which; or `all`.")] = None,
    *,
    quick: Annotated[bool, typer.Option(help="Shorter runs, rougher figures.")] = False,
    json: Annotated[
        Path | None, typer.Option(help=f"The figures' file; with `all`: {_JSON}.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help=f"The report's file; with `all`: {_HTML}.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Figures of an earlier run, to compare with.")
    ] = None,
) -> None:
    """Measure; without a name, say what there is to measure."""
    if not names:
        _list()
        return
    end_in_order()
    everything = names == [ALL]
    wanted = list(BENCHES) if everything else names
    before = _baseline(baseline)
    if warning := busy():
        typer.echo(f"note: {warning}", err=True)
    document = Document(machine=fingerprint(), reports=_reports(wanted, quick=quick))
    rows = compare.compared(document, before) if before is not None else []
    if rows:
        compare.show(rows)
    json = json or (_JSON if everything else None)
    html = html or (_HTML if everything else None)
    if json is not None:
        save(json, document)
    if html is not None:
        html.write_text(page(document, rows), "utf-8")
        typer.echo(f"report: {html}")
    if any(each.startswith(FAILED) for report in document.reports for each in report.remarks):
        raise typer.Exit(1)


def _list() -> None:
    for name, (about, _) in BENCHES.items():
        typer.echo(f"{name:<14}{about}")
    typer.echo(f"{ALL:<14}all of them, with a report as {_HTML} and {_JSON}")
    typer.echo(
        "\npython -m bench.soak: minutes of load with everything that goes wrong, then audit"
    )
    typer.echo("python -m bench.gate: has the codec become slower, by instructions?")
    typer.echo("python -m bench.where: where a charge's instructions go, by stage")


def _baseline(path: Path | None) -> Document | None:
    if path is None:
        return None
    try:
        return read(path)
    except (OSError, msgspec.DecodeError) as error:
        typer.echo(f"{path}: no figures to compare with: {error}", err=True)
        raise typer.Exit(_USAGE_ERROR) from None


def _reports(names: list[str], *, quick: bool) -> list[Report]:
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        typer.echo(f"{unknown[0]}: no such bench; one of {', '.join(BENCHES)}", err=True)
        raise typer.Exit(_USAGE_ERROR)
    reports: list[Report] = []
    for number, name in enumerate(names, 1):
        about, bench = BENCHES[name]
        typer.echo(f"[{number}/{len(names)}] {name}: {about}", err=True)
        began = time.monotonic()
        try:
            report = bench(quick=quick)
        except NoCompilerError as error:
            typer.echo(f"{name}: {error}", err=True)
            raise typer.Exit(1) from None
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            # The others' figures took minutes: they are kept.
            typer.echo(f"{name}: {error}", err=True)
            report = Report(bench=name, rows=[], remarks=[f"{FAILED}: {error}"])
        report.took_s = time.monotonic() - began
        reports.append(report)
        show(report)
    took = sum(each.took_s for each in reports)
    each_s = ", ".join(f"{each.bench} {each.took_s:,.0f} s" for each in reports)
    typer.echo(f"took {took / 60:,.1f} minutes: {each_s}", err=True)
    return reports


if __name__ == "__main__":
    typer.run(main)
