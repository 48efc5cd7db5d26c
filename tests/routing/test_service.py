"""Confirmations of service, by message and by till, and the window that waits for them."""

from __future__ import annotations

import pytest

from routing.charge import State
from routing.service import Merchant, Merchants, Proof, ServiceSettings
from tests.routing.world import (
    ANSWER_TIMEOUT_S,
    HEADER,
    ISO,
    MERCHANT,
    POS,
    TERMINAL,
    WINDOW_S,
    World,
    answer,
    confirmation,
    reversal,
    sale,
    service,
)


def delivered(world: World) -> None:
    world.approved()
    world.acknowledge()
    assert world.state() is State.DELIVERED


def test_served_is_answered_00_and_durable_before_that(confirming: World) -> None:
    delivered(confirming)
    confirming.hears(1, confirmation(sale(confirming.name)))
    assert confirming.codes(1) == ["00"]
    confirming.settle()
    assert confirming.codes(1) == ["00", "00"]
    assert confirming.journal.charge(1).state is State.SERVED


def test_the_answer_to_a_confirmation_is_an_0230_in_the_senders_words(confirming: World) -> None:
    delivered(confirming)
    said = confirmation(sale(confirming.name))
    confirming.says(1, said)
    told = confirming.told[-1].message
    assert told.mti == "0230"
    assert told[11] == said[11]


def test_a_confirmation_repeated_is_answered_again(confirming: World) -> None:
    delivered(confirming)
    for _ in range(3):
        confirming.says(1, confirmation(sale(confirming.name)))
    assert confirming.codes(1) == ["00"] * 4


@pytest.mark.parametrize("reason", ["GOODS_NOT_SOLD", "SERVICE_NOT_PROVIDED", "ORDER_CANCELLED"])
def test_not_served_is_answered_00_and_reversed(reason: str) -> None:
    for name in (ISO, POS):
        world = World(name)
        world.approved()
        number = {"GOODS_NOT_SOLD": "001", "SERVICE_NOT_PROVIDED": "002"}.get(reason, "003")
        de60 = f"NOT:{reason}" if name == ISO else "81000007" + number
        world.says(1, confirmation(sale(name), served=False, de60=de60))
        assert world.codes(1)[-1] == "00"
        assert world.state() is State.REVERSAL_DUE
        assert world.charge().reason == "not_served"
        assert len(world.reversals_sent) == 1


def test_silence_within_the_window_is_a_no(confirming: World) -> None:
    delivered(confirming)
    confirming.wait(WINDOW_S - 0.5)
    assert confirming.state() is State.DELIVERED
    confirming.wait(1)
    assert confirming.state() is State.REVERSAL_DUE
    assert confirming.charge().reason == "not_confirmed"


def test_a_confirmation_after_the_reversal_began_is_refused_22(confirming: World) -> None:
    delivered(confirming)
    confirming.wait(WINDOW_S + 1)
    confirming.says(1, confirmation(sale(confirming.name)))
    assert confirming.codes(1)[-1] == "22"
    confirming.answers(answer(confirming.reversals_sent[-1]))
    confirming.says(1, confirmation(sale(confirming.name)))
    assert confirming.codes(1)[-1] == "22"
    assert confirming.state() is State.REVERSED


def test_a_confirmation_of_nothing_known_is_answered_25(confirming: World) -> None:
    confirming.says(1, confirmation(sale(confirming.name)))
    assert confirming.codes(1) == ["25"]


def test_a_confirmation_of_a_decline_or_of_a_charge_in_flight_is_answered_25(
    confirming: World,
) -> None:
    confirming.says(1, sale(confirming.name))
    confirming.says(1, confirmation(sale(confirming.name)))
    confirming.answers(answer(confirming.charges_sent[0], "51"))
    confirming.says(1, confirmation(sale(confirming.name)))
    assert confirming.codes(1) == ["25", "51", "25"]


def test_a_confirmation_of_another_terminals_sale_is_answered_25(confirming: World) -> None:
    delivered(confirming)
    confirming.says(2, confirmation(sale(confirming.name, de41="T0000002")))
    assert confirming.codes(2) == ["25"]
    assert confirming.state() is State.DELIVERED


def test_a_confirmation_proves_delivery_too(confirming: World) -> None:
    confirming.approved()
    confirming.lose(1)
    confirming.says(2, confirmation(sale(confirming.name)))
    assert confirming.state() is State.SERVED


def test_what_was_served_is_never_reversed_by_its_terminal(confirming: World) -> None:
    delivered(confirming)
    confirming.says(1, confirmation(sale(confirming.name)))
    confirming.says(1, reversal(sale(confirming.name)))
    confirming.says(1, confirmation(sale(confirming.name), served=False))
    assert confirming.codes(1)[-2:] == ["22", "22"]
    confirming.wait(100)
    assert confirming.reversals_sent == []
    assert confirming.state() is State.SERVED


