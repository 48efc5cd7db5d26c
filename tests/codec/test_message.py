"""A message is a view: it reads, patches, rebuilds, and never writes to what others hold."""

from __future__ import annotations

import copy

import pytest

from codec import BuildError, Dialect, FrameError, Message, build
from codec.spec import Field
from tests.codec.samples import ISO87, POS, POS_SALE, SALE, captured_frame


@pytest.fixture
def sale() -> Message:
    return build(ISO87, "0200", SALE)


@pytest.fixture
def pos_sale() -> Message:
    return build(POS, "0200", POS_SALE)


def test_the_captured_frame_reads_as_published() -> None:
    frame = captured_frame()
    message = Message(frame[2:], POS)
    assert message.header.hex() == "6000030000" + "603210320072"
    assert message.mti == "0200"
    assert message.fields() == (3, 4, 11, 22, 25, 41, 42, 49, 60, 62, 64)
    assert message[4] == "000000001234"
    assert message[22] == "030"
    assert message[42] == "952718182217875"
    assert message["60.1"] == "26"
    assert message["60.2"] == "000001"
    assert message[64] == "4233413039324145"
    assert build(POS, message.mti, message.to_dict(), message.header).raw == frame[2:]


def test_absent_and_unknown_fields_are_key_errors(sale: Message) -> None:
    for key in (39, 1, 0, -1, 193, 10**30, "39", "nonsense", "90.1", "2.", "2.1", ".", "", None):
        assert sale.get(key) is None  # type: ignore[arg-type]
        with pytest.raises(KeyError):
            sale[key]  # type: ignore[index]
    assert sale.get(39, "none") == "none"
    assert not sale.has(39)
    assert not sale.has(-1)
    assert 39 not in sale


def test_fields_are_found_by_number_and_by_text(sale: Message) -> None:
    assert sale[11] == sale["11"] == sale.get("11") == "000123"
    assert sale.has(11)
    assert 11 in sale
    assert list(sale) == list(sale.fields()) == sorted(SALE)
    assert sale.to_dict() == SALE


def test_sub_fields_of_the_original_data_elements(sale: Message) -> None:
    sale.patch(90, "0200" + "000123" + "1123171500" + "00000012345" + "00000000000")
    assert sale["90.1"] == "0200"
    assert sale["90.2"] == "000123"
    assert sale["90.3"] == "1123171500"
    assert sale["90.4"] == "00000012345"
    assert sale["90.5"] == "0" * 11
    assert sale.get("90.6") is None
    assert sale.get("90.0") is None


def test_a_sub_field_beyond_the_value_is_absent(pos_sale: Message) -> None:
    assert pos_sale["60.3"] == "000"
    assert pos_sale.get("60.4") is None
    pos_sale.patch(60, "2200000100")
    assert pos_sale.get("60.3") is None


def test_a_patch_of_the_same_length_changes_nothing_else(sale: Message) -> None:
    before = sale.raw
    sale.patch(11, "999999")
    assert sale.raw == before.replace(b"000123171500", b"999999171500")
    assert sale[11] == "999999"


def test_handed_out_bytes_never_change(sale: Message) -> None:
    first = sale.raw
    held = bytes(bytearray(first))
    sale.patch(11, "111111")
    second = sale.raw
    sale.patch(11, "222222")
    assert first == held
    assert b"111111" in second
    assert b"222222" in sale.raw


def test_the_bytes_given_never_change() -> None:
    given = build(ISO87, "0200", SALE).raw
    held = bytes(bytearray(given))
    message = Message(given, ISO87)
    message.patch(11, "111111")
    message.set_mti("0210")
    assert given == held


def test_a_bytearray_may_change_afterwards() -> None:
    given = bytearray(build(ISO87, "0200", SALE).raw)
    message = Message(given, ISO87)
    given[:] = b"x" * len(given)
    assert message.to_dict() == SALE
    assert Message(memoryview(message.raw), ISO87) == message


