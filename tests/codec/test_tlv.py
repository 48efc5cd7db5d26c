"""Elements of chip data, read and made; and as parts of a message."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec import BuildError, FrameError, Message, build, explain, tlv
from tests.codec.samples import ISO87, POS, POS_SALE, SALE

CHIP = "9F2608E0123456789ABCDE5A08476173900101011970059F3602000182023900"
TAGS = st.sampled_from(["82", "95", "9F26", "9F36", "DF8101", "5F2A", "70", "BF0C"])


def test_elements_come_in_order() -> None:
    elements = list(tlv.parse(bytes.fromhex(CHIP)))
    assert [element.tag for element in elements] == ["9F26", "5A", "70", "82"]
    assert [element.offset for element in elements] == [0, 11, 21, 28]
    assert [element.constructed for element in elements] == [False, False, True, False]
    assert elements[3].value == bytes.fromhex("3900")


def test_a_path_finds_an_element_in_an_element() -> None:
    data = bytes.fromhex(CHIP)
    assert tlv.find(data, "9f26") == bytes.fromhex("E0123456789ABCDE")
    assert tlv.find(data, "70.9F36") == bytes.fromhex("0001")
    assert tlv.find(data, "9F36") is None
    assert tlv.find(data, "82.9F36") is None
    assert tlv.find(data + b"\x9f", "82") == bytes.fromhex("3900")
    assert tlv.find(data[:-1], "82") is None


@given(elements=st.lists(st.tuples(TAGS, st.binary(max_size=300)), max_size=5))
@settings(max_examples=60, deadline=None)
def test_what_is_built_is_parsed(elements: list[tuple[str, bytes]]) -> None:
    parsed = [(element.tag, element.value) for element in tlv.parse(tlv.build(elements))]
    assert parsed == elements


@given(data=st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_bytes_parse_or_are_an_error_within_them(data: bytes) -> None:
    offset = None
    try:
        values = [element.value for element in tlv.parse(data)]
    except FrameError as error:
        offset = error.offset
    else:
        assert sum(map(len, values)) <= len(data)
    assert offset is None or 0 <= offset <= len(data)


@pytest.mark.parametrize(
    ("data", "offset", "reason"),
    [
        ("9F", 0, "a tag of at most 4 bytes"),
        ("9F8181818101", 0, "a tag of at most 4 bytes"),
        ("82", 1, "a length of element 82, found the end"),
        ("828001", 1, "a length of element 82, found another byte"),
        ("8284000000", 1, "a length of element 82"),
        ("8282", 1, "a length of element 82"),
        ("820439", 2, "expected 4 bytes in element 82, found 1"),
    ],
)
def test_damage_is_told_by_place_and_kind(data: str, offset: int, reason: str) -> None:
    with pytest.raises(FrameError) as caught:
        list(tlv.parse(bytes.fromhex(data)))
    assert caught.value.offset == offset
    assert reason in caught.value.reason


def test_fillers_between_elements_are_skipped() -> None:
    assert [e.tag for e in tlv.parse(bytes.fromhex("0000820100FF950100"))] == ["82", "95"]


@pytest.mark.parametrize("tag", ["", "9F", "8282", "00", "xy", "9F818181"])
def test_only_whole_tags_are_built(tag: str) -> None:
    with pytest.raises(BuildError):
        tlv.build([(tag, b"")])


def test_a_repr_shows_no_value() -> None:
    (element,) = tlv.parse(bytes.fromhex("5A084761739001010119"))
    assert repr(element) == "Element(5A, 8 bytes at 0)"


@pytest.mark.parametrize(
    "message",
    [build(POS, "0200", POS_SALE | {55: CHIP}), build(ISO87, "0200", SALE | {55: CHIP})],
    ids=["binary", "hex text"],
)
def test_elements_of_a_message(message: Message) -> None:
    assert message["55.9F26"] == "E0123456789ABCDE"
    assert message["55.70.9f36"] == "0001"
    assert message.get("55.9F36") is None
    assert "55.82" in message
    for key in ("55.", "55..", "55.xx", "55.1"):
        assert message.get(key) is None
    shown = {line.field: line.text for line in explain(message.raw, message.dialect).lines}
    assert shown["55"].endswith("hidden>")
    assert shown["55.82"] == "3900"
    assert shown["55.5A"] == "<16 hidden>"
    assert shown["55.70"] == "<10 hex digits of elements>"


def test_damaged_chip_data_are_absent_and_explained() -> None:
    message = build(POS, "0200", POS_SALE | {55: "820239009F26"})
    assert message["55.82"] == "3900"
    assert message.get("55.9F26") is None
    last = explain(message.raw, POS).lines
    assert [line.text for line in last if line.field == "55.?"] == [
        "expected a length of element 9F26, found the end"
    ]
    assert build(ISO87, "0200", {55: "no hex"}).get("55.82") is None
