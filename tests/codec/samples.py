"""What the codec tests share: messages, known answers, and strategies for values of a field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from codec import dialect

if TYPE_CHECKING:
    from codec.spec import Field

ISO87: Final = dialect("iso87-ascii")
POS: Final = dialect("unionpay-pos")

SALE: Final = {
    2: "4761739001010119",
    3: "000000",
    4: "000000001000",
    7: "1123171500",
    11: "000123",
    12: "171500",
    13: "1123",
    22: "021",
    25: "00",
    35: "4761739001010119=30122011000012300000",
    41: "T0000001",
    42: "MERCHANT0000001",
    49: "840",
}
"""An iso87-ascii 0200."""

POS_SALE: Final = {
    2: "4761739001010119",
    3: "000000",
    4: "000000001000",
    11: "000123",
    22: "051",
    23: "001",
    25: "00",
    35: "4761739001010119=30122011000012300",
    41: "T0000001",
    42: "MERCHANT0000001",
    49: "156",
    52: "0123456789ABCDEF",
    55: "9F2608E0123456789ABCDE5A084761739001010119",
    60: "22000001000",
    64: "3030303030303030",
}

VECTORS: Final = Path(__file__).parent.parent / "vectors"


def vectors(*algorithms: str) -> list[dict[str, Any]]:
    """The known answers of these algorithms; of all of them when none is named."""
    lines = [
        json.loads(line)
        for path in sorted(VECTORS.glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    return [line for line in lines if not algorithms or line["algo"] in algorithms]


def captured_frame() -> bytes:
    """A whole frame seen on a wire, its length header included."""
    return bytes.fromhex(vectors("cup-frame")[0]["data"])


_ALPHABETS: Final = {
    "binary": "0123456789ABCDEF",
    "digits": "0123456789",
    "track": "0123456789=",
}


def values_of(field: Field, most: int = 40) -> st.SearchStrategy[str]:
    """Values that fit `field`, in the form in which they come back; at most `most` units long."""
    longest = field.length if field.length_form == "fixed" else min(field.length, most)
    shortest = field.length if field.length_form == "fixed" else 0
    if field.content == "text":
        last = 0x7F if field.charset == "ascii" else 0xFF
        return st.text(st.characters(max_codepoint=last), min_size=shortest, max_size=longest)
    alphabet = st.sampled_from(_ALPHABETS[field.content])
    if field.content == "binary":
        return st.text(alphabet, min_size=2 * shortest, max_size=2 * longest).map(
            lambda text: text[: len(text) // 2 * 2]
        )
    return st.text(alphabet, min_size=shortest, max_size=longest)


def sample_value(field: Field, units: int) -> str:
    """A fixed value of so many units."""
    if field.content == "text":
        return ("AZ19 az" * units)[:units]
    alphabet = _ALPHABETS[field.content]
    count = 2 * units if field.content == "binary" else units
    return (alphabet * count)[:count]
