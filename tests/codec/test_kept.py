"""What is kept of a message is what `pick` finds, in the bytes that msgspec would make of it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec import DIALECTS, build, dialect, kept

NUMBERS = frozenset(range(2, 129))
DE: dict[int, str] = {
    2: "4761739001010119",
    3: "000000",
    4: "000000001000",
    11: "000042",
    41: "T0000001",
    42: "MERCHANT0000001",
    49: "840",
}
TEXT = st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), max_size=300)


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_it_is_what_pick_finds_in_each_dialect(name: str) -> None:
    message = build(
        dialect(name), "0200", {3: DE[3], 41: DE[41].ljust(16 if name.startswith("iso2003") else 8)}
    )
    fields = kept.keep(message, NUMBERS)
    picked = message.pick(NUMBERS)
    assert dict(fields) == picked == dict(fields.items())
    assert fields == picked
    assert msgspec.msgpack.decode(fields.packed, type=dict[int, str]) == picked
    assert fields.packed == kept.packed(picked) == msgspec.msgpack.encode(picked)
    said = msgspec.json.decode(fields.as_json(), type=dict[str, str])
    assert said == {str(de): value for de, value in picked.items()}
    assert fields.agrees(range(1, 129), message)
    other = message.copy()
    other.patch(3, "990000")
    assert not fields.agrees((3, 41), other)
    assert fields.agrees((41,), other)
    other.remove(3)
    assert fields.agrees((3, 41), other)


@given(fields=st.dictionaries(st.sampled_from([43, 44, 47, 48, 60, 61, 62, 63, 120]), TEXT))
def test_short_and_long_values_are_packed_as_msgspec_packs_them(fields: dict[int, str]) -> None:
    said = {
        de: value[:25].ljust(40) if de == 43 else value[:25] if de == 44 else value
        for de, value in fields.items()
    }
    said = {de: value for de, value in said.items() if de in (43,) or value}
    message = build(dialect("iso87-ascii"), "0200", DE | said)
    fields_kept = kept.keep(message, NUMBERS)
    picked = message.pick(NUMBERS)
    assert dict(fields_kept) == picked
    assert msgspec.msgpack.decode(fields_kept.packed, type=dict[int, str]) == picked


@given(st.dictionaries(st.integers(1, 192), st.text(max_size=400), max_size=40))
def test_any_fields_are_packed_and_found_again(fields: dict[int, str]) -> None:
    whole = kept.Fields(fields)
    assert dict(whole) == fields
    assert len(whole) == len(fields)
    assert list(whole) == sorted(fields)
    assert msgspec.msgpack.decode(whole.packed, type=dict[int, str]) == fields
    said = msgspec.json.decode(whole.as_json(), type=dict[str, str])
    assert said == {str(de): value for de, value in fields.items()}
    for de in range(194):
        assert whole.get(de) == fields.get(de)
        assert (de in whole) is (de in fields)


def test_what_is_not_wanted_stays_out() -> None:
    message = build(dialect("iso87-ascii"), "0200", DE)
    fields = kept.keep(message, frozenset({3, 4, 11, 49}), (4, 49))
    assert fields == {3: "000000", 11: "000042"}
    assert fields | {11: "000043"} == {3: "000000", 11: "000043"}
    assert fields.get(4) is None
    assert fields.get(4, "") == ""
    with pytest.raises(KeyError):
        fields[4]


def test_no_value_is_shown() -> None:
    fields = kept.keep(build(dialect("iso87-ascii"), "0200", DE), NUMBERS)
    assert repr(fields) == "<Fields 2, 3, 4, 11, 41, 42, 49>"


def test_nothing_is_kept_of_nothing() -> None:
    assert kept.Fields.__new__(kept.Fields) == kept.Fields({}) == {}
