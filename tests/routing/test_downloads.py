"""Parameters that terminals fetch, and how the header of an answer asks for them."""

from __future__ import annotations

import pytest

from codec import Message
from routing.conventions.management import PARAMETERS
from routing.downloads import FIELD_BYTES_MAX, Downloads, ParameterItem, ParameterSet
from tests.routing.street import TILL, Street, echo, management, sign_in
from tests.routing.world import ISO, POS, answer, sale

RIDS = [f"9F0605A0000003339F2201{number:02X}" for number in range(60)]


def keys(count: int, version: int = 1, *, name: str = "ca-keys") -> ParameterSet:
    """A set of public keys."""
    items = tuple(ParameterItem(name=RIDS[at], hex=RIDS[at] + "DF02") for at in range(count))
    return ParameterSet(name=name, version=version, items=items)  # type: ignore[arg-type]


TEXTS = ParameterSet(
    name="parameters",
    version=2,
    items=(ParameterItem(text="1260133"), ParameterItem(text="22BAKERY")),
)
BLACKLIST = ParameterSet(
    name="bin-blacklist", items=tuple(ParameterItem(text=f"62299{n}") for n in range(3))
)


def digit(message: Message) -> str:
    """The processing requirement in the header of an answer."""
    return message.header.hex()[15]


def street(*sets: ParameterSet) -> Street:
    """With these parameters."""
    return Street(POS, parameters=sets)


def fetched(world: Street, code: str, said: str = "", mti: str = "0800") -> bytes:
    """DE 62 of the answer to a request for parameters."""
    world.says(1, management(POS, code, mti, de62=said or None))
    told = world.told[-1].message
    assert told[39] == "00"
    return told.get(62, "").encode("latin-1")


def test_public_keys_are_listed_then_fetched_by_name_then_asked_for_no_more() -> None:
    world = street(keys(2, version=3))
    assert digit(world.signs_in()) == "4"
    listed = fetched(world, "372", "100", "0820")
    assert listed == b"1" + bytes.fromhex(RIDS[0] + RIDS[1])
    for rid in RIDS[:2]:
        got = fetched(world, "370", bytes.fromhex(rid).decode("latin-1"))
        assert got == b"1" + bytes.fromhex(rid + "DF02")
    assert digit(world.told[-1].message) == "4"
    assert fetched(world, "371") == b""
    assert digit(world.told[-1].message) == "0"
    assert world.session().fetched == {"ca-keys": 3}
    world.restart()
    assert digit(world.signs_in()) == "0"


def test_a_newer_version_is_asked_for_in_every_answer_also_of_a_host() -> None:
    world = street(keys(1))
    world.signs_in()
    fetched(world, "371")
    world.settings = street(keys(1, version=2)).settings
    world.restart()
    world.says(1, sale(POS))
    world.answers(answer(world.charges_sent[-1]))
    assert digit(world.told[-1].message) == "4"
    assert world.told[-1].message[39] == "00"


def test_a_long_list_comes_in_several_answers() -> None:
    world = street(keys(60))
    world.signs_in()
    got: list[bytes] = []
    flags = []
    while len(got) < 60:
        listed = fetched(world, "372", f"1{len(got):02d}", "0820")
        assert len(listed) <= FIELD_BYTES_MAX
        flags.append(listed[:1])
        got += [listed[at : at + 12] for at in range(1, len(listed), 12)]
    assert flags == [b"2"] * (len(flags) - 1) + [b"3"]
    assert got == [bytes.fromhex(rid) for rid in RIDS]
    assert fetched(world, "372", "160", "0820") == b"0"


def test_what_there_is_not_is_told_so() -> None:
    world = street(keys(1))
    world.signs_in()
    assert fetched(world, "370", "\x9f\x06nothing") == b"0"
    assert fetched(world, "382", "100", "0820") == b"0"
    assert fetched(world, "360") == b"0"


