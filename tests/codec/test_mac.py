"""MACs against published answers and over messages, through libcrypto and through Python."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec import Dialect, MacKey, Message, build, mac
from codec._libcrypto import AVAILABLE
from codec._mac_python import padded
from codec.spec import Field
from tests.codec.samples import ISO87, POS, POS_SALE, SALE, captured_frame, vectors

if TYPE_CHECKING:
    from codec.mac import Algorithm

MAC_KEY = MacKey("cup-ecb", bytes.fromhex("0723C80DB5F4CD3D0723C80DB5F4CD3D"))
PADDED = ("x9.9", "x9.19", "aes-cbc", "sm4-cbc")
WAYS = pytest.mark.parametrize("portable", [False, True], ids=["libcrypto", "python"])

KNOWN_ANSWERS: list[tuple[str, Algorithm, int]] = [
    ("cup-sm4-mac-full", "cup-sm4", 1),
    ("iso9797-1-alg1-des-pad1", "x9.9", 1),
    ("iso9797-1-alg1-tdes-pad1", "x9.9", 1),
    ("iso9797-1-alg1-tdes-pad2", "x9.9", 2),
    ("iso9797-1-alg1-tdes-pad3", "x9.9", 3),
    ("iso9797-1-alg3-pad1", "x9.19", 1),
    ("iso9797-1-alg3-pad2", "x9.19", 2),
    ("iso9797-1-alg3-pad3", "x9.19", 3),
    ("aes-cmac", "aes-cmac", 1),
]


def test_libcrypto_is_used_where_it_is() -> None:
    assert AVAILABLE


@WAYS
@pytest.mark.parametrize("vector", vectors("cup-ecb-mac"), ids=lambda v: v["source"][-40:])
def test_unionpay_ecb(vector: dict[str, Any], portable: bool) -> None:
    expected = vector["expect"]
    key = MacKey("cup-ecb", bytes.fromhex(vector["key"]), keep=len(expected), portable=portable)
    assert key.compute(bytes.fromhex(vector["data"])).rstrip(b"\0").decode() == expected


@WAYS
@pytest.mark.parametrize(("name", "algorithm", "padding"), KNOWN_ANSWERS)
def test_published_answers(name: str, algorithm: Algorithm, padding: int, portable: bool) -> None:
    for vector in vectors(name):
        key = bytes.fromhex(vector["key"])
        code = MacKey(algorithm, key, padding=padding, portable=portable).full(
            bytes.fromhex(vector["data"])
        )
        assert code.hex().upper() == vector["expect"]


@WAYS
@pytest.mark.parametrize(
    "vector",
    vectors("iso9797-1-alg3-retail", "iso9797-1-alg3-retail-doublelen", "iso9797-1-alg1-cbc-tdes"),
    ids=lambda v: f"{v['algo'][10:14]}-{v['padding']}-{v['expect']}",
)
def test_answers_of_a_payment_library(vector: dict[str, Any], portable: bool) -> None:
    halves = vector.get("key1", vector["key"]), vector.get("key2", "")
    key = bytes.fromhex("".join(halves))
    algorithm: Algorithm = "x9.19" if "alg3" in vector["algo"] else "x9.9"
    code = MacKey(algorithm, key, padding=vector["padding"], portable=portable).full(
        bytes.fromhex(vector["data"])
    )
    assert code.hex().upper()[: len(vector["expect"])] == vector["expect"]


@pytest.mark.parametrize("method", [1, 2, 3])
def test_paddings(method: int) -> None:
    for vector in vectors(f"iso9797-1-padding-{method}"):
        done = padded(bytes.fromhex(vector["data"]), vector["block_size"], method)
        assert done.hex().upper() == vector["expect"]


@given(data=st.binary(max_size=100), key=st.binary(min_size=48, max_size=48))
@settings(max_examples=60, deadline=None)
def test_both_ways_agree(data: bytes, key: bytes) -> None:
    kinds: list[tuple[Algorithm, int]] = [
        *(("cup-ecb", size) for size in (8, 16, 24)),
        *(("x9.9", size) for size in (8, 16, 24)),
        *(("x9.19", size) for size in (16, 32)),
        *(("aes-cmac", size) for size in (16, 24, 32)),
        *(("aes-cbc", size) for size in (16, 24, 32)),
        ("cup-sm4", 16),
        ("sm4-cbc", 16),
        ("sm4-cmac", 16),
    ]
    for algorithm, size in kinds:
        for padding in (1, 2, 3) if algorithm in PADDED else (1,):
            fast = MacKey(algorithm, key[:size], padding=padding)
            slow = MacKey(algorithm, key[:size], padding=padding, portable=True)
            assert fast.full(data) == slow.full(data)


@pytest.mark.parametrize("size", [1023, 1024, 1025, 1040, 4096, 60_001])
def test_long_data_agrees(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    for algorithm in ("aes-cmac", "aes-cbc", "sm4-cbc", "sm4-cmac"):
        fast, slow = (MacKey(algorithm, b"k" * 16, portable=p) for p in (False, True))
        assert fast.full(data[:size]) == slow.full(data[:size])


def test_a_key_keeps_nothing_of_the_message_before() -> None:
    data = bytes(range(256)) * 5
    for algorithm in ("aes-cmac", "aes-cbc", "cup-sm4", "sm4-cbc", "sm4-cmac"):
        fast, slow = (MacKey(algorithm, b"k" * 16, portable=p) for p in (False, True))
        for size in (40, 0, 16, 1_040, 1, 40, 32, 1_024, 40):
            assert fast.full(data[:size]) == slow.full(data[:size]), (algorithm, size)


def test_what_stands_in_the_field_is_a_setting() -> None:
    key = bytes(range(16))
    whole = MacKey("x9.19", key).full(b"data")
    hexed = whole.hex().upper().encode()
    assert MacKey("x9.19", key).compute(b"data") == whole
    assert MacKey("x9.19", key, keep=4).compute(b"data") == whole[:4] + bytes(4)
    assert MacKey("x9.19", key, form="hex").compute(b"data") == hexed[:8]
    assert MacKey("x9.19", key, form="hex", keep=4).compute(b"data") == hexed[:4] + bytes(4)
    raw = MacKey("cup-ecb", key).full(b"data")
    assert MacKey("cup-ecb", key, form="raw").compute(b"data") == raw
    assert MacKey("cup-ecb", key).compute(b"data") == raw.hex().upper().encode()[:8]


@WAYS
def test_the_captured_frame_verifies(portable: bool) -> None:
    key = MacKey("cup-ecb", bytes.fromhex("0723C80DB5F4CD3D" * 2), portable=portable)
    message = Message(captured_frame()[2:], POS)
    assert mac.verify(message, key)
    message.patch(4, "000000001235")
    assert not mac.verify(message, key)
    mac.sign(message, key)
    assert mac.verify(message, key)


def test_the_header_is_not_covered() -> None:
    message = Message(captured_frame()[2:], POS)
    message.set_header(bytes(11))
    assert mac.verify(message, MAC_KEY)


def test_a_message_without_a_mac_does_not_verify() -> None:
    message = build(ISO87, "0200", SALE)
    key = MacKey("cup-ecb", bytes(range(8)))
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


def test_hex_text_counts_in_either_case_and_nothing_else_does() -> None:
    message = build(ISO87, "0200", SALE)
    key = MacKey("x9.19", bytes(range(16)))
    mac.sign(message, key)
    code = message[64]
    message.patch(64, code.lower())
    assert mac.verify(message, key)
    for at in range(16):
        for other in "G/:@` ":
            message.patch(64, code[:at] + other + code[at + 1 :])
            assert not mac.verify(message, key)


def test_a_field_of_another_size_does_not_verify() -> None:
    rules = Dialect("odd", {3: Field("code", "text", 6), 64: Field("MAC", "binary", 4)})
    message = build(rules, "0200", {3: "000000", 64: "00000000"})
    assert not mac.verify(message, MAC_KEY)


@pytest.mark.parametrize(
    "algorithm",
    ["cup-ecb", "x9.9", "x9.19", "aes-cmac", "aes-cbc", "cup-sm4", "sm4-cbc", "sm4-cmac"],
)
def test_every_bit_counts(algorithm: Algorithm) -> None:
    key = MacKey(algorithm, bytes(range(16)))
    message = build(POS, "0200", POS_SALE)
    mac.sign(message, key)
    covered = message.raw[11 : message.span(64)[0]]
    for at in range(len(covered)):
        changed = bytearray(covered)
        changed[at] ^= 1
        assert key.compute(bytes(changed)) != key.compute(covered)


def test_keys_do_not_show() -> None:
    key = MacKey("x9.9", b"SECRETS!")
    assert repr(key) == str(key) == "<MacKey x9.9>"
    with pytest.raises(TypeError):
        pickle.dumps(key)


@pytest.mark.parametrize(
    ("settings_given", "words"),
    [
        ({"algorithm": "x9.9", "key": b"SECRET!"}, "a key for x9.9 has 8 or 16 or 24 bytes"),
        ({"algorithm": "nonsense", "key": b"SECRETS!"}, "known are cup-ecb, x9.9"),
        ({"padding": 4}, "x9.19 has no padding method 4"),
        ({"algorithm": "aes-cmac", "padding": 2}, "aes-cmac has no padding method 2"),
        ({"form": "base64"}, "form must be raw or hex"),
        ({"keep": 0}, "keep must be within 1 and 8"),
        ({"keep": 9}, "keep must be within 1 and 8"),
    ],
)
def test_bad_settings_are_refused_without_showing_the_key(
    settings_given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        MacKey(**({"algorithm": "x9.19", "key": b"SECRETS!SECRETS!"} | settings_given))
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("content", ["digits", "track"])
def test_half_bytes_are_no_mac_however_many_they_are(content: str) -> None:
    fields = {3: Field("Code", "text", 6), 64: Field("MAC", content, 16)}
    form = Dialect("half bytes", fields, bitmap="binary")
    message = build(form, "0200", {3: "000000", 64: "3" * 16})
    assert not mac.verify(message, MacKey("aes-cmac", bytes(16)))
