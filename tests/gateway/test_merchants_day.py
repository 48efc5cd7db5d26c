"""A merchant's day, byte for byte as it is written down in `days/`, over real sockets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.merchants_day import DAYS, PLAYED, played


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Terminals print the time of the machine's zone."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("name", PLAYED)
async def test_a_merchants_day_goes_byte_for_byte_as_it_is_written_down(
    name: str, tmp_path: Path
) -> None:
    written = (DAYS / f"{name}.txt").read_text("ascii").splitlines()
    assert (await played(name, tmp_path)).splitlines() == written
