"""Messages are alike where all that counts is the same, and then only."""

from __future__ import annotations

import pytest

from codec import Message, build, dialect
from codec.likeness import Likeness, joined_after

WIRE = dialect("iso87-ascii")
DE = {
    2: "4761739001010119",
    3: "000000",
    4: "000000001000",
    11: "000042",
    25: "00",
    41: "T0000001",
    42: "MERCHANT0000001",
    49: "840",
}
ALIKE = (3, 25, 41, 42, 49)


def message(mti: str = "0200", /, **changed: str | None) -> Message:
    fields: dict[int, str | None] = DE | {int(de[2:]): value for de, value in changed.items()}
    return build(WIRE, mti, {de: value for de, value in fields.items() if value is not None})


@pytest.mark.parametrize(
    "other",
    [
        message(),
        message(de4="000000009999"),
        message(de11="999999"),
        message(de2="47617390010101190"),
    ],
)
def test_it_fits_whatever_differs_elsewhere(other: Message) -> None:
    assert Likeness(message(), ALIKE).fits(other)
    assert Likeness(other, ALIKE).fits(message())


@pytest.mark.parametrize(
    "other",
    [
        message("0201"),
        message("0100"),
        message(de3="200000"),
        message(de25="06"),
        message(de41="T0000002"),
        message(de42="MERCHANT0000002"),
        message(de49="978"),
        message(de49=None),
        message(de12="120000"),
        message(de2=None),
    ],
)
def test_it_fits_nothing_that_differs_in_what_counts(other: Message) -> None:
    assert not Likeness(message(), ALIKE).fits(other)
    assert not Likeness(other, ALIKE).fits(message())


def test_a_length_counts_too() -> None:
    one, other = message(de60="0000"), message(de60="00000")
    assert not Likeness(one, (60,)).fits(other)
    assert not Likeness(other, (60,)).fits(one)
    assert Likeness(one, (60,)).fits(one.copy())


def test_another_dialect_is_never_alike() -> None:
    fields = {3: "000000", 11: "000042"}
    one, other = (build(dialect(name), "0200", fields) for name in ("iso87-ascii", "visa-base1"))
    assert not Likeness(one, (3,)).fits(other)
    assert Likeness(other, (3,)).fits(other)


def test_more_fields_than_it_can_hold_are_refused() -> None:
    fields = {de: "0" * length for de, length in ((3, 6), (4, 12), (11, 6), (12, 6), (13, 4))}
    fields |= {de: "0" * length for de, length in ((14, 4), (18, 4), (19, 3), (22, 3), (23, 3))}
    fields |= {25: "00", 28: "C00000000", 32: "1", 35: "1=1", 37: "0" * 12, 39: "00", 41: "T" * 8}
    spread = (3, 11, 13, 18, 22, 25, 32, 37, 41)
    with pytest.raises(ValueError, match="too many"):
        Likeness(build(WIRE, "0200", fields), spread)


@pytest.mark.parametrize("beginning", ["", "M|T|", "M\\p|T|", "é|T|", "M" * 250, "M" * 300])
@pytest.mark.parametrize("terminal", ["T0000001", "T|000001", "T\\00000P"])
@pytest.mark.parametrize("fields", [(), (11,), (41, 0, 11), (42, 41, 12, 0)])
def test_it_joins_as_a_message_does(beginning: str, terminal: str, fields: tuple[int, ...]) -> None:
    one = message(de41=terminal)
    assert joined_after(beginning, one, fields) == beginning + one.joined(fields, escaped=True)
