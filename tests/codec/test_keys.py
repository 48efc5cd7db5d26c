"""Check values and working keys, against published answers."""

from __future__ import annotations

from typing import Any

import pytest

from codec.errors import KeyBlockError
from codec.keys import (
    WorkingKeys,
    check_value,
    unwrap,
    working_key_block,
    working_keys,
    wrap,
)
from tests.codec.samples import vectors

MASTER = bytes.fromhex("CA5D92598DCA48CE8A4C76361A9269E9")
A, B, C = (bytes(range(start, start + 24)) for start in (1, 60, 120))


@pytest.mark.parametrize("vector", vectors("kcv-cup4", "kcv-des-zero8", "des-kcv"))
def test_check_values(vector: dict[str, Any]) -> None:
    length = vector.get("length", len(vector["expect"]) // 2)
    found = check_value(bytes.fromhex(vector["key"]), length=length)
    assert found.hex().upper() == vector["expect"]


def test_check_values_of_other_ciphers() -> None:
    aes = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C")
    # RFC 4493 prints AES-128(key, zeros) as a step of its subkeys.
    assert check_value(aes, "aes-ecb").hex().upper() == "7DF76B0C"
    assert len(check_value(aes, "aes-cmac", 3)) == 3
    assert check_value(aes, "aes-cmac") != check_value(aes, "aes-ecb")
    assert len(check_value(aes, "sm4", 16)) == 16


@pytest.mark.parametrize("vector", vectors("tdes-ecb-decrypt"))
def test_unwrapping(vector: dict[str, Any]) -> None:
    master = bytes.fromhex(vector["key"])
    clear = unwrap(master, bytes.fromhex(vector["data"]))
    assert clear == bytes.fromhex(vector["expect"])
    assert wrap(master, clear).hex().upper() == vector["data"]


@pytest.mark.parametrize("vector", vectors("tdes-ecb-encrypt"))
def test_wrapping(vector: dict[str, Any]) -> None:
    key, data = bytes.fromhex(vector["key"]), bytes.fromhex(vector["data"])
    assert wrap(key, data).hex().upper() == vector["expect"]


def test_the_published_sign_in_answer() -> None:
    (vector,) = vectors("cup-de62-40")
    keys = working_keys(bytes.fromhex(vector["key"]), bytes.fromhex(vector["data"]))
    assert keys.pik == bytes.fromhex("807A23AD32B36D457AE91FDF927570EA")
    assert keys.mak == bytes.fromhex("5BB5C72CD00B7338")
    assert keys.tdk == b""
    assert working_key_block(MASTER, keys).hex().upper() == vector["data"]


@pytest.mark.parametrize(
    ("keys", "length"),
    [
        (WorkingKeys(A[:8], B[:8]), 24),
        (WorkingKeys(A[:16], B[:8]), 40),
        (WorkingKeys(A[:16], B[:16]), 40),
        (WorkingKeys(A[:16], B[:8], C[:16]), 60),
        (WorkingKeys(A, B), 56),
        (WorkingKeys(A, B, C), 84),
    ],
)
def test_every_layout_round_trips(keys: WorkingKeys, length: int) -> None:
    block = working_key_block(MASTER, keys)
    assert len(block) == length
    assert working_keys(MASTER, block) == keys
    for at in (0, length - 1):
        damaged = bytearray(block)
        damaged[at] ^= 1
        with pytest.raises(KeyBlockError, match=r"check value of the (PIK|MAK|TDK)"):
            working_keys(MASTER, bytes(damaged))


def test_other_lengths_are_format_errors() -> None:
    for length in (0, 23, 41, 100):
        with pytest.raises(KeyBlockError, match="expected 24, 40, 56, 60, 84 bytes"):
            working_keys(MASTER, bytes(length))
    with pytest.raises(KeyBlockError, match="no host sends"):
        working_key_block(MASTER, WorkingKeys(A[:8], B[:16]))
    with pytest.raises(KeyBlockError, match="8, 16 or 24 bytes, found 5"):
        wrap(b"short", A)


def test_keys_do_not_show() -> None:
    assert repr(WorkingKeys(A, B, C)) == "WorkingKeys()"
