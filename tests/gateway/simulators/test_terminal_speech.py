"""What simulated terminals put on the wire."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from codec import Message
from gateway.simulators.terminal_speech import SPEECHES, SaleFacts
from gateway.simulators.terminals import card_number

AT = datetime(2026, 11, 23, 18, 4, 5, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 18, 4, 9, tzinfo=UTC)
FACTS = SaleFacts("BAKERY000000001", "T0000001", "000041", "000007", 1234, card_number(1, 1), AT)
ISO, POS = SPEECHES["iso87-ascii"], SPEECHES["unionpay-pos"]


def on_the_wire(message: Message) -> Message:
    """The message as the other side reads it."""
    return Message(message.raw, message.dialect)


@pytest.mark.parametrize("speech", [ISO, POS], ids=["iso87", "pos"])
def test_a_sale_carries_what_a_charge_needs(speech: object) -> None:
    sale = on_the_wire(speech.sale(FACTS))  # type: ignore[attr-defined]
    assert sale.mti == "0200"
    assert (sale[3], sale[4], sale[11]) == ("000000", "000000001234", "000041")
    assert (sale[41], sale[42], sale[49]) == ("T0000001", "BAKERY000000001", "156")


def test_an_iso_repeat_differs_in_its_mti_alone() -> None:
    sale = ISO.sale(FACTS)
    again = on_the_wire(ISO.again(sale))
    assert again.mti == "0201"
    assert again.to_dict() == sale.to_dict()


def test_a_pos_repeat_is_the_same_bytes() -> None:
    sale = POS.sale(FACTS)
    assert POS.again(sale).raw == sale.raw


def test_an_iso_reversal_names_its_original_in_de_90() -> None:
    reversal = on_the_wire(ISO.reversal(FACTS, "000042", LATER))
    assert (reversal.mti, reversal[11], reversal[7]) == ("0400", "000042", "1123180409")
    assert reversal[90] == "0200" + "000041" + "1123180405" + "0" * 22
    assert ISO.again(reversal).mti == "0401"


def test_a_pos_reversal_has_its_originals_number() -> None:
    reversal = on_the_wire(POS.reversal(FACTS, "000042", LATER))
    assert (reversal.mti, reversal[11], reversal[39]) == ("0400", "000041", "98")
    assert (reversal["60.2"], reversal["61.1"], reversal["61.2"]) == ("000007", "000007", "000041")
    assert POS.again(reversal).raw == reversal.raw


@pytest.mark.parametrize(("reason", "said"), [("", "SERVED"), ("ORDER_CANCELLED", None)])
def test_an_iso_confirmation_says_it_in_de_60(reason: str, said: str | None) -> None:
    confirmation = on_the_wire(ISO.confirmation(FACTS, "000042", LATER, reason))
    assert confirmation.mti == "0220"
    assert confirmation[60] == (said or f"NOT:{reason}")
    assert confirmation["90.2"] == "000041"
    assert ISO.again(confirmation).raw == confirmation.raw


@pytest.mark.parametrize(
    ("reason", "said"),
    [("", "80000007000"), ("GOODS_NOT_SOLD", "81000007001"), ("ORDER_CANCELLED", "81000007003")],
)
def test_a_pos_confirmation_says_it_in_de_60_and_61(reason: str, said: str) -> None:
    confirmation = on_the_wire(POS.confirmation(FACTS, "000042", LATER, reason))
    assert (confirmation.mti, confirmation[11], confirmation[60]) == ("0220", "000042", said)
    assert confirmation[61] == "000007" + "000041"


def test_card_numbers_pass_the_luhn_check() -> None:
    for number in range(50):
        digits = [int(digit) for digit in reversed(card_number(1, number))]
        doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
        assert (sum(digits[::2]) + sum(doubled)) % 10 == 0
        assert len(digits) == 16
