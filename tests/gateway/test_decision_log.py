"""A line for each decision on a charge, and none for what goes well unless somebody asks."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.decision_log import DecisionLog
from gateway.log import Level, Log
from routing.accounts.asked import Verb
from routing.entries import MerchantEntry
from tests.routing.accounts.street import Street
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


# Account requests, keys, entries


@pytest.fixture
def street(said_of: Callable[[Street], None]) -> Street:
    made = Street()
    said_of(made)
    return made


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def said_of(stream: io.StringIO) -> Callable[[Street], None]:
    def watched(street: Street) -> None:
        DecisionLog(street.switch, Log(stream, lambda: 1.0, "info"))

    return watched


def test_each_decision_on_a_request_is_a_line_with_its_number(
    street: Street, stream: io.StringIO
) -> None:
    asked = street.requests(reason="shop closes")
    street.says_so(Verb.REJECT, "rita", asked.request, what="P5", reason="the contract runs on")
    street.says_so(Verb.APPROVE, "mallory", asked.request)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    told = [(each["event"], each["state"], each.get("who")) for each in lines if "request" in each]
    assert told == [
        ("account: opened", "CANCEL_REQUESTED", "clara"),
        ("account: passed", "UNDER_REVIEW", "clara"),
        ("account: rejected", "REJECTED", "rita"),
    ]
    assert {each["request"] for each in lines if "request" in each} == {asked.request}
    assert (lines[2]["codes"], lines[2]["kind"]) == ("P5", "cancellation")
    assert lines[-1]["event"] == "account request denied"
    assert "the contract runs on" not in stream.getvalue()


def test_what_changes_of_merchants_and_terminals_is_a_line(
    street: Street, stream: io.StringIO
) -> None:
    street.switch.life.registry.put(MerchantEntry(id="M1"), 0, "Ana", street.now)
    (line,) = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (line["event"], line["subject"], line["who"]) == ("merchant changed", "M1", "Ana")
