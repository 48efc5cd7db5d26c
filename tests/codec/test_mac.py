"""MACs against published answers, and over messages."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from codec import MacKey, Message, build, mac
from tests.codec.samples import ISO87, POS, POS_SALE, SALE, captured_frame, vectors

MAC_KEY = MacKey("cup-ecb", bytes.fromhex("0723C80DB5F4CD3D0723C80DB5F4CD3D"))


@pytest.mark.parametrize("vector", vectors("cup-ecb-mac"), ids=lambda v: v["source"][-40:])
def test_unionpay_ecb(vector: dict[str, Any]) -> None:
    code = MacKey("cup-ecb", bytes.fromhex(vector["key"])).compute(bytes.fromhex(vector["data"]))
    assert code.decode().startswith(vector["expect"])


@pytest.mark.parametrize(
    ("algorithm", "names"),
    [
        ("x9.9", ["iso9797-1-alg1-des-pad1"]),
        ("x9.19", ["iso9797-1-alg3-pad1"]),
        ("aes-cmac", ["aes-cmac"]),
    ],
)
def test_published_answers(algorithm: mac.Algorithm, names: list[str]) -> None:
    for vector in vectors(*names):
        code = MacKey(algorithm, bytes.fromhex(vector["key"])).compute(
            bytes.fromhex(vector["data"])
        )
        assert code.hex().upper() == vector["expect"][:16]


def test_the_captured_frame_verifies() -> None:
    message = Message(captured_frame()[2:], POS)
    assert mac.verify(message, MAC_KEY)
    message.patch(4, "000000001235")
    assert not mac.verify(message, MAC_KEY)
    mac.sign(message, MAC_KEY)
    assert mac.verify(message, MAC_KEY)


def test_the_header_is_not_covered() -> None:
    message = Message(captured_frame()[2:], POS)
    message.set_header(bytes(11))
    assert mac.verify(message, MAC_KEY)


@pytest.mark.parametrize("size", [8, 16])
def test_a_message_without_a_mac_does_not_verify(size: int) -> None:
    message = build(ISO87, "0200", SALE)
    key = MacKey("cup-ecb", bytes(range(size)))
    assert not mac.verify(message, key)
    mac.sign(message, key)
    assert message.has(64)
    assert mac.verify(message, key)
    assert not mac.verify(message, MAC_KEY)


def test_the_mac_moves_to_field_128_with_the_secondary_bitmap() -> None:
    message = build(ISO87, "0420", SALE | {90: "0" * 42})
    mac.sign(message, MAC_KEY)
    assert message.fields()[-1] == 128
    assert not message.has(64)
    assert mac.verify(message, MAC_KEY)


def test_the_case_of_hex_text_does_not_matter() -> None:
    message = build(ISO87, "0200", SALE)
    key = MacKey("x9.19", bytes(range(16)))
    mac.sign(message, key)
    message.patch(64, message[64].lower())
    assert mac.verify(message, key)


@pytest.mark.parametrize("algorithm", ["cup-ecb", "x9.19", "aes-cmac"])
def test_every_bit_counts(algorithm: mac.Algorithm) -> None:
    key = MacKey(algorithm, bytes(range(16)))
    message = build(POS, "0200", POS_SALE)
    mac.sign(message, key)
    start, _ = message.span(64)
    for at in range(message.dialect.header_bytes, start):
        data = bytearray(message.raw[11:start])
        data[at - 11] ^= 1
        assert key.compute(bytes(data)) != key.compute(message.raw[11:start])


def test_keys_do_not_show() -> None:
    key = MacKey("x9.9", b"SECRETS!")
    assert repr(key) == str(key) == "<MacKey x9.9>"
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_bad_keys_are_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match=r"a key for x9.9 has 8 bytes, found 16"):
        MacKey("x9.9", bytes(16))
    with pytest.raises(ValueError, match="known are cup-ecb"):
        MacKey("nonsense", bytes(16))  # type: ignore[arg-type]
