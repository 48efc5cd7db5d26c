"""Errors say field and offset, and survive pickling."""

from __future__ import annotations

import pickle

import pytest

from codec import BuildError, CodecError, FrameError


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
