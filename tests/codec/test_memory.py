"""A million decodes of good and bad input leave the process no larger, and keep nothing alive."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import codec
from codec import FrameError, MacKey, Message, build, mac
from tests.codec.samples import ISO87, SALE

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 100_000
CALLS_PER_ROUND = 10
GROWTH_KIB_MAX = 1024

FRAME = build(ISO87, "0200", SALE).raw
BAD = FRAME[:-1] + b"\xff"
DOCUMENT, _ = codec.decode(FRAME, codec.specs.default_ascii)
KEY = MacKey("cup-ecb", bytes(range(16)))


def resident_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4


def once() -> None:
    """Ten calls: reading, changing, failing, both interfaces."""
    message = Message(FRAME, ISO87)
    message.to_dict()
    message.patch(11, "999999")
    message.patch(39, "00")
    mac.sign(message, KEY)
    mac.verify(message, KEY)
    codec.decode(FRAME, codec.specs.default_ascii)
    codec.encode(dict(DOCUMENT), codec.specs.default_ascii)
    for failing in (_bad_frame, _bad_decode):
        failing()


def _bad_frame() -> None:
    with pytest.raises(FrameError):
        Message(BAD, ISO87)


def _bad_decode() -> None:
    with pytest.raises(codec.DecodeError):
        codec.decode(BAD, codec.specs.default_ascii)


def repeat(function: Callable[[], None], times: int) -> None:
    for _ in range(times):
        function()
    gc.collect()


@pytest.mark.slow
def test_a_million_calls_leave_the_process_no_larger() -> None:
    repeat(once, ROUNDS // 20)
    before = resident_kib()
    repeat(once, ROUNDS)
    assert ROUNDS * CALLS_PER_ROUND >= 1_000_000
    assert resident_kib() - before < GROWTH_KIB_MAX


def test_no_references_are_left_behind() -> None:
    watched = (FRAME, BAD, ISO87, KEY, codec.specs.default_ascii, codec.specs.default_ascii["2"])
    repeat(once, 10)
    before = [sys.getrefcount(thing) for thing in watched]
    repeat(once, 1000)
    assert [sys.getrefcount(thing) for thing in watched] == before
