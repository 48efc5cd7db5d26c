"""Account services in the middle of the traffic: terminals go out of service and come all the way
back, and no promise is broken.
"""

from __future__ import annotations

import pytest

from tests.simulation.world import Outcome, run


def _sales_after_restoration(outcome: Outcome) -> int:
    """Approvals that terminals were told after they had been brought back."""
    restored: set[str] = set()
    count = 0
    for told in outcome.story:
        match told.words:
            case ("account", terminal, "RESTORED"):
                restored.add(terminal)
            case ("told", terminal, _, "sale", "00"):
                count += terminal in restored
    return count


@pytest.mark.parametrize("seed", [3, 47])
def test_a_terminal_goes_out_of_service_and_sells_again(seed: int) -> None:
    outcome = run(seed, tells=True)
    assert outcome.violations == []
    assert _sales_after_restoration(outcome)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(103, 203, 4))
def test_more_of_it(seed: int) -> None:
    assert run(seed).violations == []
