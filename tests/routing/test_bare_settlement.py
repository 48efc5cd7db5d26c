"""Batch settlement without MACs, where terminals send none: it closes, and proves nothing."""

from __future__ import annotations

import pytest

from codec import Message
from routing.charge import State
from routing.reason import Reason
from routing.sign_in_settings import SignInSettings
from tests.routing.street import Street, after_two_sales
from tests.routing.test_batches import end, totals, uploaded

MAC = "0011223344556677"


def signed(message: Message) -> Message:
    """With a MAC, which these tests say is good."""
    message.patch(64, MAC)
    return message


@pytest.fixture
def street() -> Street:
    """Two sales of a terminal whose settlement needs no MAC; it has both answers."""
    return after_two_sales(SignInSettings(settlement_macs=False))


def test_totals_close_the_batch_and_prove_no_service(street: Street) -> None:
    street.says(1, totals(2000, 2))
    told = street.told[-1].message
    assert (told[48][30], told.has(64), street.session().batch) == ("1", False, 8)
    assert [street.state(stan) for stan in (1, 2)] == [State.PRESUMED_SERVED] * 2


def test_with_a_mac_they_do_and_the_answer_has_one(street: Street) -> None:
    street.says(1, signed(totals(2000, 2)))
    assert street.told[-1].message.has(64)
    assert [street.state(stan) for stan in (1, 2)] == [State.SERVED] * 2


def test_what_the_upload_does_not_hold_is_a_case_and_not_reversed(street: Street) -> None:
    for each in (totals(1000, 1), uploaded([(1, 1000)]), end(1)):
        street.says(1, each)
    assert street.codes(1)[-3:] == ["00"] * 3
    assert [street.state(stan) for stan in (1, 2)] == [State.PRESUMED_SERVED, State.CASE]
    assert street.charge(2).reason == Reason.UNKNOWN_TO_TERMINAL
    assert street.session().batch == 8


def test_one_message_without_a_mac_is_enough_to_doubt_the_whole_upload(street: Street) -> None:
    for each in (signed(totals(1000, 1)), uploaded([(1, 1000)]), signed(end(1))):
        street.says(1, each)
    assert street.state(2) is State.CASE


def test_an_upload_with_macs_undoes_what_it_does_not_hold(street: Street) -> None:
    for each in (totals(1000, 1), uploaded([(1, 1000)]), end(1)):
        street.says(1, signed(each))
    assert street.state(2) is State.REVERSAL_DUE


def test_totals_without_a_mac_prove_no_delivery(street: Street) -> None:
    street.approved(3)
    street.says(1, totals(2000, 2))
    assert street.state(3) is State.APPROVED
    street.says(1, signed(totals(2000, 2)))
    assert street.state(3) is State.PRESUMED_SERVED
