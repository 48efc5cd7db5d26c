"""Many MACs at once give the verdicts of one by one, whatever is mixed in a batch."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec import Dialect, MacKey, Message, build, mac
from codec.mac import Algorithm
from codec.spec import Field
from tests.codec.samples import ISO87, POS, POS_SALE, SALE, captured_frame

RULES = Dialect(
    "sized",
    {48: Field("data", "text", 999, "ascii", 3), 64: Field("MAC", "binary", 8)},
    bitmap="binary",
)
KINDS: list[tuple[Algorithm, int, int]] = [
    *(("cup-ecb", size, 1) for size in (8, 16, 24)),
    *(("x9.19", 16, padding) for padding in (1, 2, 3)),
    ("x9.19", 32, 2),
    *(("x9.9", size, 1) for size in (8, 16)),
    ("aes-cmac", 16, 1),
]


def signed(kind: tuple[Algorithm, int, int], size: int, random: Random) -> tuple[Message, MacKey]:
    algorithm, key_bytes, padding = kind
    key = MacKey(
        algorithm, random.randbytes(key_bytes), padding=padding, keep=random.choice((4, 8))
    )
    message = build(RULES, "0200", {48: "x" * size, 64: "00" * 8})
    mac.sign(message, key)
    return message, key


def spoiled(message: Message, key: MacKey, random: Random) -> tuple[Message, MacKey]:
    """One of the ways in which a MAC is wrong or missing."""
    match random.randrange(4):
        case 0:
            message.patch(48, "y" + message[48][1:] if message[48] else "y")
        case 1:
            message.patch(64, f"{int(message[64], 16) ^ 1 << random.randrange(32, 64):016X}")
        case 2:
            message.remove(64)
        case _:
            key = MacKey("cup-ecb", random.randbytes(16))
    return message, key


@given(
    seed=st.integers(0, 2**32),
    count=st.sampled_from([0, 1, 15, 16, 17, 63, 64, 65, 128, 130]),
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_the_verdicts_are_those_of_one_by_one(
    seed: int, count: int, kinds: list[tuple[Algorithm, int, int]]
) -> None:
    random = Random(seed)  # noqa: S311 - a repeatable one is wanted
    pairs = [signed(random.choice(kinds), random.randrange(80), random) for _ in range(count)]
    pairs = [spoiled(*pair, random) if random.random() < 0.3 else pair for pair in pairs]
    messages, keys = [message for message, _ in pairs], [key for _, key in pairs]
    verdicts = mac.verify_many(messages, keys)
    assert verdicts == [mac.verify(message, key) for message, key in pairs]
    assert count < 60 or (True in verdicts and False in verdicts)


@pytest.mark.parametrize("kind", KINDS[:6], ids=str)
def test_every_length_around_a_block(kind: tuple[Algorithm, int, int]) -> None:
    random = Random(8)  # noqa: S311 - a repeatable one is wanted
    pairs = [signed(kind, size, random) for size in range(64)]
    messages, keys = [message for message, _ in pairs], [key for _, key in pairs]
    assert mac.verify_many(messages, keys) == [True] * 64
    keys[5] = keys[6]
    assert mac.verify_many(messages, keys) == [n != 5 for n in range(64)]


def test_every_bit_of_every_lane_counts() -> None:
    key = MacKey("x9.19", bytes(range(16)))
    message = build(POS, "0200", POS_SALE)
    mac.sign(message, key)
    start, size = message.span(41)
    changed = []
    for at in range(8 * size):
        frame = bytearray(message.raw)
        frame[start + at // 8] ^= 1 << at % 8
        if frame[start + at // 8] < 128:
            changed.append(Message(frame, POS))
    assert len(changed) == 7 * size
    assert mac.verify_many(changed, key) == [False] * len(changed)
    assert mac.verify_many([message, *changed], key)[0]


def test_frames_with_text_and_other_dialects() -> None:
    key = MacKey("cup-ecb", bytes.fromhex("0723C80DB5F4CD3D" * 2))
    captured = Message(captured_frame()[2:], POS)
    text = build(ISO87, "0200", SALE)
    mac.sign(text, key)
    assert mac.verify_many([captured, text] * 40, key) == [True] * 80
    text.patch(64, text[64].lower())
    assert mac.verify_many([captured, text] * 40, [key] * 80) == [True] * 80


def test_keys_are_one_or_as_many() -> None:
    key = MacKey("cup-ecb", bytes(16))
    messages = [build(ISO87, "0200", SALE)] * 3
    assert mac.verify_many(messages, key) == [False] * 3
    with pytest.raises(ValueError, match="expected 3 keys, found 2"):
        mac.verify_many(messages, [key] * 2)
    with pytest.raises(TypeError):
        mac.verify_many([None], key)  # type: ignore[list-item]
    with pytest.raises(TypeError):
        mac.verify_many(messages, ["key"] * 3)  # type: ignore[list-item]
    wiped = MacKey("cup-ecb", bytes(16))
    wiped.wipe()
    mac.sign(messages[0], key)
    with pytest.raises(ValueError, match="wiped"):
        mac.verify_many(messages * 10, wiped)


@given(
    seed=st.integers(0, 2**32),
    count=st.sampled_from([1, 15, 16, 63, 64, 65, 130]),
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=4),
)
@settings(max_examples=40, deadline=None)
def test_what_is_computed_ahead_is_what_signing_would_compute(
    seed: int, count: int, kinds: list[tuple[Algorithm, int, int]]
) -> None:
    random = Random(seed)  # noqa: S311 - a repeatable one is wanted
    pairs = [signed(random.choice(kinds), random.randrange(80), random) for _ in range(count)]
    wanted = [message.raw for message, _ in pairs]
    for message, _ in pairs:
        message.remove(64)
    mac.ahead([message for message, _ in pairs], [key for _, key in pairs], True)
    for message, key in pairs:
        mac.sign(message, key)
    assert [message.raw for message, _ in pairs] == wanted


def test_a_code_computed_ahead_is_of_these_bytes_and_this_key_alone() -> None:
    random = Random(5)  # noqa: S311 - a repeatable one is wanted
    kind: tuple[Algorithm, int, int] = ("x9.19", 16, 1)
    pairs = [signed(kind, size, random) for size in range(20, 60)]
    messages, keys = [message for message, _ in pairs], [key for _, key in pairs]
    mac.ahead(messages, keys, False)
    assert not mac.verify(messages[0], keys[1])
    messages[2].patch(48, "y" * 22)  # in place
    messages[3].patch(48, "y" * 7)  # shorter
    messages[4].set_mti("0210")
    messages[5].remove(48)
    twin = messages[6].copy()
    twin.patch(48, "y" * 26)
    changed = [*messages[2:6], twin]
    assert not any(mac.verify(m, k) for m, k in zip(changed, keys[2:7], strict=True))
    assert mac.verify(messages[6], keys[6])
    keys[7].wipe()
    with pytest.raises(ValueError, match="wiped"):
        mac.verify(messages[7], keys[7])


def test_which_keys_are_faster_together() -> None:
    def key(kind: tuple[Algorithm, int, int]) -> MacKey:
        return MacKey(kind[0], b"k" * kind[1], padding=kind[2])

    assert [mac.goes_together(key(kind)) for kind in KINDS] == [True] * 6 + [False] * 4
