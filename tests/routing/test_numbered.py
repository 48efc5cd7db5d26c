"""Charges are found by their number, whatever numbers are held and however they come and go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from routing.numbered import Numbered
from tests.routing.test_book import charge

NUMBERS = st.integers(1, 300) | st.integers(1, 2**40)


@given(steps=st.lists(st.tuples(st.booleans(), NUMBERS), max_size=200))
def test_it_holds_what_a_dict_would(steps: list[tuple[bool, int]]) -> None:
    held, known = Numbered(), {}
    for comes, near in steps:
        number = near
        if not comes:
            number = min(known, key=lambda each, near=near: abs(each - near), default=near)
        if number in known:
            del known[number]
            held.drop(number)
        elif comes:
            known[number] = charge(number, 1)
            held.put(number, known[number])
        else:
            held.drop(number)
        assert held.get(number) is known.get(number)
    assert len(held) == len(known)
    assert all(held.get(number) is each for number, each in known.items())
    assert [each.id for each in held.newest()] == sorted(known, reverse=True)


def test_rows_in_which_nothing_is_held_any_more_are_given_up() -> None:
    held = Numbered()
    for number in range(1, 10_000):
        held.put(number, charge(number, 1))
        if number > 10:
            held.drop(number - 10)
    assert len(held) == 10
    assert held.rows() <= 3


def test_a_row_that_was_given_up_is_not_asked_any_more() -> None:
    """The first number of a row turns out to be a repeat; the one that it repeats comes back."""
    held, second = Numbered(), charge(129, 1)
    held.put(128, charge(128, 1))
    assert held.get(128) is not None
    held.drop(128)
    held.put(5, charge(5, 1))
    held.put(129, second)
    assert held.get(129) is second
    held.drop(129)
    assert len(held) == 1
