"""Every field of every dialect round-trips; a dialect that contradicts itself is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec import DIALECTS, BuildError, Dialect, FrameError, Message, build, dialect
from codec.spec import Field
from tests.codec.samples import sample_value, values_of


@pytest.mark.parametrize("name", DIALECTS)
def test_every_field_round_trips_at_every_length_that_matters(name: str) -> None:
    rules = dialect(name)
    for de, field in rules.fields.items():
        lengths = {field.length} if field.length_form == "fixed" else {0, 1, 2, 3, field.length}
        for length in lengths:
            value = sample_value(field, length)
            message = build(rules, "0200", {de: value})
            again = Message(message.raw, rules)
            assert again[de] == value
            assert again.fields() == (de,)
            assert again == message


@pytest.mark.parametrize("name", DIALECTS)
def test_a_field_too_long_or_too_short_is_refused_by_name(name: str) -> None:
    rules = dialect(name)
    for de, field in rules.fields.items():
        short = {field.length - 1} if field.length_form == "fixed" else set()
        for length in {field.length + 1} | short:
            with pytest.raises(BuildError) as caught:
                build(rules, "0200", {de: sample_value(field, length)})
            assert caught.value.field == de
            assert f"field {de} ({field.name})" in str(caught.value)


@pytest.mark.parametrize("name", DIALECTS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_set_of_fields_round_trips(name: str, data: st.DataObject) -> None:
    rules = dialect(name)
    chosen = data.draw(st.sets(st.sampled_from(sorted(rules.fields)), max_size=12))
    values = {de: data.draw(values_of(rules.fields[de])) for de in chosen}
    message = build(rules, "0200", values)
    assert message.to_dict() == values
    assert message.fields() == tuple(sorted(chosen))
    assert build(rules, "0200", message.to_dict()).raw == message.raw


@pytest.mark.parametrize("name", DIALECTS)
def test_a_frame_cut_anywhere_is_an_error_that_tells_where(name: str) -> None:
    rules = dialect(name)
    values = {de: sample_value(f, min(f.length, 19)) for de, f in rules.fields.items()}
    for de, field in rules.fields.items():
        if field.length_form == "fixed":
            values[de] = sample_value(field, field.length)
    frame = build(rules, "0200", values).raw
    for end in range(len(frame)):
        with pytest.raises(FrameError) as caught:
            Message(frame[:end], rules)
        assert caught.value.offset is not None
        assert caught.value.offset <= end
        assert "expected" in caught.value.reason


@pytest.mark.parametrize("name", ["iso87-ascii", "unionpay-pos"])
def test_an_empty_secondary_bitmap_is_read(name: str) -> None:
    rules = dialect(name)
    message = build(rules, "0800", {11: "000001"})
    start = rules.header_bytes + (4 if name == "iso87-ascii" else 2)
    if name == "iso87-ascii":
        raw = message.raw[:start] + b"8020000000000000" + b"0" * 16 + b"000001"
    else:
        raw = message.raw[:start] + bytes.fromhex("8020000000000000" + "0" * 16 + "000001")
    again = Message(raw, rules)
    assert again.fields() == (11,)
    assert again[11] == "000001"


def test_all_three_bitmaps_work() -> None:
    fields = {de: Field(f"f{de}", "digits", 4) for de in (2, 64, 66, 128, 129, 192)}
    rules = Dialect("three", fields, mti="bcd", bitmap="binary")
    values = {de: f"{de:04d}" for de in fields}
    message = build(rules, "0200", values)
    assert message.to_dict() == values
    assert len(message) == 2 + 3 * 8 + 6 * 2
    for de in (192, 129, 66):
        message.remove(de)
    message.remove(128)
    assert len(message) == 2 + 8 + 2 * 2
    assert Message(message.raw, rules).to_dict() == {2: "0002", 64: "0064"}


def test_ebcdic_and_binary_lengths_work() -> None:
    fields = {
        2: Field("pan", "digits", 19, "binary", 1),
        35: Field("track", "track", 38, "binary", 1, counts="bytes"),
        43: Field("name", "text", 12, "ebcdic", 2, "cp037"),
        44: Field("text", "text", 999, "ebcdic", 3, "cp500"),
    }
    rules = Dialect("ebcdic", fields, mti="ebcdic", bitmap="hex-ebcdic", header=b"HEAD")
    values = {2: "476173900101011", 35: "47617=12", 43: "CAF\xc9 [x]!", 44: "[]^!"}
    message = build(rules, "0100", values)
    assert message.mti == "0100"
    assert message.raw.startswith(b"HEAD" + "0100".encode("cp500"))
    assert "CAF\xc9 [x]!".encode("cp037") in message.raw
    assert "004[]^!".encode("cp500") in message.raw
    assert Message(message.raw, rules).to_dict() == values


def test_pads_lie_where_the_dialect_says() -> None:
    rules = Dialect(
        "pads",
        {22: Field("l", "digits", 3), 23: Field("r", "digits", 3, pad="left")},
        mti="bcd",
        bitmap="binary",
    )
    message = build(rules, "0200", {22: "123", 23: "456"})
    assert message.raw[-4:] == bytes.fromhex("12300456")
    other_pad = message.raw[:-4] + bytes.fromhex("123FF456")
    assert Message(other_pad, rules).to_dict() == {22: "123", 23: "456"}


def test_an_unknown_dialect_names_the_known_ones() -> None:
    with pytest.raises(LookupError, match="iso87-ascii, unionpay-pos"):
        dialect("nonsense")


@pytest.mark.parametrize(
    ("number", "field", "words"),
    [
        (1, Field("x", "text", 4), "belongs to a bitmap"),
        (193, Field("x", "text", 4), "outside 2 to 192"),
        (-5, Field("x", "text", 4), "outside 2 to 192"),
        (2, Field("x", "text", 4, "fixed", 2), "length_bytes must be 0"),
        (2, Field("x", "text", 4, "ascii"), "length_bytes must be 0"),
        (2, Field("x", "text", 0), "length must be within"),
        (2, Field("x", "text", 100, "ascii", 2), "does not fit"),
        (2, Field("x", "digits", 19, "bcd", 1, counts="bytes"), "must be even"),
    ],
)
def test_a_field_that_contradicts_itself_is_refused(number: int, field: Field, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Dialect("bad", {number: field})
