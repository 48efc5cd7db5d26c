"""One connection's logic: the same frames however the bytes come, and clocks that run out."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec import FrameError
from codec.framing import frame
from gateway.wire.connection import Connection, SlowReaderError
from gateway.wire.port import WireLimits

LIMITS = WireLimits(
    frame_bytes_max=100,
    first_frame_s=5.0,
    frame_completion_s=2.0,
    idle_s=20.0,
    waiting_bytes_max=60,
    link_waiting_bytes_max=80,
)


def connection(now: float = 100.0) -> Connection:
    return Connection(1, "counter", LIMITS, now)


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=5), st.lists(st.integers(0, 9)))
def test_frames_are_the_same_however_the_stream_is_cut(
    bodies: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(frame(body) for body in bodies)
    one, found = connection(), []
    for size in [*cuts, len(stream)]:
        piece, stream = stream[:size], stream[size:]
        if piece:
            found += one.received(piece, 101.0)
    assert found == bodies


@pytest.mark.parametrize(
    ("length", "why"), [(0, "not a frame"), (101, "frame_bytes_max"), (65_535, "frame_bytes_max")]
)
def test_a_length_that_no_frame_has_is_an_error_at_once(length: int, why: str) -> None:
    one = connection()
    one.received(frame(b"x" * 100), 101.0)
    assert one.unreadable is None
    with pytest.raises(FrameError):
        one.received(length.to_bytes(2, "big"), 101.0)
    assert one.unreadable == why


def test_no_first_frame_in_time() -> None:
    one = connection()
    assert one.overdue(105.0) is None
    assert one.overdue(105.1) == "no first frame in time"
    one.received(frame(b"hello"), 105.2)
    assert one.overdue(106.0) is None


def test_a_frame_begun_must_be_completed_in_time() -> None:
    one = connection()
    one.received(frame(b"hello"), 101.0)
    one.received(b"\x00", 102.0)
    assert one.overdue(104.0) is None
    assert one.overdue(104.1) == "frame not completed in time"


def test_a_trickle_of_bytes_does_not_stop_the_clock_of_its_frame() -> None:
    one = connection()
    one.received(frame(b"hello"), 101.0)
    stream = frame(b"x" * 50)
    for number in range(30):
        one.received(stream[number : number + 1], 102.0 + number * 0.1)
    assert one.overdue(104.9) == "frame not completed in time"


def test_a_completed_frame_stops_its_clock_and_the_next_one_has_its_own() -> None:
    one = connection()
    stream = frame(b"hello")
    one.received(stream[:3], 101.0)
    one.received(stream[3:] + stream[:2], 102.9)
    assert one.overdue(104.8) is None
    assert one.overdue(105.0) == "frame not completed in time"


def test_idle() -> None:
    one = connection()
    one.received(frame(b"hello"), 101.0)
    assert one.overdue(121.0) is None
    assert one.overdue(121.1) == "idle"


@given(
    st.lists(
        st.tuples(st.floats(0.0, 8.0), st.sampled_from((b"\x00", frame(b"hello"), b""))),
        max_size=12,
    ),
    st.booleans(),
)
def test_nobody_is_overdue_before_he_is_to_be_looked_at(
    steps: list[tuple[float, bytes]], shaking: bool
) -> None:
    one, now = connection(), 100.0
    one.shaking = shaking
    for seconds, data in steps:
        before = one.due_at()
        now += seconds
        if now <= before:
            assert one.overdue(now) is None
        if data:
            with contextlib.suppress(FrameError):
                one.received(data, now)
    assert one.overdue(one.due_at()) is None
    assert one.overdue(one.due_at() + 0.001) is not None


@pytest.mark.parametrize(
    ("accepted", "bound"), [(True, "waiting_bytes_max"), (False, "link_waiting_bytes_max")]
)
def test_what_waits_for_a_slow_reader_is_bounded(accepted: bool, bound: str) -> None:
    one = connection()
    one.accepted = accepted
    one.queue(b"x" * 30)
    with pytest.raises(SlowReaderError):
        one.queue(b"x" * 50)
    assert bytes(one.out) == frame(b"x" * 30)
    assert one.slow == bound
