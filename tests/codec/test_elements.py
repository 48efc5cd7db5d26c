"""Sub-fields and elements by dotted path, as dialects have them, and errors that tell where."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec import DialectError, FrameError, Message, build, dialect, explain, parse_dialect
from codec.document import to_json
from codec.elements import find, parse
from codec.spec import Elements
from tests.codec.samples import POS, vectors

MASTERCARD = dialect("mastercard-cis")
PRIVATE = "T" + "4207" + "0103212" + "6315" + "ABCDE0123456789" + "9203123"
"""DE 48: a category code, an element made of elements, a plain one, and a card's check value."""
SALE = {2: "5413330089600119", 3: "000000", 11: "000123", 48: PRIVATE}

RECORDS = parse_dialect(
    """
    name = "records"
    [style]
    numbers = "bcd"
    lengths = "bcd"
    [fields]
    46 = ["Digits", "n...999"]
    48 = ["Records", "ans...999"]
    [elements]
    46 = { tag = 3, length = 2 }
    48 = { tag = 4, length = 3, constructed = ["0001"] }
    """
)


@pytest.fixture
def message() -> Message:
    return build(MASTERCARD, "0100", SALE)


def test_elements_by_tag_and_path(message: Message) -> None:
    assert message["48.63"] == "ABCDE0123456789"
    assert message["48.42"] == "0103212"
    assert message["48.42.01"] == "212"
    assert message["48.1"] == "T"
    for absent in ("48.64", "48.42.02", "48.63.AB", "48.42.01.01", "48.2", "47.01"):
        assert message.get(absent) is None
        assert absent not in message
        with pytest.raises(KeyError):
            message[absent]


def test_elements_of_a_field_in_order(message: Message) -> None:
    found = message.elements(48)
    assert [(each.tag, each.value) for each in found] == [
        ("42", "0103212"),
        ("63", "ABCDE0123456789"),
        ("92", "123"),
    ]
    for each in found:
        encoded = (each.tag + f"{len(each.value):02d}" + each.value).encode("cp500")
        assert message.raw[each.offset : each.begin + len(each.value)] == encoded
    (inner,) = message.elements("48.42")
    assert (inner.tag, inner.value) == ("01", "212")
    assert message.raw[inner.begin : inner.begin + 3] == "212".encode("cp500")
    for key in (2, 48.0, "48.63", "48.99", "47", "nonsense"):
        with pytest.raises(KeyError):
            message.elements(key)  # type: ignore[arg-type]


def test_elements_of_chip_data_in_order() -> None:
    chip = build(POS, "0200", {55: "9F36020001" + "700A" + "5F2A020156" + "9A03261123"})
    assert chip["55.9F36"] == "0001"
    assert chip["55.70.5F2A"] == "0156"
    outer = chip.elements(55)[1]
    assert (outer.tag, outer.constructed) == ("70", True)
    assert chip.raw[outer.offset] == 0x70
    inner = chip.elements("55.70")[1]
    assert (inner.tag, inner.value) == ("9A", "261123")
    assert chip.raw[inner.begin : inner.begin + 3] == bytes.fromhex("261123")


@pytest.mark.parametrize(
    ("value", "key", "at", "reason"),
    [
        ("T4207", "48.42", 5, "expected 7 characters of an element, found 0"),
        ("T6303ABC420", "48.42", 8, "expected a tag and length of 4 characters, found 3"),
        ("T42x7", "48.42", 3, "expected the decimal length of an element, found another character"),
        ("T4207" + "0109212", "48.42.01", 9, "expected 9 characters of an element, found 3"),
        ("T4207" + "0109212", "48.42.02", 9, "expected 9 characters of an element, found 3"),
    ],
)
def test_damage_names_field_and_offset(value: str, key: str, at: int, reason: str) -> None:
    message = build(MASTERCARD, "0100", SALE | {48: value})
    with pytest.raises(FrameError) as caught:
        message[key]
    start, size = message.span(48)
    assert caught.value.field == 48
    assert caught.value.name == "Additional Data - Private"
    assert caught.value.offset == start + 3 + at
    assert caught.value.offset <= start + size
    assert caught.value.reason == reason
    assert message.get(key) is None
    assert key not in message
    with pytest.raises(FrameError, match=reason):
        message.elements(key.rpartition(".")[0])


def test_damage_behind_an_element_does_not_hide_it() -> None:
    message = build(MASTERCARD, "0100", SALE | {48: "T6303ABC42"})
    assert message["48.63"] == "ABC"


@pytest.mark.parametrize(
    ("value", "at", "reason"),
    [
        ("9F3602000195", 6, "expected a length of element 95, found the end"),
        ("70059F36020001", None, ""),
        ("70039F3602", 5, "expected 2 bytes in element 9F36, found 0"),
    ],
)
def test_damaged_chip_data_name_field_and_offset(value: str, at: int | None, reason: str) -> None:
    for rules in (POS, dialect("iso87-ascii")):
        message = build(rules, "0200", {11: "000123", 55: value})
        width = 2 if rules is POS else 3
        if at is None:
            assert message["55.70.9F36"] == "0001"
            continue
        key = "55.70.9F36" if value.startswith("70") else "55.82"
        with pytest.raises(FrameError) as caught:
            message[key]
        characters = 1 if rules is POS else 2
        assert caught.value.offset == message.span(55)[0] + width + at * characters
        assert (caught.value.field, caught.value.reason) == (55, reason)


