"""Which answers have arrived: what TCP says and `now` go in, proofs and ends come out."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import Acknowledged, WireLimits
from gateway.wire.connection import Connection
from gateway.wire.deliveries import Deliveries

if TYPE_CHECKING:
    from gateway.wire import WireEvent

LIMITS = WireLimits(acknowledgement_settles_s=1.0, unacknowledged_s=5.0)
NOW = 100.0


def connection(number: int = 1) -> Connection:
    return Connection(number, "counter", LIMITS, NOW)


class Answers:
    """Deliveries, and what they told."""

    def __init__(self) -> None:
        self.deliveries = Deliveries(LIMITS)
        self.told: list[WireEvent] = []

    def answered(self, one: Connection, *tags: object, now: float = NOW) -> None:
        """Answers are sent on a connection and handed to the kernel."""
        for tag in tags:
            self.deliveries.sent(one, tag)
        self.deliveries.handed_over(now)

    def look(self, one: Connection, now: float, *, arrived: bool) -> str | None:
        """The verdict on the answer that is due, which is this connection's."""
        assert self.deliveries.due(now) == one.id
        has_all = self.deliveries.asks(one) and arrived
        return self.deliveries.look(one, has_all, now, self.told)


def test_an_answer_is_looked_at_once_it_had_time_to_settle_and_no_sooner() -> None:
    answers, one = Answers(), connection()
    answers.deliveries.sent(one, 42)
    assert answers.deliveries.due(NOW + 50.0) == 0  # the kernel does not have it yet
    answers.deliveries.handed_over(NOW + 50.0)
    assert answers.deliveries.due(NOW + 50.9) == 0
    assert answers.look(one, NOW + 51.0, arrived=True) is None
    assert answers.told == [Acknowledged(1, 42)]
    assert (answers.deliveries.due(NOW + 99.0), len(answers.deliveries)) == (0, 0)


def test_what_has_not_arrived_is_looked_at_again_and_given_up_at_last() -> None:
    answers, one = Answers(), connection()
    answers.answered(one, 42)
    for seconds in range(1, 6):
        assert answers.look(one, NOW + seconds, arrived=False) is None
        assert answers.deliveries.due(NOW + seconds + 0.9) == 0
    assert answers.look(one, NOW + 6.0, arrived=False) == "answer not acknowledged"
    assert (answers.told, len(answers.deliveries)) == ([], 0)


def test_tcp_that_had_every_byte_is_not_asked_again_for_what_was_sent_before() -> None:
    answers, one = Answers(), connection()
    answers.answered(one, 1)
    answers.answered(one, 2, now=NOW + 0.5)
    answers.answered(one, 3, now=NOW + 1.0)
    assert answers.deliveries.asks(one)
    assert answers.look(one, NOW + 1.0, arrived=True) is None
    assert not answers.deliveries.asks(one)
    assert answers.look(one, NOW + 1.5, arrived=False) is None
    assert answers.deliveries.asks(one)  # of this one it may not have had a byte then
    assert answers.look(one, NOW + 2.0, arrived=False) is None
    assert answers.told == [Acknowledged(1, 1), Acknowledged(1, 2)]


def test_whose_sending_has_ended_stays_until_his_last_answer_is_proven() -> None:
    answers, one = Answers(), connection()
    answers.answered(one, 1, 2)
    assert one.hear_end()
    assert one.closed
    assert answers.look(one, NOW + 1.0, arrived=True) is None
    assert answers.look(one, NOW + 1.0, arrived=True) == "ended"
    assert answers.told == [Acknowledged(1, 1), Acknowledged(1, 2)]


def test_whose_answers_are_all_proven_ends_with_his_sending() -> None:
    answers, one = Answers(), connection()
    assert not one.hear_end()
    answers.answered(one, 1)
    answers.look(one, NOW + 1.0, arrived=True)
    assert not one.hear_end()
    assert not one.closed


@pytest.mark.parametrize("number", [1, 300, 5_000])
def test_however_many_wait_each_is_told_once_and_in_its_turn(number: int) -> None:
    answers, one = Answers(), connection()
    answers.answered(one, *range(1, number + 1))
    assert len(answers.deliveries) == number
    for _ in range(number):
        answers.look(one, NOW + 1.0, arrived=True)
    assert answers.told == [Acknowledged(1, tag) for tag in range(1, number + 1)]


def test_they_keep_their_turn_while_as_many_come_as_go() -> None:
    answers, one = Answers(), connection()
    tags = iter(range(100_000))
    for wave, number in enumerate((700, 1, 1_024, 323, 2_048, 5, 1_500)):
        now = NOW + wave
        while answers.deliveries.due(now):
            answers.look(one, now, arrived=True)
        assert len(answers.deliveries) == 0
        answers.answered(one, *(next(tags) for _ in range(number)), now=now)
    answers.look(one, NOW + 9.0, arrived=True)
    assert answers.told == [Acknowledged(1, tag) for tag in range(len(answers.told))]
    assert (len(answers.told), len(answers.deliveries)) == (4_102, 1_499)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("answer", "look", "lose")),
            st.integers(1, 3),
            st.floats(0.0, 2.0),
            st.booleans(),
        ),
        max_size=80,
    )
)
def test_no_answer_is_told_twice_or_forgotten_whatever_happens_to_the_others(
    steps: list[tuple[str, int, float, bool]],
) -> None:
    answers, now, tag = Answers(), NOW, 0
    there = {number: connection(number) for number in (1, 2, 3)}
    waiting: dict[int, int] = {}
    for what, number, seconds, arrived in steps:
        now += seconds
        if what == "answer" and number in there:
            tag += 1
            answers.answered(there[number], tag, now=now)
            waiting[tag] = number
        elif what == "lose":
            there.pop(number, None)
        elif what == "look":
            while conn := answers.deliveries.due(now):
                if conn not in there:
                    answers.deliveries.skip()
                elif answers.look(there[conn], now, arrived=arrived) is not None:
                    del there[conn]
    now += LIMITS.acknowledgement_settles_s
    while conn := answers.deliveries.due(now):
        if conn in there:
            assert answers.look(there[conn], now, arrived=True) is None
        else:
            answers.deliveries.skip()
    told = [event.tag for event in answers.told if isinstance(event, Acknowledged)]
    assert len(set(told)) == len(told)
    assert {tag for tag, number in waiting.items() if number in there} <= set(told)
    assert len(answers.deliveries) == 0


class Tag:
    """Something that can be asked whether it is still held."""


def test_nothing_is_held_of_what_was_told_given_up_or_skipped_nor_once_nobody_looks() -> None:
    answers, one = Answers(), connection()
    tags = [Tag() for _ in range(5)]
    held = [weakref.ref(tag) for tag in tags]
    answers.answered(one, *tags)
    tags.clear()
    assert answers.look(one, NOW + 1.0, arrived=False) is None
    assert all(each() is not None for each in held)
    answers.deliveries.skip()
    assert answers.look(one, NOW + 1.0, arrived=True) is None
    late = NOW + LIMITS.unacknowledged_s + 9.0
    one = connection()
    assert answers.look(one, late, arrived=False) == "answer not acknowledged"
    answers.told.clear()
    assert [each() is None for each in held] == [False, True, True, True, False]
    del answers
    assert [each() is None for each in held] == [True] * len(held)
