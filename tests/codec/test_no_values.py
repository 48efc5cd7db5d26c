"""A canary: no error, repr or explanation ever holds a value of a sensitive field."""

from __future__ import annotations

import pickle
import traceback

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec import BuildError, CodecError, Dialect, Message, build, explain
from codec._wire import scan
from tests.codec.samples import ISO87, POS, POS_SALE, SALE

CANARY = "9876543210"
IN_BYTES = (CANARY.encode(), bytes.fromhex(CANARY))


def holds_canary(error: CodecError) -> bool:
    """Whether anything reachable from the error as a log would show it holds the canary."""
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    kept = pickle.dumps(error)
    return CANARY in shown or any(form in kept for form in IN_BYTES)


def canary_frame(rules: Dialect) -> bytes:
    values = SALE if rules is ISO87 else POS_SALE
    canaries = {
        2: CANARY + "123456",
        35: f"{CANARY}123456=3012201{CANARY}",
        36: f"{CANARY}=1{CANARY}",
        52: (CANARY + "ABCDEF"),
        48: CANARY * 2,
        62: CANARY * 3,
    }
    return build(rules, "0200", values | canaries).raw


@pytest.mark.parametrize("rules", [ISO87, POS], ids=lambda d: d.name)
@given(at=st.integers(0, 300), byte=st.integers(0, 255), end=st.integers(0, 300))
@settings(max_examples=300, deadline=None)
def test_errors_about_damaged_frames_hold_no_value(
    rules: Dialect, at: int, byte: int, end: int
) -> None:
    frame = bytearray(canary_frame(rules))
    frame[at % len(frame)] = byte
    for damaged in (bytes(frame), bytes(frame[: end % len(frame)])):
        _, error = scan(damaged, rules)
        assert error is None or not holds_canary(error)


@pytest.mark.parametrize("rules", [ISO87, POS], ids=lambda d: d.name)
def test_errors_about_values_given_hold_no_value(rules: Dialect) -> None:
    for de in (2, 3, 35, 41, 52, 64):
        for value in (CANARY * 20, CANARY + "\u20ac", CANARY + "\xe9"):
            with pytest.raises(BuildError) as caught:
                build(rules, "0200", {de: value})
            assert not holds_canary(caught.value)
            with pytest.raises(BuildError) as caught:
                Message(canary_frame(rules), rules).patch(de, value)
            assert not holds_canary(caught.value)


@pytest.mark.parametrize("rules", [ISO87, POS], ids=lambda d: d.name)
def test_texts_for_people_hold_no_card_data(rules: Dialect) -> None:
    frame = canary_frame(rules)
    shown = repr(Message(frame, rules)) + repr(explain(frame, rules).lines)
    assert f"{CANARY}123456" not in shown
    assert f"{CANARY}123456=" not in shown
    assert f"{CANARY}ABCDEF" not in shown
    for end in range(len(frame)):
        told = explain(frame[:end], rules)
        assert f"{CANARY}123" not in repr(told.lines) + str(told.error) + str(told.hint)
