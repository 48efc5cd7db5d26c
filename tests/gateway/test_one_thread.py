"""The journal's thread: calls one after the other, waited for or only begun."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

import pytest
import trio

from gateway.one_thread import OneThread

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT_S = 5.0


@pytest.fixture
def thread() -> Iterator[OneThread]:
    made = OneThread("under test")
    yield made
    made.rest()


def named(name: str) -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == name]


async def test_a_call_is_done_in_the_thread_and_its_result_or_error_comes_back(
    thread: OneThread,
) -> None:
    assert await thread(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await thread(divmod, 1, 0)
    assert await thread(divmod, 7, 2) == (3, 1)


def test_what_was_begun_wakes_when_it_has_ended_and_is_told_once(thread: OneThread) -> None:
    awake, may_end = threading.Event(), threading.Event()
    thread.begin(awake.set, may_end.wait, WAIT_S)
    assert thread.ended() is None
    may_end.set()
    assert awake.wait(WAIT_S)
    told = thread.ended()
    assert told is not None
    assert told.unwrap() is True
    assert thread.ended() is None


def test_an_error_of_what_was_begun_is_told_like_a_result(thread: OneThread) -> None:
    awake = threading.Event()
    thread.begin(awake.set, divmod, 1, 0)
    assert awake.wait(WAIT_S)
    told = thread.ended()
    assert told is not None
    with pytest.raises(ZeroDivisionError):
        told.unwrap()


def test_rest_returns_when_what_was_begun_has_ended(thread: OneThread) -> None:
    done: list[int] = []
    may_end = threading.Event()

    def slow() -> None:
        may_end.wait(WAIT_S)
        done.append(1)

    thread.begin(lambda: None, slow)
    threading.Timer(0.01, may_end.set).start()
    thread.rest()
    assert done == [1]


async def test_who_is_cancelled_still_waits_for_the_end_of_the_call(thread: OneThread) -> None:
    may_end, ended = threading.Event(), []
    with trio.move_on_after(0):
        may_end.set()
        ended.append(await thread(may_end.wait, WAIT_S))
    assert ended == [True]


def test_the_thread_is_made_when_it_is_needed_and_ends_with_its_object() -> None:
    made = OneThread("alone")
    assert not named("alone")
    made.begin(lambda: None, int)
    (running,) = named("alone")
    del made
    gc.collect()
    running.join(WAIT_S)
    assert not named("alone")
