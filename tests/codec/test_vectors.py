"""Every known answer of `tests/vectors`, a line each; a line that no check understands fails.

What the codec does itself is asked of it.  Card and PIN verification values, which only an issuer
computes, are worked out here with its triple DES.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from codec import Framer, MacKey, Message, mac, pinblock
from codec._mac_python import padded
from codec.keyblock import unwrap as unwrap_block
from codec.keys import check_value, unwrap, working_key_block, working_keys, wrap
from codec.mac import Algorithm
from tests.codec.samples import POS, vectors
from tests.codec.test_pinblock import attempt

LINES = 135
Vector = dict[str, Any]


def data_of(vector: Vector) -> bytes:
    return bytes.fromhex(vector["data"])


def key_of(vector: Vector) -> bytes:
    return bytes.fromhex(vector.get("key1", vector["key"]) + vector.get("key2", ""))


def code(algorithm: Algorithm, padding: int | None = 1) -> Callable[[Vector], str]:
    """A MAC as hex, as much of it as is expected."""

    def check(vector: Vector) -> str:
        key = MacKey(algorithm, key_of(vector), padding=padding or vector["padding"])
        return key.full(data_of(vector)).hex().upper()[: len(vector["expect"])]

    return check


def field(vector: Vector) -> str:
    """A MAC field of the POS dialect, as much of it as is expected."""
    return (
        MacKey("cup-ecb", key_of(vector)).compute(data_of(vector))[: len(vector["expect"])].decode()
    )


def folded(block: int) -> Callable[[Vector], str]:
    """The blocks XORed, the first step of a UnionPay MAC."""

    def check(vector: Vector) -> str:
        whole = padded(data_of(vector), block, 1)
        total = 0
        for at in range(0, len(whole), block):
            total ^= int.from_bytes(whole[at : at + block], "big")
        return total.to_bytes(block, "big").hex().upper()

    return check


def one_block_of_sm4(vector: Vector) -> str:
    """CBC of one block is the cipher itself."""
    return MacKey("sm4-cbc", key_of(vector)).full(data_of(vector)).hex().upper()


def first_step_of_sm4(vector: Vector) -> str:
    """The first sixteen hex characters of the fold, enciphered."""
    text = folded(16)(vector).encode()
    return MacKey("sm4-cbc", key_of(vector)).full(text[:16]).hex().upper()


def second_step_of_sm4(vector: Vector) -> str:
    """That, XORed with the other sixteen."""
    pairs = zip(bytes.fromhex(first_step_of_sm4(vector)), folded(16)(vector)[16:], strict=True)
    return bytes(a ^ ord(b) for a, b in pairs).hex().upper()


def verified_frame(vector: Vector) -> dict[str, object]:
    """A whole frame, whose MAC must be right, as its fields."""
    (body,) = Framer().feed(data_of(vector))
    message = Message(body, POS)
    assert mac.verify(message, MacKey("cup-ecb", key_of(vector)))
    header = message.header.hex()
    told: dict[str, object] = {"len": len(body), "tpdu": header[:10], "header": header[10:]}
    told |= {"mti": message.mti, "fields": list(message.fields())}
    return told | {name: message[int(name[2:])] for name in vector["expect"] if name[:2] == "de"}


def sign_in_answer(vector: Vector) -> dict[str, str]:
    """Working keys with right check values, wrapped again as they came."""
    master, data = key_of(vector), data_of(vector)
    keys = working_keys(master, data)
    assert working_key_block(master, keys) == data
    return {
        "pik_enc": wrap(master, keys.pik).hex().upper(),
        "pik_kcv": check_value(keys.pik).hex().upper(),
        "mak_enc": wrap(master, keys.mak).hex().upper(),
        "mak_pad": "00" * (len(keys.pik) - len(keys.mak)),
        "mak_kcv": check_value(keys.mak).hex().upper(),
    }


def checked(length: int | None = None) -> Callable[[Vector], str]:
    def check(vector: Vector) -> str:
        size = length or len(vector["expect"]) // 2
        return check_value(key_of(vector), length=size).hex().upper()

    return check


def padding(method: int) -> Callable[[Vector], str]:
    return lambda vector: padded(data_of(vector), vector["block_size"], method).hex().upper()


def variant(vector: Vector) -> str:
    key = bytearray(key_of(vector))
    for at in range(0, len(key), 8):
        key[at] ^= 8 * vector["data"]["variant"]
    return key.hex().upper()


def clear_pin_block(vector: Vector) -> str:
    parts = vector["data"]
    if isinstance(parts, str):
        parts = dict(part.split("=") for part in parts.split(","))
    form = 0 if "iso0" in vector["algo"] else 2
    return pinblock.encode(form, parts["pin"], parts.get("pan", "")).hex().upper()


def pin_block_under_a_key(vector: Vector) -> str:
    parts = vector["data"]
    return wrap(key_of(vector), pinblock.encode(0, parts["pin"], parts["pan"])).hex().upper()


def pin_of_iso_3(vector: Vector) -> str:
    parts = vector["data"]
    return pinblock.decode(3, bytes.fromhex(parts["pinblock"]), parts["pan"])


def iso_4(vector: Vector) -> str:
    parts, key = vector["data"], key_of(vector)
    if "pinblock" in parts:
        return pinblock.decipher_iso_4(key, bytes.fromhex(parts["pinblock"]), parts["pan"])
    random = bytes.fromhex(parts["random"])
    return pinblock.encipher_iso_4(key, parts["pin"], parts["pan"], random).hex().upper()


def digits_first(block: bytes, shift: int = 10) -> str:
    """The decimal digits of a block's hex, then its letters made into digits."""
    text = block.hex().upper()
    letters = "".join(str(int(c, 16) - shift) for c in text if c in "ABCDEF")
    return "".join(c for c in text if c.isdecimal()) + letters


