"""Terminals that sign in and hosts that change their keys, among everything that goes wrong."""

from __future__ import annotations

import pytest

from tests.simulation.chance import Chance
from tests.simulation.faults import Faults, Severity
from tests.simulation.world import run


def _seeds(count: int, first: int) -> list[int]:
    """Seeds from `first` on whose worlds have both."""
    found: list[int] = []
    while len(found) < count:
        drawn = Faults(Chance(first), Severity())
        if drawn.signing_in() and drawn.exchanging_keys():
            found.append(first)
        first += 1
    return found


@pytest.mark.parametrize("seed", _seeds(2, 0))
def test_keys_change_in_the_middle_of_everything(seed: int) -> None:
    outcome = run(seed, tells=True)
    assert outcome.violations == []
    signed = [told for told in outcome.story if told.words[:1] == ("signed in",)]
    given = [told for told in outcome.story if told.words[:1] == ("key",)]
    assert signed
    assert given
    assert run(seed).trace == outcome.trace


@pytest.mark.slow
@pytest.mark.parametrize("seed", _seeds(24, 1_000))
def test_more_of_it(seed: int) -> None:
    assert run(seed).violations == []
