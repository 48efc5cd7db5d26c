"""Errors say field and offset, and survive pickling."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from codec import (
    BuildError,
    CodecError,
    FrameError,
    Framer,
    MacKey,
    Message,
    build,
    dialect,
)
from tests.codec.samples import ISO87, POS, SALE

README = Path(__file__).parents[2] / "README.md"
FRAME = build(ISO87, "0200", SALE | {35: "4111111111111111=30122011000000000000"}).raw
POS_FRAME = build(POS, "0200", {3: "000000"}).raw
PRIVATE = build(dialect("mastercard-cis"), "0100", {11: "000123", 48: "T42070109212"})

SHOWN: dict[str, Callable[[], object]] = {
    "cut in the middle of the track": lambda: Message(FRAME[:100], ISO87),
    "a length above the maximum": lambda: Message(FRAME[:20] + b"20" + FRAME[22:], ISO87),
    "one byte too many": lambda: Message(FRAME + b"x", ISO87),
    "a bitmap that is not hex": lambda: Message(FRAME[:18] + b"x" + FRAME[19:], ISO87),
    "a letter in a BCD field": lambda: Message(POS_FRAME[:22] + b"\xa0" + POS_FRAME[23:], POS),
    "a length header beyond the bound": lambda: Framer().feed(b"\xff\xff"),
    "a value too short, given by us": lambda: build(ISO87, "0200", {11: "12345"}),
    "an element of DE 48 whose length lies": lambda: PRIVATE["48.42.01"],
    "a key of the wrong length": lambda: MacKey("x9.19", bytes(8)),
}


def test_readme_shows_errors_as_they_are() -> None:
    table = README.read_text("utf-8").partition("| what is wrong | text |")[2].partition("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    assert [what for what, _ in rows] == list(SHOWN)
    for what, text in rows:
        with pytest.raises(CodecError) as caught:
            SHOWN[what]()
        assert str(caught.value) == text


@pytest.mark.parametrize(
    "error",
    [
        FrameError("expected 4 bytes, found 1", 2, 20, "Primary Account Number"),
        FrameError("expected 4 bytes, found 1", "MTI", 0),
        FrameError("gone"),
        BuildError("expected 6 digits, found 5", 11, "STAN"),
        BuildError("expected 4 decimal digits", "MTI"),
    ],
)
def test_errors_pickle(error: CodecError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_texts_name_field_and_offset() -> None:
    assert str(FrameError("expected x", 2, 20, "PAN")) == "field 2 (PAN), offset 20: expected x"
    assert str(FrameError("expected x", "MTI", 0)) == "MTI, offset 0: expected x"
    assert str(FrameError("expected x")) == "frame: expected x"
    assert str(BuildError("expected x", 11, "STAN")) == "field 11 (STAN): expected x"
    assert str(BuildError("expected x", 200)) == "field 200: expected x"


def test_all_are_value_errors() -> None:
    assert issubclass(FrameError, CodecError)
    assert issubclass(BuildError, CodecError)
    assert issubclass(CodecError, ValueError)
