"""The corpus and a few thousand seeded inputs for every target; the campaign is `tests.fuzz`."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.fuzz.__main__ import fuzz
from tests.fuzz.inputs import damaged, good
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
INPUTS_PER_TARGET = 60
DAMAGES_PER_INPUT = 20
SECONDS_OF_ALL_TARGETS = 60.0


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_the_corpus_holds(target: str) -> None:
    for line in (CORPUS / f"{target}.txt").read_text().splitlines():
        TARGETS[target](bytes.fromhex(line))


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_good_and_damaged_inputs_hold(target: str) -> None:
    random = Random(target)  # noqa: S311 - a repeatable one is wanted
    for _ in range(INPUTS_PER_TARGET):
        data = good(target, random)
        TARGETS[target](data)
        for _ in range(DAMAGES_PER_INPUT):
            TARGETS[target](damaged(data, random))


@pytest.mark.slow
@pytest.mark.parametrize("target", sorted(TARGETS))
def test_a_short_campaign_finds_nothing(target: str) -> None:
    seconds = SECONDS_OF_ALL_TARGETS / len(TARGETS)
    assert fuzz(target, seed=8583, seconds=seconds)["findings"] == []