def test_hex_text_that_is_none_is_damage() -> None:
    message = build(dialect("iso87-ascii"), "0200", {55: "9F36xx"})
    with pytest.raises(FrameError, match=r"field 55 .*, offset 27: expected hex digits"):
        message["55.9F36"]
    odd = build(dialect("iso87-ascii"), "0200", {55: "9F3"})
    with pytest.raises(FrameError, match="expected whole bytes"):
        odd["55.9F36"]


def test_sub_fields_of_the_pos_dialect() -> None:
    message = build(
        POS,
        "0500",
        {
            48: "000000012345" + "007" + "000000000100" + "001" + "1" + "0" * 30 + "1",
            60: "22000001201" + "5" + "0" + "0" + "001",
            61: "000002" + "000123" + "1123" + "01" + "00000001020",
            63: "001" + "settled",
        },
    )
    paths = ["48.1", "48.2", "48.5", "48.10", "60.1", "60.2", "60.3", "60.4", "60.7"]
    assert [message[path] for path in paths] == [
        *("000000012345", "007", "1", "1", "22", "000001", "201", "5", "001")
    ]
    assert [message[f"61.{n}"] for n in range(1, 6)] == [
        *("000002", "000123", "1123", "01", "00000001020")
    ]
    assert (message["63.1"], message["63.2"]) == ("001", "settled")
    assert message.get("63.3") is None
    assert build(POS, "0800", {63: "001"}).get("63.2") is None


def test_card_numbers_among_the_details_of_a_batch_are_masked() -> None:
    details = "01" + "00" + "000123" + "0000" + "4761739001010119" + "000000001000"
    upload = build(POS, "0320", {48: details})
    assert upload.get("48.1") is None
    shown = [repr(upload), to_json(upload).decode()]
    shown += [line.text for line in explain(upload.raw, POS).lines]
    assert not any("4761739001010119" in text or "739001010119" in text for text in shown)
    totals = build(POS, "0500", {48: "0" * 61 + "1"})
    assert totals["48.10"] == "1"
    assert "hidden" in repr(totals)


@pytest.mark.parametrize("vector", vectors("cup-de62-40"))
def test_working_keys_by_path(vector: dict[str, Any]) -> None:
    answer = build(POS, "0810", {62: bytes.fromhex(vector["data"]).decode("latin-1")})
    expected = vector["expect"]
    assert [answer[f"62.{n}"].encode("latin-1").hex().upper() for n in (1, 2, 3, 4)] == [
        *(expected["pik_enc"], expected["pik_kcv"], expected["mak_enc"] + expected["mak_pad"]),
        expected["mak_kcv"],
    ]
    assert answer.get("62.5") is None
    assert {line.field for line in explain(answer.raw, POS).lines} == {"62"}
    for length, parts in ((24, 4), (60, 6), (56, 4), (84, 6), (23, 0), (512, 0)):
        message = build(POS, "0810", {62: "k" * length})
        found = [message[f"62.{n}"] for n in range(1, 9) if message.get(f"62.{n}") is not None]
        assert len(found) == parts
        assert not parts or "".join(found) == message[62]


def test_records_of_digits_and_longer_tags() -> None:
    message = build(RECORDS, "0200", {46: "0010498760020112", 48: "00010080002001X"})
    assert message["46.001"] == "9876"
    assert message["46.002"] == "1"
    assert message["48.0001.0002"] == "X"


def test_what_is_told_of_elements_is_masked(message: Message) -> None:
    shown = {line.field: line for line in explain(message.raw, MASTERCARD).lines}
    assert shown["48"].text == f"<{len(PRIVATE)} hidden>"
    assert shown["48.42"].text == "<7 characters of elements>"
    assert shown["48.63"].text == "ABCDE0123456789"
    assert shown["48.92"].text == "<3 hidden>"
    line = shown["48.92"]
    assert message.raw[line.offset : line.offset + line.length] == "9203123".encode("cp500")
    assert f"48=<{len(PRIVATE)} hidden>" in repr(message)
    assert repr(message.elements(48)[2]).startswith("Element(92, 3 characters at ")


@given(
    elements=st.lists(
        st.tuples(st.text("0123456789", min_size=2, max_size=2), st.text(max_size=20)), max_size=6
    ),
    cut=st.integers(0, 200),
)
@settings(max_examples=80, deadline=None)
def test_what_is_put_together_is_found_again(elements: list[tuple[str, str]], cut: int) -> None:
    form = Elements(tag=2, length=2)
    whole = "".join(f"{tag}{len(value):02d}{value}" for tag, value in elements)
    assert [(each.tag, each.value) for each in parse(whole, form)] == elements
    for tag, _ in elements:
        found = find(whole, form, tag)
        assert found is not None
        assert found.value == dict(reversed(elements))[tag]
    offset: int | None = 0
    try:
        list(parse(whole[:cut], form))
    except FrameError as error:
        offset = error.offset
    assert offset is not None
    assert offset <= cut


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ('49 = "ber-tlv"', "no such field"),
        ('48 = "tlv"', "at `elements"),
        ("48 = { tag = 2 }", "missing required field `length`"),
        ("48 = { tag = 2, length = 0 }", "need a tag and a length"),
        ("48 = { tag = 2, length = 2, skip = -1 }", "need a tag and a length"),
        ('48 = { tag = 2, length = 2, hidden = ["123"] }', "tag '123' does not have 2 characters"),
        ('3 = "ber-tlv"', "BER-TLV needs a field of bytes or of hex text"),
    ],
)
def test_elements_that_make_no_sense_are_refused(form: str, words: str) -> None:
    text = """
    name = "x"
    [style]
    numbers = "bcd"
    [fields]
    3 = ["Code", "n6"]
    48 = ["Private", "ans...999"]
    [elements]
    """
    with pytest.raises(DialectError, match=words):
        parse_dialect(text + form)
