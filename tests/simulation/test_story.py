"""The story of a failing seed is short, and says what broke for whom."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.simulation import many
from tests.simulation.story import LINES_MAX, PROMISES

if TYPE_CHECKING:
    from tests.simulation.world import Outcome

_AROUND = 6
"""Lines that a story has besides what happened."""


def first_caught(mutation: str) -> Outcome:
    outcomes = (many.one(seed, mutation) for seed in range(40))
    return next(outcome for outcome in outcomes if outcome.violations)


@pytest.mark.slow
@pytest.mark.parametrize("mutation", ["window-over-is-service", "proof-over-is-service"])
def test_a_story_is_short_and_names_the_broken_promise(mutation: str) -> None:
    outcome = first_caught(mutation)
    story = many.story(outcome, mutation)
    broken = outcome.violations[0].invariant
    assert f"promise {broken} ({PROMISES[broken]}) is broken" in story[0]
    assert len(story) <= LINES_MAX + _AROUND
    of_one = set(re.findall(r"T\d{7}", "\n".join(story[2:-2])))
    assert len(of_one) == 1
    assert any("journal: charge" in line for line in story)
    assert story[-2].startswith("terminals: ")


def said(*options: str) -> str:
    """What the command says, by a process whose routing is not compiled: this bug is put there."""
    command = [sys.executable, "-m", "tests.simulation", "--mutation", "no-ticks", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.slow
def test_a_story_of_no_charge_tells_what_came_before() -> None:
    caught = re.search(r"--seed (\d+)", said("--seeds", "40"))
    assert caught is not None
    story = said("--seed", caught.group(1)).splitlines()
    assert "promise 9 (it heals) is broken" in story[0]
    assert len(story) <= LINES_MAX