def card_value(vector: Vector) -> str:
    parts, key = vector["data"], key_of(vector)
    text = (parts["pan"] + parts["expiry"] + parts["service_code"]).ljust(32, "0")
    first, second = bytes.fromhex(text[:16]), bytes.fromhex(text[16:])
    step = bytes(a ^ b for a, b in zip(wrap(key[:8], first), second, strict=True))
    last = bytes(unwrap(key[8:], wrap(key[:8], step)))
    return digits_first(wrap(key[:8], last))[:3]


def pin_value(vector: Vector) -> str:
    parts = vector["data"]
    text = parts["pan"][-12:-1] + parts["pvki"] + parts["pin"]
    return digits_first(wrap(key_of(vector), bytes.fromhex(text)))[:4]


def derived_pin(vector: Vector) -> str:
    parts = vector["data"]
    begin = parts["verify_offset"]
    text = parts["pan"][begin : begin + parts["verify_len"]].ljust(16, parts["pad"])
    made = wrap(key_of(vector), bytes.fromhex(text)).hex()
    natural = (parts["table"][int(c, 16)] for c in made)
    return "".join(
        str((int(a) + int(b)) % 10) for a, b in zip(natural, parts["offset"], strict=False)
    )


CHECKS: dict[str, Callable[[Vector], object]] = {
    "aes-cmac": code("aes-cmac"),
    "cup-de62-40": sign_in_answer,
    "cup-ecb-mac": field,
    "cup-ecb-mac-xor8": folded(8),
    "cup-frame": verified_frame,
    "cup-sm4-mac-full": code("cup-sm4"),
    "cup-sm4-mac-step1": first_step_of_sm4,
    "cup-sm4-mac-step2": second_step_of_sm4,
    "cup-sm4-mac-xor16": folded(16),
    "cvv": card_value,
    "des-kcv": checked(),
    "des-key-variant": variant,
    "ibm3624-pin": derived_pin,
    "iso9797-1-alg1-cbc-tdes": code("x9.9", None),
    "iso9797-1-alg1-des-pad1": code("x9.9"),
    "iso9797-1-alg1-tdes-pad1": code("x9.9", 1),
    "iso9797-1-alg1-tdes-pad2": code("x9.9", 2),
    "iso9797-1-alg1-tdes-pad3": code("x9.9", 3),
    "iso9797-1-alg3-pad1": code("x9.19", 1),
    "iso9797-1-alg3-pad2": code("x9.19", 2),
    "iso9797-1-alg3-pad3": code("x9.19", 3),
    "iso9797-1-alg3-retail": code("x9.19", None),
    "iso9797-1-alg3-retail-doublelen": code("x9.19", None),
    "iso9797-1-padding-1": padding(1),
    "iso9797-1-padding-2": padding(2),
    "iso9797-1-padding-3": padding(3),
    "kcv-cup4": checked(4),
    "kcv-des-zero8": checked(),
    "pinblock-iso0": clear_pin_block,
    "pinblock-iso0-clear": clear_pin_block,
    "pinblock-iso0-tdes-ecb": pin_block_under_a_key,
    "pinblock-iso2-clear": clear_pin_block,
    "pinblock-iso3-decode": pin_of_iso_3,
    "pinblock-iso4-aes-decipher": iso_4,
    "pinblock-iso4-aes-encipher": iso_4,
    "pinfield-iso4-decode": lambda v: pinblock.pin_in_field_iso_4(
        bytes.fromhex(v["data"]["pinfield"])
    ),
    "sm4-ecb-encrypt": one_block_of_sm4,
    "tdes-ecb-decrypt": lambda v: bytes(unwrap(key_of(v), data_of(v))).hex().upper(),
    "tdes-ecb-encrypt": lambda v: wrap(key_of(v), data_of(v)).hex().upper(),
    "tr31-unwrap": lambda v: bytes(unwrap_block(key_of(v), v["data"]).key).hex().upper(),
    "visa-pvv": pin_value,
}
ERROR = "pinblock-error:"


def test_no_line_is_missing() -> None:
    assert len(vectors()) == LINES


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["algo"])
def test_a_known_answer(vector: Vector) -> None:
    if vector["algo"].startswith(ERROR):
        with pytest.raises(pinblock.PinBlockError):
            attempt(vector)
    else:
        assert CHECKS[vector["algo"]](vector) == vector["expect"]