def test_copies_are_independent(sale: Message) -> None:
    twin = sale.copy()
    sale.patch(11, "111111")
    twin.patch(11, "222222")
    assert (sale[11], twin[11]) == ("111111", "222222")
    assert copy.copy(twin) == twin


def test_a_patch_of_another_length_rebuilds(sale: Message) -> None:
    sale.patch(2, "4761739001010010123")
    assert Message(sale.raw, ISO87).to_dict() == SALE | {2: "4761739001010010123"}


def test_fields_come_and_go_with_their_bits(sale: Message) -> None:
    sale.patch(39, "00")
    sale.patch(128, "0123456789ABCDEF")
    assert Message(sale.raw, ISO87).to_dict() == SALE | {39: "00", 128: "0123456789ABCDEF"}
    sale.remove(128)
    sale.remove(39)
    sale.remove(39)
    assert sale.raw == build(ISO87, "0200", SALE).raw


def test_a_rebuild_keeps_mti_and_header(pos_sale: Message) -> None:
    pos_sale.set_mti("0210")
    pos_sale.set_header(bytes(range(11)))
    pos_sale.patch(39, "00")
    assert pos_sale.mti == "0210"
    assert pos_sale.header == bytes(range(11))
    assert pos_sale.to_dict() == POS_SALE | {39: "00"}


def test_a_refused_patch_changes_nothing(sale: Message) -> None:
    before = sale.raw
    for de, value in ((11, "12345"), (11, "€23456"), (2, "1" * 20), (65, "x"), (0, "x"), (500, "")):
        with pytest.raises(BuildError) as caught:
            sale.patch(de, value)
        assert caught.value.field == de
    for mti in ("020", "02000", "02x0", "02€0", ""):
        with pytest.raises(BuildError):
            sale.set_mti(mti)
    with pytest.raises(BuildError):
        sale.set_header(b"x")
    assert sale.raw == before


