"""The simulator bites: every deliberate bug is caught within a few seeds."""

from __future__ import annotations

import pytest

from tests.simulation import mutations
from tests.simulation.world import run


@pytest.mark.slow
@pytest.mark.parametrize("name", mutations.ALL)
def test_the_bug_is_caught(name: str) -> None:
    with mutations.ALL[name].applied():
        runs = (run(seed).violations for seed in range(mutations.SEEDS_MAX))
        caught = next((violations for violations in runs if violations), None)
    assert caught is not None
    assert "TypeError" not in caught[0].what, "the mutation does not fit the code any more"


def test_there_are_enough_of_them() -> None:
    assert len(mutations.ALL) >= 25