def test_the_window_begins_anew_after_a_restart(confirming: World) -> None:
    delivered(confirming)
    confirming.wait(WINDOW_S - 1)
    confirming.restart()
    confirming.wait(WINDOW_S - 1)
    assert confirming.state() is State.DELIVERED
    confirming.says(1, confirmation(sale(confirming.name)))
    assert confirming.state() is State.SERVED


def test_a_till_may_report_over_http(confirming: World) -> None:
    delivered(confirming)
    charge = confirming.charge()
    assert (
        confirming.switch.service_reported(charge.id, served=True, reason="", now=confirming.now)
        == "00"
    )
    assert charge.state is State.SERVED
    assert (
        confirming.switch.service_reported(charge.id, served=False, reason="", now=confirming.now)
        == "22"
    )
    assert (
        confirming.switch.service_reported(777, served=True, reason="", now=confirming.now) is None
    )


def test_not_served_while_the_host_is_still_asked_reverses_and_tells_who_waits(
    confirming: World,
) -> None:
    confirming.says(1, sale(confirming.name))
    code = confirming.switch.service_reported(1, served=False, reason="", now=confirming.now)
    confirming.settle()
    assert code == "00"
    assert confirming.codes(1) == [("68" if confirming.name == ISO else "98")]
    confirming.answers(answer(confirming.charges_sent[0]))
    assert len(confirming.codes(1)) == 1
    assert confirming.state() is State.REVERSAL_DUE


def test_a_confirmation_of_a_charge_that_memory_forgot_is_looked_up() -> None:
    world = World(ISO, ended_max=1)
    world.approved(1)
    world.acknowledge(1)
    for stan in (2, 3):
        world.says(1, sale(ISO, stan))
        world.answers(answer(world.charges_sent[-1], "51"))
    assert world.switch.life.book.get(1) is None
    world.says(1, confirmation(sale(ISO, 1), served=False))
    assert world.codes(1)[-1] == "00"
    assert world.journal.charge(1).state is State.REVERSAL_DUE


def test_a_preauthorisation_can_be_confirmed_in_the_pos_dialect() -> None:
    world = World(POS)
    request = sale(POS, mti="0100", de3="030000", de25="06", de60="10000007000")
    world.says(1, request)
    world.answers(answer(world.charges_sent[0]))
    world.says(1, confirmation(request))
    assert world.codes(1) == ["00", "00"]


def test_classes_are_looked_up_by_terminal_then_merchant_then_generally() -> None:
    general = ServiceSettings(proof=Proof.APPROVAL, window_s=1.0)
    merchants = Merchants(
        general,
        (
            Merchant(id=MERCHANT, proof=Proof.CONFIRMATION, window_s=2.0),
            Merchant(id=MERCHANT, terminals=(TERMINAL,), proof=Proof.CONFIRMATION, window_s=3.0),
        ),
    )
    assert merchants.class_of(MERCHANT, TERMINAL) == (Proof.CONFIRMATION, 3.0)
    assert merchants.class_of(MERCHANT, "T0000002") == (Proof.CONFIRMATION, 2.0)
    assert merchants.class_of("SOMEBODY ELSE..", TERMINAL) == (Proof.APPROVAL, 1.0)


def test_silence_of_the_host_is_told_in_the_dialects_own_code(world: World) -> None:
    world.says(1, sale(world.name))
    world.wait(ANSWER_TIMEOUT_S + 0.5)
    assert world.codes(1) == ["68" if world.name == ISO else "98"]
    if world.name == POS:
        header = world.told[0].message.header
        assert header == HEADER[:1] + HEADER[3:5] + HEADER[1:3] + HEADER[5:]


@pytest.mark.parametrize("resolves_first", [True, False])
def test_the_next_sale_confirms_where_the_merchants_class_says_so(
    world: World, *, resolves_first: bool
) -> None:
    world = World(world.name, service=service("next_message"), resolves_first=resolves_first)
    world.approved()
    world.acknowledge()
    assert world.state() is State.DELIVERED
    world.approved(2)
    assert world.state() is State.SERVED


def test_without_a_next_sale_in_time_it_is_reversed(world: World) -> None:
    world = World(world.name, service=service("next_message"))
    world.approved()
    world.acknowledge()
    world.wait(WINDOW_S + 0.5)
    assert world.charge().reason == "not_confirmed"
    world.says(1, sale(world.name, 2))
    assert world.state() is State.REVERSAL_DUE


def test_another_number_far_away_confirms_nothing(world: World) -> None:
    world = World(world.name, service=service("next_message"))
    world.approved()
    world.acknowledge()
    world.says(2, sale(world.name, 5_000))
    assert world.state() is State.DELIVERED


def test_the_class_with_confirmations_is_not_confirmed_by_a_next_sale(world: World) -> None:
    world = World(world.name, service=service("confirmation"))
    world.approved()
    world.acknowledge()
    world.approved(2)
    assert world.state() is State.DELIVERED