def test_values_of_the_wrong_type_are_refused(sale: Message) -> None:
    with pytest.raises(TypeError):
        sale.patch(11, b"000000")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        sale.patch(11, None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        build(ISO87, "0200", {11: 123})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        build(ISO87, "0200", {"11": "000123"})  # type: ignore[dict-item]
    for frame in ("text", 5, [48, 50], None):
        with pytest.raises(TypeError):
            Message(frame, ISO87)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Message(b"0200", None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Message.__new__(Message)


def test_binary_and_track_values(pos_sale: Message) -> None:
    assert pos_sale[35] == POS_SALE[35]
    assert bytes.fromhex("4761739001010119D30122011000012300") in pos_sale.raw
    pos_sale.patch(52, "00ff00ff00ff00ff")
    assert pos_sale[52] == "00FF00FF00FF00FF"
    for bad in ("0123456789ABCDE", "0123456789ABCDEX", "0123456789ABCDEF00"):
        with pytest.raises(BuildError):
            pos_sale.patch(52, bad)


def test_an_enciphered_track_is_read(pos_sale: Message) -> None:
    pos_sale.patch(35, "0A1B2C3=4E5F")
    assert pos_sale[35] == "0A1B2C3=4E5F"


def test_equality_is_by_bytes_and_dialect(sale: Message) -> None:
    assert sale == build(ISO87, "0200", SALE)
    assert sale != build(ISO87, "0201", SALE)
    assert sale != sale.raw
    with pytest.raises(TypeError):
        hash(sale)


def test_spans_cover_the_body_without_gaps(sale: Message) -> None:
    at = 20
    for de in sale:
        offset, length = sale.span(de)
        assert offset == at
        at += length
    assert at == len(sale) == len(sale.raw)
    with pytest.raises(KeyError):
        sale.span(39)


def test_the_longest_frame_is_bounded() -> None:
    with pytest.raises(FrameError, match="end of the frame"):
        Message(b"0" * 70_000, ISO87)
    wide = Dialect("wide", {de: Field("bulk", "text", 40_000, "binary", 2) for de in (2, 3)})
    with pytest.raises(BuildError, match="at most 65535 bytes"):
        build(wide, "0200", {2: "x" * 40_000, 3: "x" * 40_000})


def test_a_header_of_another_length_is_refused() -> None:
    with pytest.raises(BuildError, match="header: expected 11 bytes, found 3"):
        build(POS, "0200", POS_SALE, b"abc")
    assert build(POS, "0200", POS_SALE).header == POS.header


@pytest.mark.parametrize(
    ("frame", "field", "offset", "reason"),
    [
        (b"", "MTI", 0, "expected 4 bytes, found 0"),
        (b"02x0", "MTI", 2, "expected 4 decimal digits"),
        (b"0200", "bitmap", 4, "expected 16 bytes, found 0"),
        (b"0200" + b"00000000000000G0", "bitmap", 18, "expected 16 hex digits"),
        (b"0200" + b"0040000000000000" + b"000000", 10, 20, "expected 8 bytes, found 6"),
        (b"0200" + b"4000000000000000" + b"1x", 2, 21, "expected a decimal length of 2 bytes"),
        (b"0200" + b"4000000000000000" + b"20", 2, 20, "expected at most 19 characters, found a l"),
        (b"0200" + b"4000000000000000" + b"04123", 2, 22, "expected 4 bytes, found 3"),
        (b"0200" + b"0000000000000000" + b"12", None, 20, "expected the end of the frame, found 2"),
        (b"0200" + b"0000000080000000" + b"\xff23", 33, 20, "expected a decimal length"),
        (b"0200" + b"0000000000010000" + b"003A\xffB", 48, 24, "expected ASCII characters"),
        (b"0200" + b"8000000000000000" + b"8" + b"0" * 15 + b"0" * 15, "bitmap", 36, "16 bytes"),
        (b"0200" + b"8000000000000000" + b"8" + b"0" * 15 + b"8" + b"0" * 15, 129, 52, "no such"),
    ],
)
def test_errors_name_field_offset_and_kind(
    frame: bytes, field: int | str | None, offset: int, reason: str
) -> None:
    with pytest.raises(FrameError) as caught:
        Message(frame, ISO87)
    assert reason in caught.value.reason
    assert (caught.value.field, caught.value.offset) == (field, offset)


@pytest.mark.parametrize(
    ("body", "field", "offset", "reason"),
    [
        ("02A0", "MTI", 12, "expected 4 decimal digits"),
        ("0200" + "2000000000000000" + "00A000", 3, 22, "expected decimal digits"),
        ("0200" + "4000000000000000" + "1A", 2, 21, "expected a decimal length of 1 bytes"),
        ("0200" + "4000000000000000" + "20", 2, 21, "at most 19 digits, found a length of 20"),
        ("0200" + "0000000000000200" + "0256", 55, 21, "at most 255 bytes, found a length of 256"),
        ("0200" + "0100000000000000", 8, 21, "the dialect has no such field"),
    ],
)
def test_errors_of_the_pos_dialect(body: str, field: int | str, offset: int, reason: str) -> None:
    with pytest.raises(FrameError) as caught:
        Message(bytes(11) + bytes.fromhex(body), POS)
    assert (caught.value.field, caught.value.offset) == (field, offset)
    assert reason in caught.value.reason


def test_the_header_may_be_cut() -> None:
    with pytest.raises(FrameError, match="header, offset 0: expected 11 bytes, found 10"):
        Message(bytes(10), POS)


def test_the_first_two_characters_of_a_field(sale: Message, pos_sale: Message) -> None:
    sale.patch(42, "M" * 15)
    assert (sale.first_two(3), sale.first_two(42), sale.first_two(39)) == ("00", "MM", "")
    assert pos_sale.first_two(3) == pos_sale[3][:2]


@pytest.mark.parametrize(("de", "value"), [(4, "000000000100"), (41, "T1      ")])
def test_a_number_has_its_digits(sale: Message, pos_sale: Message, de: int, value: str) -> None:
    for message in (sale, pos_sale):
        message.patch(de, value)
        expected = 100 if value.isdigit() else -1
        assert message.number(de, len(value)) == expected
        assert message.number(de, len(value) - 4, 4) == expected
        assert message.number(de, len(value) - 1) == -1
    assert sale.number(39, 2) == -1


@pytest.mark.parametrize("digits", range(1, 19))
def test_a_number_is_read_of_as_many_digits_as_there_are_and_of_nothing_else(
    sale: Message, digits: int
) -> None:
    value = "987654321098765432"[:digits]
    assert build(sale.dialect, "0200", {48: value}).number(48, digits) == int(value)
    assert build(sale.dialect, "0200", {48: "x" + value}).number(48, digits, 1) == int(value)
    for at in range(digits):
        for other in "/: A~\x00\x7f":
            spoilt = value[:at] + other + value[at + 1 :]
            assert build(sale.dialect, "0200", {48: spoilt}).number(48, digits) == -1


def test_values_are_joined_and_kept_apart(sale: Message, pos_sale: Message) -> None:
    for message in (sale, pos_sale):
        message.patch(11, "000123")
        message.patch(41, "T|1\\    ")
        assert message.joined((0, 11, 39, 41)) == "2|000123||T|1\\    "
        assert message.joined((0, 11, 39, 41), escaped=True) == "2|000123||T\\p1\\\\    "
        assert message.joined((11,)) == "000123"
        assert message.joined(()) == ""


def test_a_number_is_set_with_zeros_before_it(sale: Message, pos_sale: Message) -> None:
    for message in (sale, pos_sale):
        for number in (1, 999_999, 0, 42):
            message.patch_number(11, number)
            assert message[11] == f"{number:06d}"
        with pytest.raises(BuildError) as refused:
            message.patch_number(11, 1_000_000)
        assert refused.value.field == 11
        assert message[11] == "000042"
        message.remove(11)
        message.patch_number(11, 7)
        assert message[11] == "000007"
        assert message.raw == Message(message.raw, message.dialect).raw


@pytest.mark.parametrize(("char", "escaped"), [("|", "\\p"), ("\\", "\\\\")])
def test_what_is_to_be_escaped_is_found_wherever_it_stands(
    sale: Message, char: str, escaped: str
) -> None:
    sale.patch(11, "000123")
    for before in range(20):
        head, tail = "z" * before, "~}]\x1c" * 3
        sale.patch(48, head + char + tail)
        assert sale.joined((11, 48, 0), escaped=True) == f"000123|{head}{escaped}{tail}|2"
        sale.patch(48, head + tail)
        assert sale.joined((11, 48, 0), escaped=True) == f"000123|{head}{tail}|2"


def test_values_that_are_long_or_no_ascii_are_joined_too(sale: Message) -> None:
    sale.patch(48, "x" * 200)
    assert sale.joined((48, 48)) == "x" * 200 + "|" + "x" * 200
    for length in range(250, 258):
        sale.patch(48, "x" * length)
        assert sale.joined((48, 90, 90, 0, 90)) == "x" * length + "|||2|"


def test_the_type_is_known_of_what_was_changed_copied_and_rebuilt(sale: Message) -> None:
    twin = sale.copy()
    sale.set_mti("0210")
    sale.patch(2, "4" * 13)
    sale.remove(2)
    assert (sale.mti, twin.mti, Message(sale.raw, ISO87).mti) == ("0210", "0200", "0210")
    assert repr(sale).startswith("<Message iso87-ascii 0210 ")


def test_short_numbers_and_other_short_texts_are_read(sale: Message) -> None:
    for value in ("00", "97", "A0", "  "):
        sale.patch(39, value)
        assert sale[39] == value
    for value in ("000", "840", "9 9"):
        sale.patch(49, value)
        assert sale[49] == value
