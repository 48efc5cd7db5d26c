"""`python -m bench.where`: where a charge's instructions go, stage by stage, as callgrind counts.

A stage is a function of the compiled code with all that it calls; what a stage holds of another one
is taken off, and what belongs to none of them is the rest.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Annotated, Final

import typer

from bench.instructions import by_callgrind
from bench.report import Report, row, show
from bench.setups import EVERYTHING, SETUPS, Setup

_SECONDS: Final = 10.0
_ANNOTATE_S_MAX: Final = 120.0
_LINE: Final = re.compile(r"\s*([\d,]+) \(\s*[\d.]+%\)\s+(?:\S*:)?(\S+)")
_TOTAL: Final = "PROGRAM"
"""How the line of the sum begins: PROGRAM TOTALS."""

# A function by the end of its name: C's own, or one that Cython made of a method.
_FROM_TERMINAL, _FROM_HOST = "6Switch_from_terminal", "6Switch_from_host"
_CAME, _LEAVES = "6Intake_take", "5Exits_release"
_CHECKED, _SIGNED = "4Peer_authentic", "4Peer_signed"
_SOCKETS: Final = r"pw_7gateway_4wire_7_driver_6Driver_\d+poll"
_STEP, _MANY, _ONE = "sqlite3_step", "Connection_executemany", "Connection_execute"
_CARRIED: Final = r"pw_7gateway_7journal_11_statements_10Statements_\d+carry_out"
_OPENED, _MOVED = r"pw_7gateway_7journal_4rows_\d+put_opened", "7Written_put"
_FRAMED: Final = (r"pw_7gateway_7journal_4_crc_\d+crc32c",)
_NEW: Final = ("6newest_6Newest_note", "6newest_6Newest_is_new")
_MERGED: Final = ("9Unapplied_add", r"9Unapplied_\d+inserts", r"9Unapplied_\d+updates")
_STAGES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "a frame becomes a message": ((_CAME,), (_FROM_TERMINAL, _FROM_HOST, _CHECKED)),
    "decide: what a terminal asks": ((_FROM_TERMINAL,), ()),
    "decide: what a host answers": ((_FROM_HOST,), ()),
    "leave: asked once more, handed to the wire": ((_LEAVES,), (_SIGNED,)),
    "MACs checked and made": ((_CHECKED, _SIGNED), ()),
    "sockets": ((_SOCKETS,), ()),
    "journal: rows made, card number sealed": ((_OPENED, _MOVED), ()),
    "journal: a frame of the redo log, what is merged of it": ((*_FRAMED, *_NEW, *_MERGED), ()),
    "journal: values bound": ((_CARRIED, _MANY, _ONE), (_STEP,)),
    "journal: SQLite": ((_STEP,), ()),
}
"""What is added up, and what is taken off."""
_REST: Final = "turns, hand-over to the journal's thread, collector"


def inclusive(annotated: str) -> dict[str, int]:
    """Instructions by function, with what it calls, as `callgrind_annotate` says."""
    found: dict[str, int] = {}
    for line in annotated.splitlines():
        said = _LINE.match(line)
        if said:
            count, name = int(said[1].replace(",", "")), said[2]
            found[name] = max(found.get(name, 0), count)
    return found


def by_stage(counts: dict[str, int]) -> dict[str, float]:
    """Each stage's share of all; the rest is what none of them holds."""
    total = counts[_TOTAL]

    def of(names: tuple[str, ...]) -> int:
        ends = [re.compile(f"(?:.*_)?{name}") for name in names]
        return sum(
            max((n for known, n in counts.items() if end.fullmatch(known)), default=0)
            for end in ends
        )

    shares = {stage: (of(adds) - of(less)) / total for stage, (adds, less) in _STAGES.items()}
    return shares | {_REST: 1 - sum(shares.values())}


def measured(setup: Setup, seconds: float) -> Report:
    """One run, and where it went."""
    with tempfile.TemporaryDirectory() as folder:
        (each,) = by_callgrind(setup, seconds, Path(folder))
        # What the run wrote down, not what came after it; of the process that did most.
        largest = max(Path(folder).glob("*.1"), key=lambda file: file.stat().st_size)
        done = subprocess.run(  # noqa: S603 - valgrind's own
            ["callgrind_annotate", "--inclusive=yes", "--auto=no", "--threshold=100", largest],  # noqa: S607
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANNOTATE_S_MAX,
            check=True,
        )
    report = Report(bench=f"where: {setup.name}", rows=[])
    for stage, share in by_stage(inclusive(done.stdout)).items():
        report.rows.append(row(stage, [share * each], "instructions a charge"))
    report.rows.append(row("all", [each], "instructions a charge"))
    return report


def main(
    name: Annotated[str, typer.Argument(help="How the name of a setup begins.")] = EVERYTHING.name,
    *,
    seconds: Annotated[float, typer.Option(help="How long the load is on.")] = _SECONDS,
) -> None:
    """Say where the instructions go."""
    setup = next((each for each in SETUPS if each.name.startswith(name)), None)
    if setup is None:
        typer.echo(f"{name}: no such setup; {', '.join(each.name for each in SETUPS)}", err=True)
        raise typer.Exit(2)
    show(measured(setup, seconds))


if __name__ == "__main__":
    typer.run(main)
