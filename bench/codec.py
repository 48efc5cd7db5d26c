"""What a message costs in the codec, beside pyiso8583 on the same bytes."""

from __future__ import annotations

import timeit
from typing import TYPE_CHECKING, Final

import iso8583
import iso8583.specs

from bench.report import Report, Row, row
from codec import Message, build, decode, dialect, specs

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


def run(*, quick: bool) -> Report:
    """Measure each operation on the 152-byte, 13-field sale."""
    raw = build(_DIALECT, "0200", _SALE).raw
    fields, _ = iso8583.decode(raw, iso8583.specs.default_ascii)

    def index() -> None:
        message = Message(raw, _DIALECT)
        message[11], message[41], message[4]

    def patch() -> None:
        Message(raw, _DIALECT).patch(11, "654321")

    work: dict[str, Callable[[], object]] = {
        "index and read 3 fields": index,
        "index and patch DE 11": patch,
        "build from a dict": lambda: build(_DIALECT, "0200", _SALE),
        "decode to a dict": lambda: decode(raw, specs.default_ascii),
        "pyiso8583: decode": lambda: iso8583.decode(raw, iso8583.specs.default_ascii),
        "pyiso8583: encode": lambda: iso8583.encode(fields, iso8583.specs.default_ascii),
    }
    target_s = _TARGET_S / 5 if quick else _TARGET_S
    return Report(bench="codec", rows=[_timed(*each, target_s) for each in work.items()])


def _timed(what: str, operation: Callable[[], object], target_s: float) -> Row:
    timer = timeit.Timer(operation)
    count, seconds = timer.autorange()
    count = max(1, int(count * target_s / seconds))
    values = [each / count * 1e6 for each in timer.repeat(_REPEATS, count)]
    return row(what, values, "us")
