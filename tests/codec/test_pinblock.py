"""PIN blocks against the published answers of a payment cryptography library, errors included."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.errors import PinBlockError
from codec.keys import wrap
from codec.pinblock import ClearFormat, decipher_iso_4, decode, encipher_iso_4, encode
from codec.pinblock import pin_in_field_iso_4 as pin_in_field
from tests.codec.samples import vectors

PINS = st.text("0123456789", min_size=4, max_size=12)
PANS = st.text("0123456789", min_size=13, max_size=19)
ERRORS = [vector for vector in vectors() if vector["algo"].startswith("pinblock-error:")]


@pytest.mark.parametrize("vector", vectors("pinblock-iso0-clear", "pinblock-iso2-clear"))
def test_clear_blocks(vector: dict[str, Any]) -> None:
    form: ClearFormat = 0 if "iso0" in vector["algo"] else 2
    pin, pan = vector["data"]["pin"], vector["data"].get("pan", "")
    block = encode(form, pin, pan)
    assert block.hex().upper() == vector["expect"]
    assert decode(form, block, pan) == pin


@pytest.mark.parametrize("vector", vectors("pinblock-iso0"))
def test_clear_blocks_of_format_0(vector: dict[str, Any]) -> None:
    data = dict(part.split("=") for part in vector["data"].split(","))
    assert encode(0, data["pin"], data["pan"]).hex().upper() == vector["expect"]


@pytest.mark.parametrize("vector", vectors("pinblock-iso0-tdes-ecb"))
def test_blocks_under_a_key(vector: dict[str, Any]) -> None:
    block = encode(0, vector["data"]["pin"], vector["data"]["pan"])
    assert wrap(bytes.fromhex(vector["key"]), block).hex().upper() == vector["expect"]


@pytest.mark.parametrize("vector", vectors("pinblock-iso3-decode"))
def test_format_3(vector: dict[str, Any]) -> None:
    block = bytes.fromhex(vector["data"]["pinblock"])
    assert decode(3, block, vector["data"]["pan"]) == vector["expect"]


def test_format_4() -> None:
    (there,) = vectors("pinblock-iso4-aes-encipher")
    data, key = there["data"], bytes.fromhex(there["key"])
    block = encipher_iso_4(key, data["pin"], data["pan"], bytes.fromhex(data["random"]))
    assert block.hex().upper() == there["expect"]
    (back,) = vectors("pinblock-iso4-aes-decipher")
    data, key = back["data"], bytes.fromhex(back["key"])
    assert decipher_iso_4(key, bytes.fromhex(data["pinblock"]), data["pan"]) == back["expect"]
    (field,) = vectors("pinfield-iso4-decode")
    assert pin_in_field(bytes.fromhex(field["data"]["pinfield"])) == field["expect"]


def attempt(vector: dict[str, Any]) -> None:
    """Do what the vector says must fail."""
    name, data = vector["algo"].partition(":")[2], vector["data"]
    pin, pan = data.get("pin", "1234"), data.get("pan", "5555555551234567")
    block = bytes.fromhex(data.get("pin_block", ""))
    key = bytes.fromhex(vector["key"]) or bytes(16)
    form = int(name[-1])
    if name == "decode_pinblock_iso_4":
        pin_in_field(block)
    elif name.startswith("decipher"):
        decipher_iso_4(key, block, pan)
    elif name.startswith("decode"):
        decode(form, block, pan)  # type: ignore[arg-type]
    elif form == 4:
        encipher_iso_4(key, pin, pan, bytes(8))
    else:
        encode(form, pin, pan, "A" * 16)  # type: ignore[arg-type]


@pytest.mark.parametrize("vector", ERRORS, ids=lambda v: v["expect"]["error"][:30])
def test_bad_input_is_refused_without_being_shown(vector: dict[str, Any]) -> None:
    with pytest.raises(PinBlockError) as caught:
        attempt(vector)
    for secret in ("pin", "pan", "pin_block"):
        assert vector["data"].get(secret, "none") not in str(caught.value)


@given(pin=PINS, pan=PANS, random=st.binary(min_size=8, max_size=8))
@settings(max_examples=50, deadline=None)
def test_every_format_round_trips(pin: str, pan: str, random: bytes) -> None:
    assert decode(0, encode(0, pin, pan), pan) == pin
    assert decode(1, encode(1, pin, fill=random.hex())) == pin
    assert decode(2, encode(2, pin)) == pin
    assert decode(3, encode(3, pin, pan, fill="ABCDEFABCDEF"), pan) == pin
    block = encipher_iso_4(bytes(range(16)), pin, pan, random)
    assert decipher_iso_4(bytes(range(16)), block, pan) == pin


def test_missing_filler_is_refused() -> None:
    for form, fill in ((1, "AB"), (3, "0123456789"), (3, "")):
        with pytest.raises(PinBlockError, match="characters of filler"):
            encode(form, "1234", "5555555551234567", fill)  # type: ignore[arg-type]
    with pytest.raises(PinBlockError, match="8 random bytes"):
        encipher_iso_4(bytes(16), "1234", "5555555551234567", b"")
