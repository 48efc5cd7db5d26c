"""A cutting, slowing, doubling network, kills and a full disk: the three books agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adversity import storm

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [1, 2])
def test_nobody_is_charged_without_service_in_a_storm(tmp_path: Path, seed: int) -> None:
    with storm.small_disk(tmp_path) as disk:
        outcome = storm.play(tmp_path, seed, disk)
    look_at(outcome)


def test_nor_where_the_full_disk_must_be_feigned(tmp_path: Path) -> None:
    look_at(storm.play(tmp_path, 3))


def look_at(outcome: storm.Storm) -> None:
    print(storm.summary(outcome))
    assert not storm.broken(outcome)
    assert any(outcome.network.values())
    assert outcome.happened[0] == "disk full"
    assert len(outcome.happened) > 1
