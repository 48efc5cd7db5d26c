"""What a message and its MAC cost in the codec, beside other Python codecs and bare libcrypto.

The message is the 13-field, 152-byte sale of the load generator (`native/sale.h`).
"""

from __future__ import annotations

import subprocess
import timeit
from typing import TYPE_CHECKING, Final

from bench.native import NoCompilerError, tool
from bench.peers import Operation, peers
from bench.progress import watched
from bench.report import Report, Row, row
from bench.rows import BATCH, MACS, batches, rows
from bench.verdicts import median, noise, noise_told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_REPEATS: Final = 7
_TARGET_S: Final = 0.1
_TRIED_SHARE: Final = 10
"""A tenth of the time is enough to see how often an operation fits into it."""
_GOALS: Final = {
    "index and read 3 fields": 0.40,
    "decode to a dict, pyiso8583's way": 2.0,
    "encode a dict, pyiso8583's way": 2.5,
    "patch DE 11 and DE 39 in place": 0.15,
    "verify cup-ecb": 1.1,
    "verify x9.19": 3.5,
    "verify aes-cmac": 0.65,
}
"""The most that each should take, in microseconds."""
_OVER_LIBCRYPTO_US: Final = 0.25
"""What calling from Python may add to libcrypto's own time of the same run."""
_FLOOR_S_MAX: Final = 30.0
_FLOOR: Final = "libcrypto alone, from C"
_UNIT: Final = "us"


def run(*, quick: bool) -> Report:
    """Measure each operation on the sale, libcrypto alone before, between and after them."""
    target_s = _TARGET_S / 5 if quick else _TARGET_S
    report = Report(bench="codec", rows=[])
    others, missing = peers()
    if missing:
        which = ", ".join(missing)
        report.remarks.append(
            f"not installed, so not measured: {which}; pip install 'isogate[bench]'"
        )
    floors = [_libcrypto_us(report)]
    ours = {what: _timed(operation, target_s) for what, operation in _watched(rows())}
    floors.append(_libcrypto_us(report))
    theirs = {what: _timed(operation, target_s) for what, operation in _watched(others)}
    many = {
        f"{what}, a message": _timed(operation, target_s, BATCH)
        for what, operation in batches().items()
    }
    floors.append(_libcrypto_us(report))
    tell(report, ours, theirs, many, _turned(floors))
    return report


def _watched(operations: dict[str, Callable[[], object]]) -> Iterable[Operation]:
    return watched(list(operations.items()), "codec")


def _turned(floors: list[dict[str, float]]) -> dict[str, list[float]]:
    """The values of each algorithm; none if one of the runs failed."""
    return {what: [each[what] for each in floors] for what in floors[0] if all(floors)}


def tell(
    report: Report,
    ours: dict[str, list[float]],
    theirs: dict[str, list[float]],
    many: dict[str, list[float]],
    floors: dict[str, list[float]],
) -> None:
    """Rows and plots: libcrypto's own times stand below ours, and say how steady the machine is."""
    noisy = max((noise(values) for values in floors.values()), default=0.0)
    if noisy:
        report.remarks.append(noise_told("codec", "libcrypto alone", noisy))
    goals = _GOALS | {
        what: min(_GOALS[what], median(floor) + _OVER_LIBCRYPTO_US)
        for what, floor in floors.items()
    }
    made: dict[str, Row] = {}
    for what, values in (ours | theirs | many).items():
        made[what] = row(what, values, _UNIT, goals.get(what), noisy)
        report.rows.append(made[what])
        if what in floors:
            report.rows.append(row(f"  {_FLOOR}", floors[what], _UNIT, noise=noisy))
            made[f"{what}: {_FLOOR}"] = report.rows[-1]
    macs = {what: each for what, each in made.items() if what.startswith("verify")}
    dicts = {what: each for what, each in made.items() if ": " in what or "pyiso8583" in what}
    report.bar("A dict of the sale, ours and others'", _UNIT, _without(dicts, macs))
    report.bar("MACs of the sale", _UNIT, macs)


def _without(some: dict[str, Row], others: dict[str, Row]) -> dict[str, Row]:
    return {what: each for what, each in some.items() if what not in others}


def _libcrypto_us(report: Report) -> dict[str, float]:
    try:
        command = [str(tool("macfloor"))]
        done = subprocess.run(  # noqa: S603 - our own tool
            command, capture_output=True, text=True, timeout=_FLOOR_S_MAX, check=True
        )
    except (NoCompilerError, subprocess.SubprocessError) as error:
        told = f"libcrypto alone was not measured: {error}"
        report.remarks += [] if told in report.remarks else [told]
        return {}
    floors = (float(each) / 1e3 for each in done.stdout.split())
    return dict(zip((f"verify {algorithm}" for algorithm in MACS), floors, strict=True))


def _timed(operation: Callable[[], object], target_s: float, messages: int = 1) -> list[float]:
    """Microseconds a message, again and again."""
    timer = timeit.Timer(operation)
    count = 1
    while (seconds := timer.timeit(count)) < target_s / _TRIED_SHARE:
        count *= 4
    count = max(1, int(count * target_s / seconds))
    return [each / count / messages * 1e6 for each in timer.repeat(_REPEATS, count)]
