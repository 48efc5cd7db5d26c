"""ISO 8583:1993 from end to end: its own words for the same life of a charge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from codec import Message, build, dialect
from routing.charge import State
from routing.conventions import CONVENTIONS
from routing.conventions.iso93 import Iso93
from tests.routing.world import (
    ANSWER_TIMEOUT_S,
    LINK,
    MARGIN_S,
    MERCHANT,
    PAN,
    PROOF_S,
    REVERSAL_ANSWER_S,
    RRN,
    TERMINAL,
    WINDOW_S,
    World,
    service,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = [name for name, each in CONVENTIONS.items() if type(each) is Iso93]
LOCAL = "261123171500"
ABOUT = {3: "000000", 4: "000000001000", 41: TERMINAL, 42: MERCHANT, 49: "840"}


def message(name: str, mti: str, **changes: Any) -> Message:
    fields = {int(key.removeprefix("de")): value for key, value in changes.items()}
    return build(dialect(name), mti, fields)


def of_a_sale(name: str, mti: str, stan: int, **changes: Any) -> Message:
    fields = {f"de{de}": value for de, value in ABOUT.items()}
    fields |= {"de7": "1123171500", "de11": f"{stan:06d}", "de12": LOCAL, "de24": "200"}
    return message(name, mti, **fields | changes)


def sale(name: str, stan: int = 1, mti: str = "1200", **changes: Any) -> Message:
    return of_a_sale(name, mti, stan, **{"de2": PAN} | changes)


def about(name: str, mti: str, stan: int, original: int = 1, **changes: Any) -> Message:
    named = {"de12": "261123171600", "de56": f"1200{original:06d}{LOCAL}00"}
    return of_a_sale(name, mti, stan, **named | changes)


def answer(request: Message, action: str, **changes: Any) -> Message:
    echoed = {f"de{de}": request[de] for de in (3, 4, 7, 11, 12, 41, 42, 49) if request.has(de)}
    mti = request.mti[:2] + {"0": "1", "2": "3"}[request.mti[2]] + "0"
    return message(request.dialect.name, mti, **echoed | {"de39": action} | changes)


@pytest.fixture(params=NAMES)
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param)


def approved(world: World, stan: int = 1) -> None:
    world.says(1, sale(world.name, stan))
    world.answers(answer(world.charges_sent[-1], "000", de37=RRN, de38="AUTH42"))


def test_there_are_dialects_of_this_edition() -> None:
    assert NAMES == ["iso93-ascii", "iso93-binary"]


def test_a_sale_is_approved_and_served(world: World) -> None:
    approved(world)
    told = world.told[-1].message
    assert (told.mti, told[39], told[37], told[11]) == ("1210", "000", RRN, "000001")
    world.acknowledge()
    assert world.state() is State.PRESUMED_SERVED


def test_a_decline_goes_on_as_the_host_said_it(world: World) -> None:
    world.says(1, sale(world.name))
    world.answers(answer(world.charges_sent[0], "116"))
    assert (world.codes(1), world.state()) == (["116"], State.DECLINED)


def test_a_partial_approval_counts_what_was_approved(world: World) -> None:
    world.says(1, sale(world.name))
    world.answers(answer(world.charges_sent[0], "002", de4="000000000400"))
    assert (world.codes(1), world.charge().money) == (["002"], 400)


def test_a_repeat_gets_the_stored_answer(world: World) -> None:
    approved(world)
    world.says(2, sale(world.name, mti="1201"))
    assert (world.codes(2), len(world.charges_sent)) == (["000"], 1)


def test_the_same_number_at_another_time_is_another_sale(world: World) -> None:
    approved(world)
    world.says(1, sale(world.name, de12="261124171500"))
    assert len(world.charges_sent) == 2


def no_answer(world: World) -> None:
    world.says(1, sale(world.name))
    world.wait(ANSWER_TIMEOUT_S + 0.5)


def forged(world: World) -> None:
    world.says(1, sale(world.name))
    world.answers(answer(world.charges_sent[0], "000"), mac_good=False)
    world.wait(ANSWER_TIMEOUT_S + 0.5)


def gone(world: World) -> None:
    approved(world)
    world.lose(1)
    world.wait(PROOF_S + 0.5)


def device(world: World) -> None:
    approved(world)
    world.says(1, about(world.name, "1420", 2, de24="400", de25="4007"))


def customer(world: World) -> None:
    approved(world)
    world.says(1, about(world.name, "1400", 2, de24="400"))


CAUSES: list[tuple[Callable[[World], None], str]] = [
    (no_answer, "4021"),
    (forged, "4020"),
    (gone, "4013"),
    (device, "4007"),
    (customer, "4000"),
]


@pytest.mark.parametrize(("cause", "reason"), CAUSES, ids=[each.__name__ for each, _ in CAUSES])
def test_every_reason_makes_its_reversal(
    world: World, cause: Callable[[World], None], reason: str
) -> None:
    cause(world)
    (sent,) = world.reversals_sent
    original = world.charges_sent[0]
    assert (sent.mti, sent[2], sent[24], sent[25]) == ("1420", PAN, "400", reason)
    assert sent[56] == "1200" + original[11] + original[12] + "00"
    assert not sent.has(39)
    world.answers(answer(sent, "400"))
    assert world.state() is State.REVERSED


@pytest.mark.parametrize("action", ["907", "909", "911", "912", "916", "923"])
def test_what_is_no_definite_answer_is_tried_again_as_a_repeat(world: World, action: str) -> None:
    no_answer(world)
    world.answers(answer(world.reversals_sent[0], action))
    world.wait(REVERSAL_ANSWER_S + 3)
    assert [sent.mti for sent in world.reversals_sent[:2]] == ["1420", "1421"]


def test_914_ends_it_only_once_the_original_can_come_no_more(world: World) -> None:
    no_answer(world)
    world.answers(answer(world.reversals_sent[0], "914"))
    assert world.state() is State.REVERSAL_DUE
    for _ in range(2):
        world.wait(MARGIN_S + REVERSAL_ANSWER_S)
        world.answers(answer(world.reversals_sent[-1], "914"))
    assert world.state() is State.NOTHING_TO_REVERSE


def test_any_other_action_code_makes_a_case(world: World) -> None:
    no_answer(world)
    world.answers(answer(world.reversals_sent[0], "120"))
    assert world.state() is State.CASE


def test_the_terminal_is_answered_in_three_digits(world: World) -> None:
    no_answer(world)
    world.says(1, sale(world.name, mti="1201"))
    world.says(1, about(world.name, "1420", 2, de24="400"))
    world.says(1, about(world.name, "1420", 3, original=9, de24="400"))
    world.says(1, about(world.name, "1420", 4, de24="401", de4="000000000400"))
    world.switch.link_down("bank", LINK, world.now)
    world.says(1, sale(world.name, 5))
    assert world.codes(1) == ["911", "911", "400", "914", "181", "907"]


def partly(world: World, **changes: Any) -> None:
    amounts = {"de4": "000000000400", "de30": "000000001000" + "0" * 12}
    world.says(1, about(world.name, "1420", 2, de24="401", **amounts | changes))


def test_a_partial_reversal_tells_what_stays_charged_and_that_is_served(world: World) -> None:
    world = World(world.name, host_settings={"partial_reversals": True})
    approved(world)
    partly(world)
    assert world.codes(1)[-1] == "400"
    (sent,) = world.reversals_sent
    assert (sent[24], sent[25], sent[4]) == ("401", "4004", "000000000400")
    assert sent[30] == "000000001000" + "0" * 12
    world.answers(answer(sent, "400"))
    charge = world.charge()
    assert (charge.state, charge.money) == (State.SERVED, 400)


def test_a_partial_reversal_of_another_amount_is_refused(world: World) -> None:
    world = World(world.name, host_settings={"partial_reversals": True})
    approved(world)
    partly(world, de30="000000000999" + "0" * 12)
    partly(world, de4="000000001000")
    assert world.codes(1)[1:] == ["181", "181"]
    assert world.reversals_sent == []


def test_confirmations_name_their_original_in_de_56(world: World) -> None:
    world = World(world.name, service=service("confirmation"))
    for stan, said in ((1, "SERVED"), (2, "NOT:GOODS_NOT_SOLD")):
        approved(world, stan)
        world.says(1, about(world.name, "1220", 90 + stan, original=stan, de60=said))
    assert (world.state(1), world.state(2)) == (State.SERVED, State.REVERSAL_DUE)
    world.wait(WINDOW_S + 1)
    assert world.state(1) is State.SERVED


def test_a_void_names_its_original_as_the_host_knows_it(world: World) -> None:
    approved(world)
    world.acknowledge()
    world.says(1, about(world.name, "1200", 50, de3="020000"))
    sent = world.charges_sent[-1]
    assert sent[56] == "1200" + world.charge().host_stan + LOCAL + "00"
    world.answers(answer(sent, "000"))
    world.acknowledge(50)
    assert world.state() is State.VOIDED


@pytest.mark.parametrize("function", ["801", "802", "831"])
def test_network_management_is_answered_800(world: World, function: str) -> None:
    fields = {"de7": "1123171500", "de11": "000009", "de12": LOCAL, "de24": function}
    world.says(1, message(world.name, "1804", **fields))
    told = world.told[-1].message
    assert (told.mti, told[39], told[24]) == ("1814", "800", function)


def test_the_gateway_signs_on_with_801(world: World) -> None:
    world = World(world.name, host_settings={"sign_on": True, "echo_idle_s": 10.0})
    asked = world.got[-1].message
    assert (asked.mti, asked[24]) == ("1804", "801")
    world.says(1, sale(world.name))
    fields = {f"de{de}": asked[de] for de in (7, 11, 12, 24)}
    world.answers(message(world.name, "1814", **fields, de39="800"))
    world.says(1, sale(world.name, 2))
    assert world.codes(1) == ["907"]
    assert len(world.charges_sent) == 1


def test_a_restart_reverses_what_was_in_flight(world: World) -> None:
    world.says(1, sale(world.name))
    world.restart()
    assert world.reversals_sent[0][25] == "4021"


def test_messages_of_another_edition_are_no_requests(world: World) -> None:
    world.says(1, of_a_sale(world.name, "0200", 1))
    assert (world.told, world.switch.terminals.not_requests) == ([], 1)


def test_an_original_that_is_cut_short_is_a_format_error(world: World) -> None:
    world.says(1, about(world.name, "1420", 2, de56="1200000001"))
    assert world.codes(1) == ["904"]
