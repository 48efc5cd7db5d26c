"""Keys on the ring outlive the process; components come from different persons, or make no key."""

from __future__ import annotations

import pytest

from routing.keeper import AuditKind
from routing.key_ceremony import CEREMONIES_MAX, CEREMONY_S_MAX, Bringing, Component
from routing.key_ring import KeyPlace, RingKey
from tests.routing.world import World

PLACE = KeyPlace("tmk", "123456789012345|10000001")
KEY = RingKey("wrapped text", "AABBCCDD", 1.0, "loaded")


def part(who: str, check: str | None = None) -> Component:
    return Component(who, f"part of {who}", check or f"check of {who}")


def bring(world: World, who: str, count: int = 2, check: str | None = None) -> Bringing:
    said = world.switch.ceremonies.bring(PLACE, count, part(who, check), world.now)
    world.settle()
    return said


def audited(world: World, kind: AuditKind) -> int:
    return world.switch.life.keeper.audited[kind]


def test_a_key_outlives_the_process_and_a_new_one_takes_its_place() -> None:
    world = World()
    world.switch.keys.hang(PLACE, KEY, world.now, "Ana")
    world.settle()
    world.restart()
    assert world.switch.keys.find(PLACE) == KEY
    newer = KEY._replace(text="another", check="00112233")
    world.switch.keys.hang(PLACE, newer, world.now, "Ben")
    world.settle()
    world.restart()
    assert dict(world.switch.keys.all()) == {PLACE: newer}
    assert world.switch.keys.text("tmk", PLACE.owner) == "another"
    assert world.switch.keys.text("tmk", PLACE.owner, "sm4") == ""


def test_a_key_that_is_taken_off_is_gone_for_good() -> None:
    world = World()
    world.switch.keys.hang(PLACE, KEY, world.now)
    assert world.switch.keys.take_off(PLACE, world.now, "Ana")
    assert not world.switch.keys.take_off(PLACE, world.now, "Ana")
    world.settle()
    world.restart()
    assert len(world.switch.keys) == 0


def test_every_act_is_audited_and_no_audit_shows_a_key() -> None:
    world = World()
    world.switch.keys.hang(PLACE, KEY, world.now, "Ana")
    world.switch.keys.rewrapped(PLACE, "text anew", world.now, "Ben")
    world.switch.keys.take_off(PLACE, world.now, "Ana")
    records = world.switch.life.outbox.records
    kinds = (AuditKind.KEY_HUNG, AuditKind.KEY_REWRAPPED, AuditKind.KEY_TAKEN_OFF)
    assert [audited(world, kind) for kind in kinds] == [1, 1, 1]
    told = str([each for each in records if type(each).__name__ == "Audited"])
    assert "text" not in told
    assert "AABBCCDD" in told


@pytest.mark.parametrize("persons", [("Ana", "Ben"), ("Ana", "Ben", "Cleo")])
def test_the_last_person_completes_the_key_and_nothing_of_it_stays(
    persons: tuple[str, ...],
) -> None:
    world = World()
    *first, last = persons
    for who in first:
        assert bring(world, who, len(persons)) is Bringing.TAKEN
        world.restart()
    parts = world.switch.ceremonies.parts_with(PLACE, part(last))
    assert [each.who for each in parts] == list(persons)
    assert bring(world, last, len(persons)) is Bringing.COMPLETE
    assert len(world.switch.ceremonies) == 0
    world.restart()
    assert len(world.switch.ceremonies) == 0


def test_nobody_brings_two_even_after_a_restart() -> None:
    world = World()
    assert bring(world, "Ana") is Bringing.TAKEN
    world.restart()
    assert bring(world, "Ana", check="another") is Bringing.SAME_PERSON
    assert bring(world, "", check="another") is Bringing.NO_NAME
    assert bring(world, "Ben", check="check of Ana") is Bringing.SAME_COMPONENT
    assert audited(world, AuditKind.KEY_COMPONENT_REFUSED) == 3
    assert bring(world, "Ben") is Bringing.COMPLETE


@pytest.mark.parametrize("count", [0, 1, 4, 3])
def test_all_persons_say_the_same_number_two_or_three(count: int) -> None:
    world = World()
    bring(world, "Ana", 2)
    assert bring(world, "Ben", count) is Bringing.OTHER_COUNT


@pytest.mark.parametrize("count", [-1, 0, 1, 4])
def test_a_key_of_one_component_is_no_secret_of_two(count: int) -> None:
    assert bring(World(), "Ana", count) is Bringing.OTHER_COUNT


def test_a_ceremony_that_nobody_completes_ends() -> None:
    world = World()
    bring(world, "Ana")
    world.wall += CEREMONY_S_MAX
    assert bring(world, "Ben") is Bringing.TAKEN
    assert audited(world, AuditKind.KEY_CEREMONY_OVER) == 1
    assert bring(world, "Ana") is Bringing.COMPLETE


def test_ceremonies_are_bounded() -> None:
    world = World()
    for number in range(CEREMONIES_MAX):
        place = KeyPlace("tmk", f"till {number}")
        world.switch.ceremonies.bring(place, 2, part("Ana"), world.now)
    world.settle()
    assert bring(world, "Ana") is Bringing.TOO_MANY
    assert len(world.switch.ceremonies) == CEREMONIES_MAX
