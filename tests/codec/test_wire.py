"""What each dialect puts on the wire, byte by byte: character sets, pads, lengths, bitmaps."""

from __future__ import annotations

import pytest

from codec import Dialect, Message, build, dialect
from codec.spec import Field

VALUES = {
    2: "476173900101013",
    3: "000000",
    4: "000000001000",
    11: "000123",
    35: "4761=1",
    41: "T0000[1!",
    52: "0123456789ABCDEF",
    54: "AB",
    70: "301",
}
"""Fifteen digits need a pad; [ and ! differ between EBCDIC's code pages."""

FIRST = "F020000020801400"
SECOND = "0400000000000000"

WIRE: dict[str, tuple[str, dict[int, str], str]] = {
    "iso87-ascii": (
        "0200",
        VALUES,
        (
            "30323030 46303230303030303230383031343030 30343030303030303030303030303030"
            "3135 343736313733393030313031303133 303030303030 303030303030303031303030 303030313233"
            "3036 343736313d31 54303030305b3121 30313233343536373839414243444546 303032 4142 333031"
        ),
    ),
    "iso87-binary": (
        "0200",
        VALUES,
        (
            f"0200 {FIRST} {SECOND} 15 0476173900101013 000000 000000001000 000123 06 4761d1"
            "54303030305b3121 0123456789abcdef 0002 4142 0301"
        ),
    ),
    "iso93-ascii": (
        "1200",
        VALUES | {12: "261123171500"},
        (
            "31323030 46303330303030303230383031343030 30343030303030303030303030303030"
            "3135 343736313733393030313031303133 303030303030 303030303030303031303030 303030313233"
            "323631313233313731353030"
            "3036 343736313d31 54303030305b3121 30313233343536373839414243444546 303032 4142 333031"
        ),
    ),
    "iso93-binary": (
        "1200",
        VALUES | {12: "261123171500"},
        (
            f"1200 F030000020801400 {SECOND} 15 0476173900101013 000000 000000001000 000123"
            "261123171500 06 4761d1 54303030305b3121 0123456789abcdef 0002 4142 0301"
        ),
    ),
    "iso2003-binary": (
        "2200",
        {2: VALUES[2], 3: "000000", 4: "0156200000001000", 11: "000000000123", 52: VALUES[52]},
        (
            "2200 7020000000001000 15 0476173900101013 303030303030 0156200000001000 000000000123"
            "0123456789abcdef"
        ),
    ),
    "unionpay-pos": (
        "0200",
        {de: value for de, value in VALUES.items() if de < 65} | {60: "22000001000"},
        (
            "6000000000 603100000000 0200 7020000020801410 15 4761739001010130 000000 000000001000"
            "000123 06 4761d1 54303030305b3121 0123456789abcdef 0002 4142 0011 220000010000"
        ),
    ),
    "visa-base1": (
        "0100",
        VALUES,
        (
            f"16010200000000000000000000000000000000000000 0100 {FIRST} {SECOND}"
            "0f 0476173900101013 000000 000000001000 000123 06 4761d1 e3f0f0f0f0baf15a"
            "0123456789abcdef 02 c1c2 0301"
        ),
    ),
    "mastercard-cis": (
        "0100",
        VALUES,
        (
            f"f0f1f0f0 {FIRST} {SECOND} f1f5 f4f7f6f1f7f3f9f0f0f1f0f1f0f1f3 f0f0f0f0f0f0"
            "f0f0f0f0f0f0f0f0f1f0f0f0 f0f0f0f1f2f3 f0f6 f4f7f6f17ef1 e3f0f0f0f04af14f"
            "0123456789abcdef f0f0f2 c1c2 f3f0f1"
        ),
    ),
}


@pytest.mark.parametrize("name", WIRE)
def test_what_stands_on_the_wire(name: str) -> None:
    mti, values, wire = WIRE[name]
    message = build(dialect(name), mti, values)
    assert message.raw == bytes.fromhex(wire)
    assert Message(bytes.fromhex(wire), dialect(name)).to_dict() == values


@pytest.mark.parametrize(
    ("form", "bitmaps"),
    [
        ("binary", "C000000000000000 8000000000000000 0000000000000001"),
        ("hex-ascii", ("C" + "0" * 15 + "8" + "0" * 15 + "0" * 15 + "1").encode().hex()),
        ("hex-ebcdic", ("C" + "0" * 15 + "8" + "0" * 15 + "0" * 15 + "1").encode("cp500").hex()),
    ],
)
def test_three_bitmaps_in_every_form(form: str, bitmaps: str) -> None:
    fields = {de: Field(f"f{de}", "text", 2) for de in (2, 192)}
    rules = Dialect("three", fields, bitmap=form)  # type: ignore[arg-type]
    message = build(rules, "0200", {2: "ab", 192: "cd"})
    assert message.raw == b"0200" + bytes.fromhex(bitmaps) + b"abcd"
    assert Message(message.raw, rules).fields() == (2, 192)


@pytest.mark.parametrize(
    ("form", "width", "wire"),
    [
        ("ascii", 1, "35"),
        ("ascii", 3, "303035"),
        ("ebcdic", 2, "f0f5"),
        ("bcd", 1, "05"),
        ("bcd", 2, "0005"),
        ("binary", 1, "05"),
        ("binary", 2, "0005"),
    ],
)
@pytest.mark.parametrize("content", ["text", "binary", "digits", "track"])
def test_lengths_in_every_form(form: str, width: int, wire: str, content: str) -> None:
    value, body = {
        "text": ("abcde", b"abcde"),
        "binary": ("0102030405", bytes([1, 2, 3, 4, 5])),
        "digits": ("12345", bytes.fromhex("123450")),
        "track": ("123=5", bytes.fromhex("123d50")),
    }[content]
    field = Field("f", content, 9, form, width)  # type: ignore[arg-type]
    rules = Dialect("lengths", {3: field}, bitmap="binary")
    message = build(rules, "0200", {3: value})
    assert message.raw[12:] == bytes.fromhex(wire) + body
    assert Message(message.raw, rules)[3] == value


@pytest.mark.parametrize("charset", ["ascii", "latin-1", "cp500", "cp037"])
def test_every_character_of_every_set(charset: str) -> None:
    characters = [chr(code) for code in range(128 if charset == "ascii" else 256)]
    field = Field("f", "text", 256, "binary", 2, charset)  # type: ignore[arg-type]
    rules = Dialect("set", {3: field}, bitmap="binary")
    text = "".join(characters)
    message = build(rules, "0200", {3: text})
    assert message.raw[14:] == text.encode(charset)
    assert message[3] == text
