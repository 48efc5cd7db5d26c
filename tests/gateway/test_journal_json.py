"""What the journal's rows hold is JSON, to the letter as msgspec writes it, but for times."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import pytest

from codec.kept import Fields
from gateway.journal._json import array_of
from routing.charge import State
from routing.reason import Reason

VALUES: tuple[Any, ...] = (
    "",
    "MERCHANT0000001",
    'he said "no"',
    "back\\slash",
    "12345678\n",
    "1234567\x1f89",
    "\x7f\x00",
    "é",
    "日本",
    0,
    7,
    -5,
    2**63 - 1,
    -(2**63),
    10**30,
    0.0,
    60.0,
    0.25,
    -1.5,
    1e300,
    None,
    True,
    False,
    {},
    {3: "000000", 48: '"'},
    {"named": 1},
    {3: {4: "5"}},
    (),
    (2, 3, 4),
    [1, "a"],
    State.SENT,
    Reason.NO_ANSWER,
    "x" * 5_000,
)


def test_every_kind_of_value_is_as_msgspec_writes_it() -> None:
    assert array_of(VALUES, 0, False).encode() == msgspec.json.encode(VALUES)
    for each in VALUES:
        assert array_of((each,), 0, False).encode() == msgspec.json.encode((each,))


@pytest.mark.parametrize("fields", [{}, {3: "000000", 41: "T1"}, {48: 'é "'}, {120: "x" * 2_000}])
def test_what_is_kept_of_a_message_is_an_object(fields: dict[int, str]) -> None:
    assert array_of((Fields(fields), 1), 0, False) == array_of((fields, 1), 0, False)


def test_it_begins_where_it_is_told_and_ends_with_a_comma_if_wanted() -> None:
    assert array_of((1, "b", 3), 1, True) == '["b",3],'
    assert array_of((1,), 1, False) == "[]"


@pytest.mark.parametrize("seed", range(4))
def test_a_time_comes_back_as_it_was(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - a test's dice
    for _ in range(5_000):
        at = rng.choice((rng.uniform(2**30, 2**31), rng.uniform(0, 2**33), 2**31 - rng.random()))
        assert json.loads(array_of((at,), 0, False)) == [at]
    for at in (2.0**30, 2.0**31, 2.0**31 - 2.0**-22, 1_999_999_999.999_999_9):
        assert json.loads(array_of((at,), 0, False)) == [at]


@pytest.mark.parametrize("seed", range(4))
def test_any_text_comes_back_as_it_was(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - the same
    for _ in range(5_000):
        text = "".join(chr(rng.choice((65, rng.randrange(128)))) for _ in range(rng.randrange(20)))
        assert array_of((text,), 0, False).encode() == msgspec.json.encode((text,))


def test_what_json_has_no_word_for_is_an_error() -> None:
    with pytest.raises(TypeError):
        array_of(("a", object()), 0, False)
