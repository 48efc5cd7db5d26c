"""`python -m bench.soak`: minutes of load with everything that goes wrong, then the audit.

Terminals send at a share of the maximum, open-loop, everything on.  Beside them others connect and
leave, read slowly until too much waits for them, send garbage; the host is killed and comes back.
Exit 1 unless

1. each disturbance happened, as the gateway's own metrics say;
2. nothing went wrong that is not someone's fault: the gateway refuses only while the host is gone
   or has just come back, ends no connection of an honest terminal, mixes up no answer, makes no
   internal error;
3. memory is flat: its slope over the second half stays under `--slope` MiB an hour, or its growth
   under `--growth` MiB in all;
4. `isogate audit --final` is clean.
"""

from __future__ import annotations

import json as json_module
import os
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress

from bench.disturbers import Disturbers, unproven
from bench.machine import fingerprint
from bench.processes import CONFIG, Processes, children, end_in_order, memory_kib
from bench.setups import EVERYTHING, workplace
from bench.side import one

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAMPLE_S: Final = 0.5
_MAXIMUM_S: Final = 20.0
"""What is carried for seconds only lets the tables fall behind the redo log, and is no maximum."""
_HOST_GONE_S: Final = 0.5
_RESTARTS_MAX: Final = 5
_RESTART_EVERY_S: Final = 30.0
_CLOCKS_DIFFER_S: Final = 2.0
"""The load's seconds are whole ones, and begin when all its terminals are connected."""
_RECOVERY_S: Final = 12.0
"""Until after the host's return: its silence (5 s), the breaker's pause (5 s), making links."""
_QUIET_S: Final = 8.0
"""Before the end no host is killed, so that all terminals have their answers."""
_HEALED_S_MAX: Final = 120.0
_HEALED_PAUSE_S: Final = 1.0
_AUDIT_S_MAX: Final = 600.0
_TERMINALS_OF_LOAD: Final = 512
HONEST_ERRORS: Final = (
    *("mti", "mismatch", "unknown_stan", "mac"),
    *("parse", "closed", "stalled_2s", "timeout"),
)
"""What no fault of others excuses."""
NEVER: Final = (
    "gateway_internal_errors_total",
    "gateway_journal_errors_total",
    "gateway_messages_dropped_total",
)
"""What must be 0 after it all."""
_ENDED_IN_MEMORY_MAX: Final = 100_000
_ENDED_IN_MEMORY_MIN: Final = 2_000
"""The gateway takes no less."""
_FILLED_IN: Final = 4
"""Ended charges kept in memory reach their bound within this part of the run: then it is flat."""
_HOUR_S: Final = 3_600.0


class Soaked(msgspec.Struct, kw_only=True):
    """What came out; `problems` is empty after a good run."""

    machine: dict[str, str | int]
    seconds: float
    rate: float
    maximum: float
    answered: int
    refused: dict[str, int]
    restarts: list[float] = []
    """Seconds after the begin of the load at which the host was killed."""
    disturbances: dict[str, int] = {}
    """What the disturbers did; each must stand in `ended`, too."""
    ended: dict[str, float] = {}
    """Connections by why the gateway ended them."""
    links_lost: float = 0.0
    latency_us: dict[str, float] = {}
    memory_mib: list[tuple[float, float]] = []
    """Seconds, and MiB resident of the gateway with its children."""
    slope_mib_an_hour: float = 0.0
    growth_mib: float = 0.0
    audit: dict[str, Any] = {}
    problems: list[str] = []


def soak(seconds: float, share: float, terminals: int, seed: int, bar: Progress) -> Soaked:
    """One run.  The maximum is measured first, with the same settings and nothing going wrong."""
    task = bar.add_task("the maximum", total=None)
    maximum = one(EVERYTHING, terminals, min(_MAXIMUM_S, seconds))["tps"]
    rate = maximum * share
    bar.update(task, description=f"soak at {rate:,.0f} charges/s", total=seconds)
    machine = fingerprint()
    with (
        workplace() as folder,
        Processes(Path(folder), EVERYTHING) as processes,
        _on(processes.load_core),
    ):
        host = processes.host()
        filled = max(_ENDED_IN_MEMORY_MIN, int(rate * seconds / _FILLED_IN))
        kept = min(_ENDED_IN_MEMORY_MAX, filled)
        gateway = processes.gateway({"journal.ended_in_memory_max": kept})
        found = Soaked(
            machine=machine, seconds=seconds, rate=rate, maximum=maximum, answered=0, refused={}
        )
        command = processes.load_command(terminals, seconds, [gateway.pid], rate=rate, warmup_s=0)
        disturbers = Disturbers(processes.port, seed)
        load = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - our own tool
        began = time.monotonic()
        disturbers.start()
        kills = _kills(seconds)
        while load.poll() is None:
            since = time.monotonic() - began
            bar.update(task, completed=since)
            found.memory_mib.append((since, _memory_mib(gateway.pid)))
            if kills and since >= kills[0]:
                kills.pop(0)
                found.restarts.append(since)
                host.kill()
                host.wait()
                time.sleep(_HOST_GONE_S)
                host = processes.host()
            time.sleep(_SAMPLE_S)
        report = json_module.loads(load.communicate()[0])
        disturbers.stop()
        found.disturbances = dict(disturbers.counts)
        judge_answers(found, report)
        _told_by_metrics(found, processes)
        _heal(found, processes)
        alive = gateway.poll() is None
        processes.end(gateway, _HEALED_S_MAX)
        if not alive or gateway.returncode:
            found.problems.append(f"the gateway ended with {gateway.returncode}")
        _audit(found, processes)
    return found


