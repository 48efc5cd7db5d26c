"""The framer gives the same verdict however the stream is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec import BuildError, FrameError, Framer
from codec.framing import FRAMINGS, frame

BODIES = st.lists(st.binary(min_size=1, max_size=40), max_size=8)
EVERY_FRAMING = pytest.mark.parametrize("framing", FRAMINGS)


def read_all(
    pieces: list[bytes], frame_bytes_max: int, framing: str
) -> tuple[list[bytes], str | None, int]:
    """All frames, then the text of the error or None, then what is left waiting."""
    framer = Framer(frame_bytes_max, framing)
    frames: list[bytes] = []
    for piece in [*pieces, b""]:
        try:
            frames += framer.feed(piece)
        except FrameError as error:
            return frames, str(error), 0
    return frames, None, framer.buffered


@EVERY_FRAMING
@given(bodies=BODIES, tail=st.binary(max_size=6), cuts=st.lists(st.integers(0, 400), max_size=6))
@settings(max_examples=60, deadline=None)
def test_whole_cut_and_byte_by_byte_agree(
    framing: str, bodies: list[bytes], tail: bytes, cuts: list[int]
) -> None:
    framed = [frame(body.replace(b"\x03", b"."), framing) for body in bodies]
    stream = b"".join(framed) + tail
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    whole = read_all([stream], 30, framing)
    assert read_all(pieces, 30, framing) == whole
    assert read_all([bytes([b]) for b in stream], 30, framing) == whole


@EVERY_FRAMING
@given(bodies=BODIES)
@settings(max_examples=40, deadline=None)
def test_what_is_framed_is_cut_again(framing: str, bodies: list[bytes]) -> None:
    plain = [body.replace(b"\x03", b".") for body in bodies]
    framer = Framer(framing=framing)
    assert framer.feed(b"".join(frame(body, framing) for body in plain)) == plain
    assert framer.buffered == 0


@pytest.mark.parametrize(
    ("framing", "wire"),
    [
        ("2-byte", "0002 6869"),
        ("2-byte-inclusive", "0004 6869"),
        ("4-byte", "00000002 6869"),
        ("4-byte-inclusive", "00000006 6869"),
        ("4-digit", "30303032 6869"),
        ("4-digit-inclusive", "30303036 6869"),
        ("2-byte-bcd", "0002 6869"),
        ("2-byte-bcd-inclusive", "0004 6869"),
        ("visa", "00020000 6869"),
        ("stx-etx", "02 6869 03 02"),
    ],
)
def test_what_stands_on_the_wire(framing: str, wire: str) -> None:
    assert frame(b"hi", framing) == bytes.fromhex(wire)


@pytest.mark.parametrize(
    ("framing", "wire", "words"),
    [
        ("2-byte", b"\x00\x00", "1 to 20 bytes, found 0"),
        ("2-byte", b"\x00\x15", "1 to 20 bytes, found 21"),
        ("2-byte-inclusive", b"\x00\x02", "found 0"),
        ("2-byte-inclusive", b"\x00\x00", "found -2"),
        ("4-byte", b"\xff\xff\xff\xff", "found 4294967295"),
        ("4-digit", b"00x1", "expected decimal digits"),
        ("2-byte-bcd", b"\x00\x1a", "expected decimal digits"),
        ("visa", b"\x00\x04\x00\x01", "two zero bytes"),
        ("stx-etx", b"0", "expected STX"),
        ("stx-etx", b"\x02\x03", "found 0"),
        ("stx-etx", b"\x02" + b"x" * 21, "expected ETX within 20 bytes"),
        ("stx-etx", b"\x02hi\x03\x00", "check byte"),
    ],
)
def test_bad_headers(framing: str, wire: bytes, words: str) -> None:
    with pytest.raises(FrameError, match=words):
        Framer(20, framing).feed(wire)


@pytest.mark.parametrize("header", [b"\x00\x00", b"\x10\x01", b"\xff\xff"])
def test_a_bad_length_loses_the_stream_after_the_frames_before_it(header: bytes) -> None:
    framer = Framer(4096)
    assert framer.feed(frame(b"good") + header + b"rest") == [b"good"]
    assert framer.error is not None
    for _ in range(2):
        with pytest.raises(FrameError, match="expected a length of 1 to 4096 bytes"):
            framer.feed(frame(b"more"))


def test_the_largest_frame_passes_and_waiting_bytes_are_counted() -> None:
    framer = Framer(10)
    assert framer.feed(frame(b"0123456789")[:-1]) == []
    assert framer.buffered == 11
    assert framer.feed(bytearray(b"9")) == [b"0123456789"]
    assert framer.buffered == 0
    assert framer.error is None


def test_a_frame_needs_a_body_that_fits() -> None:
    assert frame(b"x" * 0xFFFF)[:2] == b"\xff\xff"
    for body, framing in (
        (b"", "2-byte"),
        (b"x" * 0x10000, "2-byte"),
        (b"x" * 0xFFFE, "2-byte-inclusive"),
        (b"x" * 10_000, "4-digit"),
        (b"x" * 9998, "2-byte-bcd-inclusive"),
        (b"\x03", "stx-etx"),
    ):
        with pytest.raises(BuildError):
            frame(body, framing)


@pytest.mark.parametrize("bound", [0, -1, 0x10000])
def test_the_bound_must_make_sense(bound: int) -> None:
    with pytest.raises(ValueError, match="frame_bytes_max"):
        Framer(bound)


def test_an_unknown_framing_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="known are 2-byte, 2-byte-inclusive"):
        Framer(framing="nonsense")
