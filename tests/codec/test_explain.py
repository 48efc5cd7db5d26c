"""An explanation goes as far as the frame does, and says who probably lied."""

from __future__ import annotations

import pytest

from codec import Dialect, build, explain
from tests.codec.samples import ISO87, POS, POS_SALE, SALE, captured_frame


def test_a_good_frame_is_told_whole() -> None:
    told = explain(captured_frame()[2:], POS)
    assert told.error is None
    assert told.hint is None
    assert told.mti == "0200"
    assert told.header.hex() == "6000030000603210320072"
    by_field = {line.field: line for line in told.lines}
    assert by_field["4"].text == "000000001234"
    assert by_field["60.2"].text == "000001"
    assert (by_field["3"].offset, by_field["3"].length) == (21, 3)
    assert by_field["64"].text == "<16 hidden>"


def test_a_cut_frame_is_told_up_to_the_cut() -> None:
    frame = build(ISO87, "0200", SALE).raw
    told = explain(frame[:100], ISO87)
    assert [line.field for line in told.lines] == ["2", "3", "4", "7", "11", "12", "13", "22", "25"]
    assert told.error is not None
    assert told.error.field == 35
    assert told.hint is not None
    assert "length of field 35 lies" in told.hint
    assert "field 2" in told.hint


def test_a_cut_second_bitmap_leaves_nothing_of_the_first() -> None:
    told = explain(b"0200" + b"E000000000000000" + b"00000000", ISO87)
    assert told.lines == ()
    assert told.error is not None
    assert told.error.field == "bitmap"


def with_length_header(frame: bytes) -> bytes:
    return len(frame).to_bytes(2, "big") + frame


ISO_FRAME = build(ISO87, "0200", SALE).raw
POS_FRAME = build(POS, "0200", POS_SALE).raw
BINARY_BITMAP = b"0200" + bytes.fromhex("7020000000000000") + b"0" * 60


@pytest.mark.parametrize(
    ("frame", "rules", "hint"),
    [
        (b"", ISO87, "too short"),
        (with_length_header(ISO_FRAME), ISO87, "length header"),
        (with_length_header(POS_FRAME), POS, "length header"),
        (b"%04d" % len(ISO_FRAME) + ISO_FRAME, ISO87, "length header in ASCII"),
        (POS_FRAME[11:], POS, "TPDU and header are missing"),
        (POS_FRAME[:5] + POS_FRAME[11:], POS, "header after it is missing"),
        (ISO_FRAME, POS, "ASCII text"),
        (POS_FRAME, ISO87, "begins with a TPDU"),
        (BINARY_BITMAP, ISO87, "bitmap is binary"),
        (b"XXXX" + ISO_FRAME, ISO87, "does not begin"),
        (ISO_FRAME.replace(b"164761739001", b"154761739001", 1), ISO87, "length of field"),
        (ISO_FRAME + b"0", ISO87, "length of field 35"),
        (b"0200" + b"2000000000000000" + b"12345", ISO87, "bitmap probably announces"),
        (b"0200" + b"2000000000000000" + b"1234567", ISO87, "bitmap probably lacks"),
    ],
)
def test_hints(frame: bytes, rules: Dialect, hint: str) -> None:
    told = explain(frame, rules)
    assert told.error is not None
    assert told.hint is not None
    assert hint in told.hint
