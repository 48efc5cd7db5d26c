"""What must outlive a process is kept by version, and what matters is audited."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.effects import Audited, Kept
from routing.keeper import AuditKind, Keeper, KeptKind
from tests.routing.world import World

KEYS = st.sampled_from(["a", "b", "c"])
DATA = st.dictionaries(st.sampled_from("xyz"), st.integers(0, 9), max_size=2)
STEPS = st.lists(st.tuples(st.sampled_from(["keep", "drop", "restart"]), KEYS, DATA), max_size=40)


def next_life(world: World) -> Keeper:
    """A keeper that knows what the journal holds, and nobody has asked yet."""
    keeper = Keeper(world.switch.life)
    keeper.restore(world.journal.kept.values())
    return keeper


@given(STEPS)
def test_versions_have_no_gap_whatever_is_kept_dropped_and_restarted(
    steps: list[tuple[str, str, dict[str, Any]]],
) -> None:
    """The journal of these tests refuses a version that is not the one before + 1."""
    world = World()
    keeper = next_life(world)
    true: dict[str, dict[str, Any]] = {}
    for step, key, data in steps:
        if step == "keep":
            keeper.keep(KeptKind.GRANT, key, data, world.now)
            true[key] = data
        elif step == "drop":
            keeper.drop(KeptKind.GRANT, key, world.now)
            true.pop(key, None)
        else:
            keeper = next_life(world)
        world.settle()
    keeper = next_life(world)
    assert keeper.count(KeptKind.GRANT) == len(true)
    assert {each.key: each.data for each in keeper.left(KeptKind.GRANT)} == true


def test_what_was_left_is_told_once_and_by_kind() -> None:
    world = World()
    keeper = next_life(world)
    assert keeper.keep(KeptKind.MERCHANT, "1", {"name": "Corner"}, world.now) == 1
    assert keeper.keep(KeptKind.MERCHANT, "1", {"name": "Corner shop"}, world.now) == 2
    keeper.keep(KeptKind.TERMINAL, "1", {}, world.now)
    world.settle()
    keeper = next_life(world)
    (left,) = keeper.left(KeptKind.MERCHANT)
    assert (left.key, left.version, left.data) == ("1", 2, {"name": "Corner shop"})
    assert keeper.left(KeptKind.MERCHANT) == []
    assert keeper.version(KeptKind.MERCHANT, "1") == 2
    assert keeper.version(KeptKind.MERCHANT, "2") == 0


def test_records_beside_charges_leave_with_the_turn_they_were_decided_in() -> None:
    world = World()
    keeper = world.switch.life.keeper
    said = {"state": "closed"}
    keeper.keep(KeptKind.MERCHANT, "1", said, world.now)
    keeper.audit(AuditKind.MERCHANT_CHANGED, "1", world.now, who="Ana", said=said)
    said["state"] = "changed afterwards"
    kept, audited = world.switch.take().records
    assert isinstance(kept, Kept)
    assert isinstance(audited, Audited)
    assert kept.data == audited.said == {"state": "closed"}
    assert (audited.kind, audited.who, audited.epoch) == (AuditKind.MERCHANT_CHANGED, "Ana", 1)
    assert keeper.audited[AuditKind.MERCHANT_CHANGED] == 1


@pytest.mark.parametrize("key", ["", "never kept"])
def test_dropping_what_is_not_kept_writes_nothing(key: str) -> None:
    world = World()
    world.switch.life.keeper.drop(KeptKind.GRANT, key, world.now)
    assert not world.switch.has_effects
