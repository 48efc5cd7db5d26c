"""`kill -9` under load: after a restart every charge comes to its end, and the books agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adversity import kills

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_gateway_loses_nobodys_money(tmp_path: Path, seed: int) -> None:
    outcome = kills.play(tmp_path, seed)
    print(kills.summary(outcome))
    assert not kills.broken(outcome)


def test_nor_when_the_host_stays_silent_now_and_then(tmp_path: Path) -> None:
    outcome = kills.play(tmp_path, 3, "--drop-every", "37")
    print(kills.summary(outcome))
    assert outcome.verdict.charges > outcome.verdict.kept
    assert not kills.broken(outcome)
