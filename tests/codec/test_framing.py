"""The framer gives the same verdict however the stream is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec import BuildError, FrameError, Framer
from codec.framing import frame

BODIES = st.lists(st.binary(min_size=1, max_size=40), max_size=8)


def read_all(pieces: list[bytes], frame_bytes_max: int) -> tuple[list[bytes], str | None, int]:
    """All frames, then the text of the error or None, then what is left waiting."""
    framer = Framer(frame_bytes_max)
    frames: list[bytes] = []
    for piece in [*pieces, b""]:
        try:
            frames += framer.feed(piece)
        except FrameError as error:
            return frames, str(error), 0
    return frames, None, framer.buffered


@given(bodies=BODIES, tail=st.binary(max_size=6), cuts=st.lists(st.integers(0, 400), max_size=6))
@settings(max_examples=200, deadline=None)
def test_whole_cut_and_byte_by_byte_agree(
    bodies: list[bytes], tail: bytes, cuts: list[int]
) -> None:
    stream = b"".join(map(frame, bodies)) + tail
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    whole = read_all([stream], 30)
    assert read_all(pieces, 30) == whole
    assert read_all([bytes([b]) for b in stream], 30) == whole


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
    assert framer.feed(b"9") == [b"0123456789"]
    assert framer.buffered == 0
    assert framer.error is None


def test_a_frame_needs_a_body_that_fits() -> None:
    assert frame(b"x" * 0xFFFF)[:2] == b"\xff\xff"
    for body in (b"", b"x" * 0x10000):
        with pytest.raises(BuildError):
            frame(body)


@pytest.mark.parametrize("bound", [0, -1, 0x10000])
def test_the_bound_must_make_sense(bound: int) -> None:
    with pytest.raises(ValueError, match="frame_bytes_max"):
        Framer(bound)
