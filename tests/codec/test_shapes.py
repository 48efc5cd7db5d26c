"""A frame whose like was read before is read from memory: that must change nothing but time."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from codec import Dialect, FieldSet, build, dialect, kept
from codec._wire import read, scan
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


def simple() -> Dialect:
    fields = {
        3: Field("Code", "text", 6),
        39: Field("Answer", "text", 2),
        60: Field("X", "text", 1),
    }
    return Dialect("simple", fields, bitmap="binary")


@pytest.mark.parametrize("behind", [b"", b"trailing", b"\xff"])
def test_a_message_read_in_part_is_made_anew_when_changed_and_teaches_nothing(
    behind: bytes,
) -> None:
    whole = build(simple(), "0200", {3: "000000", 39: "05"}).raw
    for size in range(4, len(whole) + 1):
        form = simple()
        for change in range(3):
            message, _fault = scan(whole[:size] + behind, form)
            if message is None:
                continue
            if change == 0:
                message.patch(60, "x")
            elif change == 1:
                message.patch(39, "00")
                message.remove(3)
            else:
                message.remove(39)
                message.remove(3)
            for known in (message.raw, whole[:size] + behind, message.raw + behind):
                assert told(known, form) == told(known, simple())


def test_what_is_kept_of_messages_of_many_lengths_takes_no_more_memory_than_of_one() -> None:
    fields = {3: Field("Code", "text", 6), 48: Field("More", "text", 999, "ascii", 3)}
    wanted = FieldSet((3,))

    def memory(lengths: int) -> int:
        form = Dialect("lengths", fields)
        frames = [build(form, "0200", {3: "000000", 48: "x" * at}).raw for at in range(lengths)]
        tracemalloc.start()
        held = [
            kept.keep(read(frame, form), wanted)
            for frame in frames
            for _each in range(3000 // lengths)
        ]
        del form  # which has the indexes of the frames before
        used = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert len(held) == 3000
        return used

    assert memory(1000) < 1.2 * memory(1)


def test_a_field_is_taken_over_from_a_message_of_another_dialect_by_its_value() -> None:
    here, there = build(dialect("iso87-ascii"), "0200", {11: "123456"}), fresh()
    other = build(there, "0200", {3: "000000"})
    binary = build(dialect("iso87-binary"), "0200", {11: "654321"})
    here.take_over(11, binary)
    assert here[11] == "654321"
    binary.take_over(11, build(dialect("iso87-ascii"), "0200", {11: "000001"}))
    assert binary[11] == "000001"
    with pytest.raises(TypeError):
        here.take_over(11, None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        kept.keep(other, (3,)).agrees((3,), None)  # type: ignore[arg-type]
