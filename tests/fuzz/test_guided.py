"""A short run under libFuzzer; the long one is `python -m tests.fuzz.guided`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import guided
from tests.fuzz.targets import TARGETS

SECONDS_EACH = 4


@pytest.mark.slow
def test_a_fuzzer_that_sees_branches_finds_nothing(tmp_path: Path) -> None:
    if guided.missing():
        pytest.skip(f"{guided.missing()} is not here")
    guided.build(tmp_path)
    for target in sorted(TARGETS):
        executions, found = guided.run(tmp_path, target, SECONDS_EACH)
        assert not found, found
        assert executions