def test_parameters_come_in_one_answer() -> None:
    world = street(TEXTS)
    assert digit(world.signs_in()) == "1"
    assert fetched(world, "360") == b"126013322BAKERY"
    fetched(world, "361")
    assert world.session().fetched == {"parameters": 2}


def test_lists_are_fetched_part_by_part() -> None:
    world = street(BLACKLIST)
    assert digit(world.signs_in()) == "7"
    got = [fetched(world, "398", f"1{came:02d}") for came in range(4)]
    assert got == [b"2622990", b"2622991", b"3622992", b"0"]
    fetched(world, "399")
    assert digit(world.told[-1].message) == "0"


def test_one_end_ends_both_kinds_of_public_keys() -> None:
    downloads = Downloads([keys(1), keys(1, name="sm-keys")])
    assert downloads.ended("ca-keys") == {"ca-keys": 1, "sm-keys": 1}
    assert Downloads([TEXTS]).ended("ca-keys") == {}


@pytest.mark.parametrize("name", list(PARAMETERS))
def test_every_set_can_be_asked_for_fetched_and_ended(name: str) -> None:
    downloads = Downloads([keys(1, name=name)])
    assert downloads.due({}) == {downloads.digit(name)}
    assert PARAMETERS[name].fetch
    assert downloads.due(downloads.ended(name)) == set()


def test_parameters_are_for_those_who_signed_in() -> None:
    world = street(TEXTS)
    world.says(1, management(POS, "360"))
    assert world.codes(1) == ["77"]


@pytest.mark.parametrize(
    ("wanted", "does"),
    [("3", sign_in(POS)), ("2", management(POS, "362", "0820")), ("1", management(POS, "361"))],
)
def test_a_terminal_is_asked_until_it_does_it(wanted: str, does: Message) -> None:
    world = street()
    world.signs_in()
    assert world.switch.terminals.sign_ins.want(TILL, wanted, world.now, who="anna")
    world.settle()
    world.restart()
    world.says(1, echo(POS))
    assert digit(world.told[-1].message) == wanted
    world.says(1, does)
    if world.key_work:
        world.issue()
    assert digit(world.told[-1].message) == "0"


def test_of_several_wishes_one_is_said_at_a_time() -> None:
    world = street(keys(1), TEXTS)
    world.signs_in()
    sign_ins = world.switch.terminals.sign_ins
    sign_ins.want(TILL, "2", world.now)
    sign_ins.want(TILL, "3", world.now)
    said = []
    for does in (
        echo(POS),
        sign_in(POS),
        management(POS, "362", "0820"),
        management(POS, "361"),
        management(POS, "371"),
    ):
        world.says(1, does)
        if world.key_work:
            world.issue()
        said.append(digit(world.told[-1].message))
    assert said == ["3", "2", "1", "4", "0"]


def test_who_never_signed_in_cannot_be_asked() -> None:
    world = street()
    assert not world.switch.terminals.sign_ins.want(TILL, "3", world.now)
    world.signs_in()
    assert not world.switch.terminals.sign_ins.want(TILL, "9", world.now)


def test_a_dialect_without_the_digit_is_left_as_it_is() -> None:
    world = Street(ISO)
    world.signs_in()
    world.switch.terminals.sign_ins.want(TILL, "3", world.now)
    world.says(1, echo(ISO))
    assert world.told[-1].message.header == b""


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (ParameterItem(hex="0G"), "not hexadecimal"),
        (ParameterItem(name="9F0", hex="00"), "not hexadecimal"),
        (ParameterItem(text="猫"), "not Latin-1"),
        (ParameterItem(), "1 to 511 bytes"),
        (ParameterItem(hex="00" * 512), "1 to 511 bytes"),
    ],
)
def test_a_part_that_cannot_be_handed_out_is_a_problem(item: ParameterItem, why: str) -> None:
    (problem,) = ParameterSet(name="chip", items=(item,)).problems()
    assert why in problem
    assert problem.startswith("items.0")
    assert [*ParameterSet(name="chip", version=0).problems()]
