"""A host that has become slow, and one that was."""

from __future__ import annotations

from routing.latency import ANSWERS_MIN, WINDOW_S, Latency
from routing.tally import REPLY_S, Tally

LIMIT_S = 1.0


def answered(tally: Tally, count: int, seconds: float) -> None:
    for _ in range(count):
        tally.add(seconds)


def test_a_host_is_slow_when_more_than_one_answer_in_twenty_is() -> None:
    tally = Tally(REPLY_S)
    latency = Latency(tally)
    answered(tally, 95, 0.2)
    answered(tally, 5, 4.0)
    assert not latency.is_slow(LIMIT_S, 1.0)
    answered(tally, 5, 4.0)
    assert latency.is_slow(LIMIT_S, 2.0)


def test_what_is_long_over_does_not_count() -> None:
    tally = Tally(REPLY_S)
    latency = Latency(tally)
    answered(tally, 100, 4.0)
    assert latency.is_slow(LIMIT_S, 1.0)
    for second in range(1, 8):
        answered(tally, 20, 0.1)
        slow = latency.is_slow(LIMIT_S, 1.0 + second * WINDOW_S / 6)
    assert not slow
    answered(tally, 40, 4.0)
    assert latency.is_slow(LIMIT_S, 1.0 + 8 * WINDOW_S / 6)


def test_few_answers_say_nothing() -> None:
    tally = Tally(REPLY_S)
    latency = Latency(tally)
    answered(tally, ANSWERS_MIN - 1, 20.0)
    assert not latency.is_slow(LIMIT_S, 1.0)
    answered(tally, 1, 20.0)
    assert latency.is_slow(LIMIT_S, 2.0)


def test_answers_slower_than_any_bound_are_slow() -> None:
    tally = Tally(REPLY_S)
    answered(tally, ANSWERS_MIN, 50.0)
    assert Latency(tally).is_slow(30.0, 1.0)
