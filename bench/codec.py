"""What a message and its MAC cost in the codec, beside pyiso8583 and bare libcrypto.

The message is the 13-field, 152-byte sale of the load generator (`native/iso.h`).
"""

from __future__ import annotations

import subprocess
import timeit
from typing import TYPE_CHECKING, Final

import iso8583
import iso8583.specs

from bench.native import NoCompilerError, tool
from bench.report import Report, Row, row
from codec import MacKey, Message, build, decode, dialect, encode, mac, specs

if TYPE_CHECKING:
    from collections.abc import Callable

_REPEATS: Final = 7
_TARGET_S: Final = 0.1
_DIALECT: Final = dialect("iso87-ascii")
_SALE: Final = {
    2: "4111111111111111",
    3: "000000",
    4: "000000001000",
    7: "1123171500",
    11: "000123",
    12: "171500",
    13: "1123",
    22: "021",
    25: "00",
    35: "4111111111111111=30122011000000000000",
    41: "T0000001",
    42: "MERCHANT0000001",
    49: "840",
}


_MACS: Final[dict[mac.Algorithm, float]] = {"cup-ecb": 1.1, "x9.19": 3.5, "aes-cmac": 0.65}
"""Algorithms and the most that verifying one should take, in microseconds."""
_OVER_LIBCRYPTO_US: Final = 0.25
"""What calling from Python may add to libcrypto's own time of the same run."""
_FLOOR_S_MAX: Final = 30.0


def run(*, quick: bool) -> Report:
    """Measure each operation on the sale."""
    target_s = _TARGET_S / 5 if quick else _TARGET_S
    rows = [_timed(what, work, target_s, goal) for what, (work, goal) in _work().items()]
    report = Report(bench="codec", rows=rows)
    _add_macs(report, target_s)
    return report


def _work() -> dict[str, tuple[Callable[[], object], float | None]]:
    raw = build(_DIALECT, "0200", _SALE).raw
    fields, _ = decode(raw, specs.default_ascii)
    theirs, _ = iso8583.decode(raw, iso8583.specs.default_ascii)
    reply = build(_DIALECT, "0210", _SALE | {39: "00"})

    def index() -> None:
        message = Message(raw, _DIALECT)
        message[2], message[4], message[11]

    def patch() -> None:
        reply.patch(11, "654321")
        reply.patch(39, "05")

    return {
        "index and read 3 fields": (index, 0.40),
        "decode to a dict, pyiso8583's way": (lambda: decode(raw, specs.default_ascii), 2.0),
        "encode a dict, pyiso8583's way": (lambda: encode(fields, specs.default_ascii), 2.5),
        "patch DE 11 and DE 39 in place": (patch, 0.15),
        "build from a dict": (lambda: build(_DIALECT, "0200", _SALE), None),
        "pyiso8583 itself: decode": (
            lambda: iso8583.decode(raw, iso8583.specs.default_ascii),
            None,
        ),
        "pyiso8583 itself: encode": (
            lambda: iso8583.encode(theirs, iso8583.specs.default_ascii),
            None,
        ),
    }


def _add_macs(report: Report, target_s: float) -> None:
    floors = _libcrypto_us(report)
    for algorithm, bound in _MACS.items():
        goal = bound
        key = MacKey(algorithm, bytes(range(16)))
        signed = build(_DIALECT, "0200", _SALE)
        mac.sign(signed, key)

        def verify(signed: Message = signed, key: MacKey = key) -> bool:
            return mac.verify(signed, key)

        if algorithm in floors:
            floor = floors[algorithm]
            goal = min(bound, floor + _OVER_LIBCRYPTO_US)
            report.rows.append(row(f"libcrypto alone: {algorithm}", [floor], "us"))
        report.rows.append(_timed(f"verify {algorithm}", verify, target_s, goal))


def _libcrypto_us(report: Report) -> dict[mac.Algorithm, float]:
    try:
        command = [str(tool("macfloor"))]
        done = subprocess.run(  # noqa: S603 - our own tool
            command, capture_output=True, text=True, timeout=_FLOOR_S_MAX, check=True
        )
    except (NoCompilerError, subprocess.SubprocessError) as error:
        report.remarks.append(f"libcrypto alone was not measured: {error}")
        return {}
    return dict(zip(_MACS, (float(each) / 1e3 for each in done.stdout.split()), strict=True))


def _timed(
    what: str, operation: Callable[[], object], target_s: float, goal: float | None = None
) -> Row:
    timer = timeit.Timer(operation)
    count, seconds = timer.autorange()
    count = max(1, int(count * target_s / seconds))
    values = [each / count * 1e6 for each in timer.repeat(_REPEATS, count)]
    return row(what, values, "us", goal)
