"""The sniffer names framing and dialect of what we make ourselves, and gives reasons."""

from __future__ import annotations

import pytest

from codec import Dialect, build, dialect
from codec.dialects import DIALECTS
from codec.framing import FRAMINGS, frame
from codec.sniff import UNFRAMED, sniff
from tests.codec.samples import ISO87, POS, POS_SALE, SALE, captured_frame

VERSIONS = {"iso93-ascii": "1", "iso93-binary": "1", "iso2003-binary": "2"}


def messages(rules: Dialect) -> list[bytes]:
    version = VERSIONS.get(rules.name, "0")
    common = {11: "123456", 41: "T0000001", 42: "MERCHANT0000001"}
    if rules.name == "iso2003-binary":
        common = {11: "000000123456", 41: "T000000100000000", 42: "MERCHANT0000001"}
    return [
        build(rules, version + "200", common | {3: "000000"}).raw,
        build(rules, version + "210", common | {38: "AB12CD"}).raw,
    ]


def test_the_captured_frame_is_recognised() -> None:
    best = sniff(captured_frame())[0]
    assert (best.framing, best.dialect, best.score) == ("2-byte", "unionpay-pos", 1.0)
    assert best.why == "1 of 1 frames read as unionpay-pos, MTI 0200"


@pytest.mark.parametrize("framing", FRAMINGS)
def test_every_framing_is_recognised(framing: str) -> None:
    stream = b"".join(frame(body, framing) for body in messages(ISO87) * 3)
    best = sniff(stream)[0]
    assert (best.framing, best.dialect) == (framing, "iso87-ascii")


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_is_among_the_best(name: str) -> None:
    stream = b"".join(frame(body) for body in messages(dialect(name)))
    guesses = sniff(stream)
    best = [guess for guess in guesses if guess.score == guesses[0].score]
    assert name in [guess.dialect for guess in best if guess.framing == "2-byte"]


def test_a_lone_frame_needs_no_framing() -> None:
    best = sniff(build(POS, "0200", POS_SALE).raw)[0]
    assert (best.framing, best.dialect) == (UNFRAMED, "unionpay-pos")


def test_a_cut_capture_says_so() -> None:
    stream = frame(build(ISO87, "0200", SALE).raw) * 2
    best = sniff(stream[:-10])[0]
    assert (best.framing, best.dialect) == ("2-byte", "iso87-ascii")
    assert "1 of 1 frames" in best.why
    assert "144 bytes wait for more" in best.why


def test_nothing_is_made_of_noise() -> None:
    assert sniff(b"") == []
    assert sniff(b"GET / HTTP/1.1\r\nHost: example\r\n\r\n") == []


def test_reasons_hold_no_values() -> None:
    frames = frame(build(ISO87, "0200", SALE).raw) + frame(b"0200" + b"x" * 40)
    for guess in sniff(frames):
        assert "476173" not in guess.why
