"""What a message and its MAC cost in the codec, beside other Python codecs and bare libcrypto.

The message is the 13-field, 152-byte sale of the load generator (`native/sale.h`).
"""

from __future__ import annotations

import subprocess
import timeit
from typing import TYPE_CHECKING, Final

from bench.native import NoCompilerError, tool
from bench.peers import peers
from bench.progress import watched
from bench.report import Report, Row, row
from bench.rows import BATCH, MACS, batches, rows

if TYPE_CHECKING:
    from collections.abc import Callable

_REPEATS: Final = 7
_TARGET_S: Final = 0.1
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


def run(*, quick: bool) -> Report:
    """Measure each operation on the sale."""
    target_s = _TARGET_S / 5 if quick else _TARGET_S
    report = Report(bench="codec", rows=[])
    floors = _libcrypto_us(report)
    goals = _GOALS | {
        what: min(_GOALS[what], floor + _OVER_LIBCRYPTO_US) for what, floor in floors.items()
    }
    for what, operation in watched(list((rows() | peers()).items()), "codec"):
        report.rows.append(_timed(what, operation, target_s, goals.get(what)))
        if what in floors:
            report.rows.append(row("  libcrypto alone, from C", [floors[what]], "us"))
    for what, operation in batches().items():
        report.rows.append(_timed(f"{what}, a message", operation, target_s, messages=BATCH))
    return report


def _libcrypto_us(report: Report) -> dict[str, float]:
    try:
        command = [str(tool("macfloor"))]
        done = subprocess.run(  # noqa: S603 - our own tool
            command, capture_output=True, text=True, timeout=_FLOOR_S_MAX, check=True
        )
    except (NoCompilerError, subprocess.SubprocessError) as error:
        report.remarks.append(f"libcrypto alone was not measured: {error}")
        return {}
    floors = (float(each) / 1e3 for each in done.stdout.split())
    return dict(zip((f"verify {algorithm}" for algorithm in MACS), floors, strict=True))


def _timed(
    what: str,
    operation: Callable[[], object],
    target_s: float,
    goal: float | None = None,
    messages: int = 1,
) -> Row:
    timer = timeit.Timer(operation)
    count, seconds = timer.autorange()
    count = max(1, int(count * target_s / seconds))
    values = [each / count / messages * 1e6 for each in timer.repeat(_REPEATS, count)]
    return row(what, values, "us", goal)
