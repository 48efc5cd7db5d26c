"""What people get to see of card data."""

from __future__ import annotations

import pytest

from codec import build, mask
from tests.codec.samples import ISO87, POS, POS_SALE, SALE


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("4761739001010119", "476173******0119"),
        ("4761739001010010123", "476173*********0123"),
        ("6222021234567", "622202***4567"),
        ("123456789012", "*" * 12),
        ("", ""),
    ],
)
def test_a_card_number_shows_six_and_four(number: str, shown: str) -> None:
    assert mask.pan(number) == shown


def test_sensitive_fields_show_their_length_alone() -> None:
    for de in mask.SENSITIVE_FIELDS:
        assert mask.value(de, "1234567890") == "<10 hidden>"
    assert mask.value(14, "3012") == "<4 hidden>"


def test_verification_data_is_hidden_and_a_currency_is_not() -> None:
    assert (mask.value(49, "840"), mask.value(49, "010203")) == ("840", mask.hidden("010203"))


def test_card_numbers_in_free_text_are_masked() -> None:
    assert mask.value(48, "CARD 4761739001010119 OK") == "CARD 476173******0119 OK"
    assert mask.value(63, "4761739001010118") == "4761739001010118"
    assert mask.value(102, "4761739001010118") == "476173******0118"


def test_control_characters_do_not_reach_a_terminal() -> None:
    assert mask.value(41, "T\x1b[2J\x00\xe9\x7f") == "T.[2J..."
    assert mask.value(2, "\x1b[2J12345678\x00\x00\x00\x00") == ".[2J12******...."


def test_tags_of_chip_data() -> None:
    assert mask.tag("5a", "4761739001010119") == "<16 hidden>"
    assert mask.tag("9F26", "0123456789ABCDEF") == "0123456789ABCDEF"
    assert mask.tag("DF20", "4761739001010119FF") == "476173******0119FF"


def test_the_repr_of_a_message_is_masked() -> None:
    shown = repr(build(ISO87, "0200", SALE))
    assert shown == (
        "<Message iso87-ascii 0200 2=476173******0119 3=000000 4=000000001000 7=1123171500 "
        "11=000123 12=171500 13=1123 22=021 25=00 35=<37 hidden> 41=T0000001 "
        "42=MERCHANT0000001 49=840>"
    )


def test_the_repr_of_a_pos_message_is_masked_and_short() -> None:
    message = build(POS, "0200", POS_SALE | {59: "x" * 500, 62: "key material"})
    shown = repr(message)
    for secret in (POS_SALE[2], POS_SALE[35], POS_SALE[52], POS_SALE[55], "key material"):
        assert secret not in shown
    assert "59=<500 characters>" in shown
    assert "60=22000001000" in shown


def test_a_card_number_in_the_middle_of_many_digits_is_hidden() -> None:
    details = "01" + "00" + "000001" + f"{'4761739001010119':0>20}" + "000000001000"
    assert mask.value(48, details) == "<42 digits hidden>"
