"""TR-31 key blocks, against published ones."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from codec.errors import KeyBlockError
from codec.keyblock import KeyBlock, unwrap, wrap
from tests.codec.samples import vectors

PROTECTION = bytes.fromhex("88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6")
KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")


@pytest.mark.parametrize("vector", vectors("tr31-unwrap"), ids=lambda v: v["data"][:16])
def test_published_blocks(vector: dict[str, Any]) -> None:
    found = unwrap(bytes.fromhex(vector["key"]), vector["data"])
    assert found.key == bytes.fromhex(vector["expect"])
    header = vector["data"]
    assert (found.version, found.usage, found.algorithm) == (header[0], header[5:7], header[7])
    assert (found.mode, found.key_version) == (header[8], header[9:11])
    assert found.exportability == header[11]


@pytest.mark.parametrize(
    ("version", "protection"),
    [("A", KEY), ("B", KEY), ("C", KEY), ("D", PROTECTION), ("D", PROTECTION[:16])],
)
def test_what_is_wrapped_is_unwrapped(version: str, protection: bytes) -> None:
    block = KeyBlock(KEY, version, "M3", "T", "G", "01", "E")
    travelling = wrap(protection, block)
    assert travelling.startswith(version)
    assert unwrap(protection, travelling) == block
    assert repr(block).startswith("KeyBlock(version=")
    assert KEY.hex() not in repr(block).lower()


def test_an_altered_block_or_another_key_is_told() -> None:
    travelling = wrap(PROTECTION, KeyBlock(KEY))
    changed = {
        travelling[:5] + "D0" + travelling[7:],
        travelling[:-1] + ("0" if travelling[-1] != "0" else "1"),
    }
    for each in changed:
        with pytest.raises(KeyBlockError, match="was altered, or is under another key"):
            unwrap(PROTECTION, each)
    with pytest.raises(KeyBlockError, match="was altered, or is under another key"):
        unwrap(bytes(32), travelling)


@pytest.mark.parametrize("cut", [0, 10, 20, -1])
def test_what_is_no_block_is_told_without_showing_it(cut: int) -> None:
    travelling = wrap(PROTECTION, KeyBlock(KEY))[:cut]
    with pytest.raises(KeyBlockError) as caught:
        unwrap(PROTECTION, travelling)
    assert len(travelling) < 8 or travelling[8:] not in str(caught.value)
    for broken in ("X" + travelling, wrap(PROTECTION, KeyBlock(KEY)).replace("D0", "Dx", 1)):
        with pytest.raises(KeyBlockError):
            unwrap(PROTECTION, broken)


def test_codes_and_lengths_that_make_no_block_are_refused() -> None:
    for block in (KeyBlock(KEY, usage="?"), KeyBlock(KEY, version="X"), KeyBlock(KEY, mode="??")):
        with pytest.raises(KeyBlockError, match="expected TR-31's codes"):
            wrap(PROTECTION, block)
    with pytest.raises(KeyBlockError, match="expected TR-31's codes"):
        wrap(b"short", KeyBlock(KEY))


def test_without_the_library_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psec", None)
    with pytest.raises(KeyBlockError, match=r"isogate\[keyblocks\]"):
        unwrap(PROTECTION, "D0112P0AE00E0000")
