"""A frame whose like was read before is read from memory: that must change nothing but time."""

from __future__ import annotations

from typing import Any

import pytest

from codec import Dialect, build, dialect
from codec._wire import scan
from codec.spec import Field
from tests.codec.test_wire import WIRE


def fresh() -> Dialect:
    """A dialect that has read nothing yet, of fields of every kind."""
    fields = {
        3: Field("Processing code", "text", 6),
        4: Field("Amount", "digits", 12),
        5: Field("Odd", "digits", 5, pad="left"),
        35: Field("Track", "track", 37, "bcd", 1),
        44: Field("More", "text", 25, "ascii", 2),
        52: Field("PIN block", "binary", 8),
        70: Field("Code", "text", 3, charset="latin-1"),
        130: Field("Far", "text", 99, "binary", 1),
    }
    return Dialect("fresh", fields, mti="bcd", bitmap="binary", header=b"\1\2")


VALUE = {
    3: "000000", 4: "000000001234", 5: "12345", 35: "4761739001010119=3012", 44: "AB",
    52: "0123456789ABCDEF", 70: "301", 130: "far away",
}  # fmt: skip


def told(frame: bytes, form: Dialect) -> tuple[Any, ...]:
    """All that can be known of a frame."""
    message, fault = scan(frame, form)
    if message is None:
        return None, str(fault)
    spans = [message.span(de) for de in message.fields()] if fault is None else []
    return message.to_dict(), message.mti, spans, str(fault)


@pytest.mark.parametrize("left_out", [0, 5, 44, 70, 130])
def test_what_is_wrong_with_a_frame_is_told_alike_whether_its_like_is_known_or_not(
    left_out: int,
) -> None:
    values = {de: value for de, value in VALUE.items() if de != left_out}
    knows = fresh()
    good = build(knows, "0200", values).raw
    assert told(good, knows) == told(good, knows) == told(good, fresh())
    damaged = [good[:size] for size in range(len(good))]
    damaged += [good + b"\0", good + good]
    damaged += [
        good[:at] + bytes((byte,)) + good[at + 1 :]
        for at in range(len(good))
        for byte in (0x00, 0x0A, 0xA0, 0x39, 0x80, 0xFF, good[at] ^ 1, good[at] ^ 0x80)
    ]
    for frame in damaged:
        told(good, knows)
        assert told(frame, knows) == told(frame, fresh()), frame.hex()


@pytest.mark.parametrize("more", ["", "C" * 20])
def test_fields_of_other_lengths_lie_elsewhere(more: str) -> None:
    knows = fresh()
    told(build(knows, "0200", VALUE).raw, knows)
    longer = build(knows, "0210", VALUE | {44: more, 35: "1"}).raw
    assert told(longer, knows) == told(longer, fresh())


def test_frames_of_many_bitmaps_in_turn() -> None:
    knows = fresh()
    frames = [
        build(knows, "0200", {de: v for at, (de, v) in enumerate(VALUE.items()) if bits >> at & 1})
        for bits in range(1, 2 ** len(VALUE))
    ]
    for frame in [each.raw for each in frames] * 2:
        assert told(frame, knows) == told(frame, fresh())


@pytest.mark.parametrize("name", sorted(WIRE))
def test_each_dialect_reads_twice_what_it_reads_once(name: str) -> None:
    mti, values, _ = WIRE[name]
    frame = build(dialect(name), mti, values).raw
    once, again = told(frame, dialect(name)), told(frame, dialect(name))
    assert once == again
    assert once[0] == values
