"""The examples in the codec's docstrings are true."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = (
    "_decode",
    "_encode",
    "_framing",
    "_mac",
    "_wire",
    "dialects",
    "document",
    "elements",
    "explain",
    "keys",
    "loader",
    "mask",
    "sniff",
    "pinblock",
    "spec",
    "tlv",
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run(name: str) -> None:
    done = doctest.testmod(importlib.import_module(f"codec.{name}"))
    assert done.failed == 0


def test_there_are_examples() -> None:
    attempted = [doctest.testmod(importlib.import_module(f"codec.{m}")).attempted for m in MODULES]
    assert sum(attempted) >= len(MODULES)
