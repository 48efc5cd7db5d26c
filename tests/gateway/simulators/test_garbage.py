"""Garbage is garbage: nothing of it is a message in any dialect."""

from __future__ import annotations

import random

import pytest

from codec import DIALECTS, CodecError, Framer, Message, dialect
from gateway.simulators.garbage import broken_bytes


@pytest.mark.parametrize("name", DIALECTS)
def test_no_garbage_is_a_message(name: str) -> None:
    rng = random.Random(1)  # noqa: S311 - a simulation
    for _ in range(300):
        framer = Framer()
        try:
            frames = framer.feed(broken_bytes(rng))
        except CodecError:
            continue
        for frame in frames:
            with pytest.raises(CodecError):
                Message(frame, dialect(name))


def test_the_same_seed_is_the_same_garbage() -> None:
    first, second = (broken_bytes(random.Random(5)) for _ in range(2))  # noqa: S311
    assert first == second