@contextmanager
def _on(core: int) -> Iterator[None]:
    """Those who disturb run in here: they leave the gateway its core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _memory_mib(pid: int) -> float:
    """Resident, with all children."""
    return sum(memory_kib(each) for each in (pid, *children(pid))) / 1024


def _kills(seconds: float) -> list[float]:
    """When the host is killed: spread evenly, and not shortly before the end."""
    last = seconds - _QUIET_S
    count = max(1, min(_RESTARTS_MAX, int(last / _RESTART_EVERY_S)))
    return [] if last <= 0 else [last * (n + 1) / (count + 1) for n in range(count)]


def judge_answers(found: Soaked, report: dict[str, Any]) -> None:
    """What the honest terminals saw."""
    found.answered = report["count"]
    found.refused = report["refused"]
    found.latency_us = {
        each: report[each] for each in ("p50_us", "p90_us", "p99_us", "p99_9_us", "max_us")
    }
    for kind in HONEST_ERRORS:
        if report["err"][kind]:
            found.problems.append(f"honest terminals saw {report['err'][kind]} errors: {kind}")
    for second, count in report["refused_s"]:
        since = [second - at for at in found.restarts]
        if not any(-_CLOCKS_DIFFER_S <= each <= _RECOVERY_S for each in since):
            found.problems.append(
                f"{count} charges were refused in second {second}, with the host there all the time"
            )
    if not found.answered:
        found.problems.append("no charge was answered")


def _told_by_metrics(found: Soaked, processes: Processes) -> None:
    """What the gateway counted itself: every disturbance, and no error of its own."""
    found.ended = processes.counted("gateway_connections_ended_total", "reason")
    found.links_lost = sum(processes.counted("gateway_host_links_lost_total", "host").values())
    judge_metrics(found, processes.metrics())


def judge_metrics(found: Soaked, metrics: dict[str, float]) -> None:
    """A disturbance that never happened is a problem, as is an error of the gateway's own."""
    found.problems += unproven(found.disturbances, found.ended)
    if found.links_lost < len(found.restarts):
        found.problems.append(
            f"the host was killed {len(found.restarts)} times, but {found.links_lost:.0f} links"
            " were lost"
        )
    for name in NEVER:
        if metrics.get(name) != 0:
            found.problems.append(f"{name} is {metrics.get(name, 'not there')}")


def _heal(found: Soaked, processes: Processes) -> None:
    """Once the faults are over every charge comes to its end."""
    end = time.monotonic() + _HEALED_S_MAX
    while processes.metrics()["gateway_open_charges"]:
        if time.monotonic() > end:
            still = processes.metrics()["gateway_open_charges"]
            found.problems.append(f"{still:.0f} charges are open {_HEALED_S_MAX:.0f} s later")
            return
        time.sleep(_HEALED_PAUSE_S)


def _audit(found: Soaked, processes: Processes) -> None:
    command = [sys.executable, "-m", "gateway", "audit", str(CONFIG), *processes.settings()]
    done = subprocess.run(  # noqa: S603 - our own tool
        [*command, "--final", "--json"],
        capture_output=True,
        timeout=_AUDIT_S_MAX,
        check=False,
    )
    if done.returncode:
        found.problems.append(f"isogate audit --final ended with {done.returncode}")
    with suppress(ValueError):
        found.audit = json_module.loads(done.stdout)
        found.audit.pop("each", None)
        found.audit.pop("each_undoing", None)


def memory_is_flat(found: Soaked, slope_max_mib_an_hour: float, growth_max_mib: float) -> None:
    """Note slope and growth of the second half; a problem if both are above what is allowed.

    In the first half memory fills what is bounded: ended charges kept for repeats, caches.
    """
    half = found.memory_mib[len(found.memory_mib) // 2 :]
    if len(half) < 2:  # noqa: PLR2004 - a line needs two points
        found.problems.append("too short to say anything of memory")
        return
    times, values = zip(*half, strict=True)
    found.slope_mib_an_hour = statistics.linear_regression(times, values).slope * _HOUR_S
    third = max(1, len(values) // 3)
    found.growth_mib = statistics.median(values[-third:]) - statistics.median(values[:third])
    if found.slope_mib_an_hour > slope_max_mib_an_hour and found.growth_mib > growth_max_mib:
        found.problems.append(
            f"memory grows: {found.slope_mib_an_hour:.0f} MiB an hour in the second half,"
            f" {found.growth_mib:.1f} MiB in all"
        )


def main(
    *,
    seconds: Annotated[float, typer.Option(help="How long the load lasts.")] = 600.0,
    share: Annotated[float, typer.Option(help="Of the maximum rate.")] = 0.7,
    terminals: Annotated[int, typer.Option(help="Honest ones.")] = _TERMINALS_OF_LOAD,
    slope: Annotated[float, typer.Option(help="MiB an hour that memory may grow.")] = 60.0,
    growth: Annotated[float, typer.Option(help="MiB of growth that are no leak.")] = 4.0,
    seed: Annotated[int, typer.Option(help="Of the noise that garbage senders send.")] = 1,
    json: Annotated[Path | None, typer.Option(help="Write what came out to this file.")] = None,
) -> None:
    """Load, disturbances, host restarts; then the audit.  Exit 1 if anything is not as promised."""
    end_in_order()
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        found = soak(seconds, share, terminals, seed, bar)
    memory_is_flat(found, slope, growth)
    text = msgspec.json.format(msgspec.json.encode(found))
    if json is not None:
        json.write_bytes(text + b"\n")
    typer.echo(
        f"{found.answered:,} answers at {found.rate:,.0f} charges/s, refused {found.refused},"
        f" {len(found.restarts)} host restarts; memory {found.slope_mib_an_hour:+.0f} MiB an hour"
    )
    for problem in found.problems:
        typer.echo(f"problem: {problem}", err=True)
    if found.problems:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
