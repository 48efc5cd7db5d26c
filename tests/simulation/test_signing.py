"""Terminals that sign in, among everything that goes wrong: no promise is broken."""

from __future__ import annotations

import pytest

from tests.simulation.signing import SigningWorld
from tests.simulation.world import run


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_keys_change_in_the_middle_of_everything(seed: int) -> None:
    outcome = run(seed, kind=SigningWorld, tells=True)
    assert outcome.violations == []
    signed = [told for told in outcome.story if told.words[:1] == ("signed in",)]
    assert signed
    assert run(seed, kind=SigningWorld).trace == outcome.trace


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 124))
def test_more_of_it(seed: int) -> None:
    assert run(seed, kind=SigningWorld).violations == []
