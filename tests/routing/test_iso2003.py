"""ISO 8583:2003: what differs from the 1993 edition, from a terminal to a host and back."""

from __future__ import annotations

from typing import Any, Final

import pytest

from codec import Message, build, dialect
from routing.charge import State
from tests.routing.world import (
    ANSWER_TIMEOUT_S,
    MARGIN_S,
    PAN,
    REVERSAL_ANSWER_S,
    RRN,
    WINDOW_S,
    World,
    service,
)

NAME: Final = "iso2003-binary"
LOCAL: Final = "20261123171500"
MERCHANT: Final = "A MERCHANT | WITH A LONG NAME 01"
TERMINAL: Final = "TERMINAL | 00001"
SALE: Final = {
    2: PAN,
    3: "000000",
    4: "8402000000001000",
    7: "1123171500",
    12: LOCAL,
    24: "200",
    41: TERMINAL,
    42: MERCHANT,
}


def message(mti: str, stan: int, changes: dict[int, str | None] | None = None) -> Message:
    fields = SALE | {11: f"{stan:012d}"} | (changes or {})
    return build(dialect(NAME), mti, {de: value for de, value in fields.items() if value})


def sale(stan: int = 1, mti: str = "2200", **changes: Any) -> Message:
    return message(mti, stan, {int(key[2:]): value for key, value in changes.items()})


def about(mti: str, stan: int, original: int = 1, **changes: Any) -> Message:
    named = {"de2": None, "de12": "20261123171600", "de56": f"2200{original:012d}{LOCAL}"}
    return sale(stan, mti, **named | changes)


def answer(request: Message, action: str, **changes: Any) -> Message:
    echoed: dict[int, str | None] = {de: request[de] for de in (3, 4, 7, 11, 12, 41, 42)}
    own: dict[int, str | None] = {2: None, 24: None, 39: action}
    mti = request.mti[:2] + {"0": "1", "2": "3"}[request.mti[2]] + "0"
    return message(mti, 0, echoed | own | {int(key[2:]): value for key, value in changes.items()})


@pytest.fixture
def world() -> World:
    return World(NAME)


def approved(world: World, stan: int = 1) -> None:
    world.says(1, sale(stan))
    world.answers(answer(world.charges_sent[-1], "0000", de37=RRN, de38="AUTH42"))


def test_a_sale_is_approved_and_served_with_its_amount_and_currency(world: World) -> None:
    approved(world)
    told = world.told[-1].message
    assert (told.mti, told[39], told[37], told[11]) == ("2210", "0000", RRN, f"{1:012d}")
    charge = next(iter(world.switch.life.book.newest()))
    assert (charge.amount, charge.currency, len(charge.host_stan)) == (1000, "840", 12)
    assert world.charges_sent[0][11] == charge.host_stan
    world.switch.acknowledged(charge, 1, world.now)
    assert charge.state is State.PRESUMED_SERVED


def the_charge(world: World) -> Any:
    return min(world.switch.life.book.newest(), key=lambda each: each.id)


@pytest.mark.parametrize(
    ("amount", "approved_amount"),
    [("8402000000000400", 400), ("8402000000000000", 0), ("9782000000000400", 0)],
)
def test_a_partial_approval_is_of_the_same_currency(
    world: World, amount: str, approved_amount: int
) -> None:
    world.says(1, sale())
    world.answers(answer(world.charges_sent[0], "0002", de4=amount))
    assert the_charge(world).approved_amount == approved_amount
    assert world.codes(1) == (["0002"] if approved_amount else [])


def test_a_repeat_gets_the_stored_answer_and_another_amount_is_no_repeat(world: World) -> None:
    approved(world)
    world.says(2, sale(mti="2201"))
    world.says(2, sale(mti="2201", de4="8402000000001001"))
    assert (world.codes(2), len(world.charges_sent)) == (["0000", "9113"], 1)


@pytest.mark.parametrize("amount", ["84020000000010A0", "840200000000100"])
def test_an_amount_that_is_none_is_a_format_error(amount: str) -> None:
    with pytest.raises(ValueError, match="field 4"):
        sale(de4=amount)


def test_what_verifies_the_cardholder_never_rests_on_disk(world: World) -> None:
    world.says(1, sale(de49="010203"))
    assert 49 not in the_charge(world).sent
    world.answers(answer(world.charges_sent[0], "0000", de49="040506"))
    assert 49 not in (the_charge(world).answer or {})


