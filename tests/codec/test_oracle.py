"""pyiso8583 is the oracle of `iso87-ascii`: what it makes we read, what we make it reads."""

from __future__ import annotations

from dataclasses import replace

import iso8583
from hypothesis import given, settings
from hypothesis import strategies as st
from iso8583.specs import default_ascii

from codec import FrameError, Message, build
from tests.codec.samples import ISO87, SALE, values_of

MTIS = st.text("0123456789", min_size=4, max_size=4)


@st.composite
def messages(draw: st.DrawFn) -> tuple[str, dict[int, str]]:
    chosen = draw(st.sets(st.sampled_from(sorted(ISO87.fields)), max_size=15))
    fields = {de: replace(ISO87.fields[de], charset="ascii") for de in chosen}
    return draw(MTIS), {de: draw(values_of(field)) for de, field in fields.items()}


def oracle_fields(frame: bytes) -> tuple[str, dict[int, str]]:
    decoded, _ = iso8583.decode(frame, default_ascii)
    return decoded["t"], {int(k): v for k, v in decoded.items() if k.isdigit() and k != "1"}


@given(message=messages())
@settings(max_examples=150, deadline=None)
def test_same_bytes_and_same_values(message: tuple[str, dict[int, str]]) -> None:
    mti, values = message
    document = {"t": mti} | {str(de): value for de, value in values.items()}
    theirs, _ = iso8583.encode(document, default_ascii)
    ours = build(ISO87, mti, values)
    assert ours.raw == bytes(theirs)
    assert oracle_fields(ours.raw) == (mti, values) == (ours.mti, ours.to_dict())


def is_wider_on_purpose(message: Message) -> bool:
    """DE 63 may hold any bytes here; there, ASCII only."""
    return not message.get(63, "").isascii()


def is_stricter_on_purpose(frame: bytes) -> bool:
    """Where we refuse what the oracle lets pass: signs, blanks and `_` in numbers and bitmaps."""
    return any(b in b" \t\n\r\x0b\x0c+-_" for b in frame) or not frame[:4].isdigit()


@given(
    values=messages().map(lambda m: SALE | m[1]),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=3),
    end=st.none() | st.integers(0, 400),
)
@settings(max_examples=300, deadline=None)
def test_same_verdict_on_damaged_frames(
    values: dict[int, str], changes: list[tuple[int, int]], end: int | None
) -> None:
    frame = bytearray(build(ISO87, "0200", values).raw)
    for at, byte in changes:
        frame[at % len(frame)] = byte
    damaged = bytes(frame[:end])
    try:
        expected = oracle_fields(damaged)
    except (iso8583.DecodeError, KeyError):
        expected = None
    try:
        message = Message(damaged, ISO87)
    except FrameError:
        assert expected is None or is_stricter_on_purpose(damaged)
    else:
        if is_wider_on_purpose(message):
            assert expected is None
            return
        assert (message.mti, message.to_dict()) == expected
        assert message.raw == damaged
