"""A line for each decision on a charge, and none for what goes well unless somebody asks."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.decision_log import DecisionLog
from gateway.log import Level, Log
from tests.routing.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    Said = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def said(world: World, request: pytest.FixtureRequest) -> Said:
    """What was logged so far, at the level that the test names."""
    level: Level = getattr(request, "param", "info")
    stream = io.StringIO()
    DecisionLog(world.switch, Log(stream, lambda: 1.0, level))
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_what_is_undone_is_told_with_its_charge_and_why(world: World, said: Said) -> None:
    world.reversal_due()
    undone = said()[0]
    assert (undone["event"], undone["state"]) == ("charge: no answer", "REVERSAL_DUE")
    assert undone["charge"] == 1
    assert undone["reason"]
    assert undone["level"] == "info"


def test_what_goes_well_is_no_news(world: World, said: Said) -> None:
    world.approved()
    assert said() == []


@pytest.mark.parametrize("said", ["debug"], indirect=True)
def test_at_level_debug_each_step_is_a_line(world: World, said: Said) -> None:
    world.approved()
    assert [each["event"] for each in said()] == ["charge: approval"]