def test_the_reversal_names_its_original_in_de_56_without_lengths(world: World) -> None:
    world.says(1, sale(de32="12345"))
    world.wait(ANSWER_TIMEOUT_S + 0.5)
    (sent,), original = world.reversals_sent, world.charges_sent[0]
    assert (sent.mti, sent[2], sent[4], sent[24], sent[25]) == (
        *("2420", PAN, "8402000000001000", "400", "4021"),
    )
    assert sent[56] == "2200" + original[11] + LOCAL + "12345"
    assert len(sent[11]) == 12
    assert world.codes(1) == ["9111"]
    world.wait(REVERSAL_ANSWER_S + 3)
    assert world.reversals_sent[1].mti == "2421"
    world.answers(answer(world.reversals_sent[1], "4000"))
    assert the_charge(world).state is State.REVERSED


@pytest.mark.parametrize("action", ["9107", "9109", "9111", "9116", "9123"])
def test_what_is_no_definite_answer_is_tried_again(world: World, action: str) -> None:
    world.says(1, sale())
    world.wait(ANSWER_TIMEOUT_S + 0.5)
    world.answers(answer(world.reversals_sent[0], action))
    assert the_charge(world).state is State.REVERSAL_DUE


def test_9114_ends_it_once_the_original_can_come_no_more(world: World) -> None:
    world.says(1, sale())
    for _ in range(3):
        world.wait(MARGIN_S + REVERSAL_ANSWER_S)
        world.answers(answer(world.reversals_sent[-1], "9114"))
    assert the_charge(world).state is State.NOTHING_TO_REVERSE


def test_a_terminals_reversal_finds_its_original_whatever_the_names_are(world: World) -> None:
    approved(world)
    world.says(1, about("2420", 2, de24="400", de25="4007"))
    assert world.codes(1)[-1] == "4000"
    assert world.reversals_sent[0][25] == "4007"
    world.says(1, about("2420", 3, original=9, de24="400"))
    assert world.codes(1)[-1] == "9114"


def test_a_partial_reversal_keeps_the_currency_of_both_amounts() -> None:
    world = World(NAME, host_settings={"partial_reversals": True})
    approved(world)
    amounts = {"de4": "8402000000000400", "de30": "8402000000001000" + "0" * 16}
    world.says(1, about("2420", 2, de24="401", **amounts))
    (sent,) = world.reversals_sent
    assert (sent[24], sent[25], sent[4], sent[30]) == ("401", "4004", *amounts.values())
    world.answers(answer(sent, "4000"))
    assert (the_charge(world).state, the_charge(world).money) == (State.SERVED, 400)


def test_confirmations_and_voids_name_their_original_in_de_56() -> None:
    world = World(NAME, service=service("confirmation"))
    approved(world)
    world.says(1, about("2220", 90, de60="SERVED"))
    world.wait(WINDOW_S + 1)
    assert the_charge(world).state is State.SERVED
    world.says(1, about("2200", 50, de3="020000"))
    sent = world.charges_sent[-1]
    assert sent[56] == "2200" + the_charge(world).host_stan + LOCAL
    world.answers(answer(sent, "1000"))
    assert world.codes(1)[-1] == "1000"


def test_the_gateway_signs_on_with_801_and_is_answered_8000() -> None:
    world = World(NAME, host_settings={"sign_on": True, "echo_idle_s": 10.0})
    asked = world.got[-1].message
    assert (asked.mti, asked[24], len(asked[11]), len(asked[12])) == ("2804", "801", 12, 14)
    world.says(1, sale())
    fields: dict[int, str | None] = {de: asked[de] for de in (7, 11, 12, 24)}
    nothing: dict[int, str | None] = dict.fromkeys((2, 3, 4, 41, 42))
    world.answers(message("2814", 0, fields | nothing | {39: "8000"}))
    world.says(1, sale(2))
    assert world.codes(1) == ["9107"]
    assert len(world.charges_sent) == 1


def test_a_file_action_is_answered_in_four_digits_with_its_record_in_bytes(world: World) -> None:
    fields: dict[int, str | None] = {2: None, 3: None, 4: None, 24: "305", 101: "MERCHANT"}
    world.says(1, message("2304", 1, fields | {72: b'{"who": "01"}'.hex()}))
    told = world.told[-1].message
    assert (told.mti, told[39], bytes.fromhex(told[44])) == ("2314", "1020", b"P1")
    assert b"not known here" in bytes.fromhex(told[72])
