"""The simulator bites: every deliberate bug is caught within a few seeds."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

import pytest

from bench import pure
from tests.simulation import mutations

_CAUGHT = 1
_SHOWN_BY: Final = {
    "leaves-after-sign-off": 2,
    "25-at-once": 1,
    "25-ends-all": 1,
    "busy-is-accepted": 1,
    "proof-over-is-service": 1,
    "any-sale-proves": 1,
    "failed-void-stands": 1,
    "partial-is-whole": 1,
    "no-bound-in-flight": 4,
    "ended-stay-for-ever": 4,
    "window-over-is-service": 1,
    "not-served-ignored": 2,
    "terminal-reversal-ignored": 2,
    "confirm-during-reversal": 1,
    "reverse-served": 2,
    "no-duplicates": 2,
    "mac-unchecked": 2,
    "25-older-than-approval": 29,
    "told-is-forgotten": 2,
    "answer-to-newest-try": 40,
    "copies-count": 101,
    "25-of-a-settled-day": 7,
    "refusal-forgotten": 89,
    "refuse-the-forgotten": 56,
    "reversal-proves-nothing": 2,
    "key-in-use-forgotten": 2,
    "doubted-key-stays": 9,
    "barred-sells": 3,
    "ends-over-open-money": 3,
    "card-begins-today": 5,
    "card-begins-unsaid": 1,
}
"""The first seed that shows a bug, where it is not 0: looking for it begins there, and goes on."""


@pytest.mark.slow
@pytest.mark.parametrize("name", mutations.ALL)
def test_the_bug_is_caught(name: str) -> None:
    command = [sys.executable, "-m", "tests.simulation", "--mutation", name]
    first = _SHOWN_BY.get(name, 0)
    seeds = mutations.ALL[name].seeds - first
    done = subprocess.run(
        [*command, "--first-seed", str(first), "--seeds", str(seeds)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {pure.VARIABLE: "1"},
    )
    assert done.returncode == _CAUGHT, done.stderr
    for error in ("TypeError", "AttributeError", "NameError"):
        assert error not in done.stderr, "the mutation does not fit the code any more"
    assert f"--mutation {name}" in done.stderr


def test_where_looking_begins_is_said_of_bugs_that_there_are() -> None:
    assert set(_SHOWN_BY) <= set(mutations.ALL)


def test_there_are_enough_of_them() -> None:
    assert len(mutations.ALL) >= 25
