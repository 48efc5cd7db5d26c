"""Inputs that come near to what they test: good ones by dialect, and small damage to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import iso8583

import codec
from codec import DIALECTS, build, dialect, tlv
from codec.framing import frame
from tests.codec.samples import sample_value
from tests.codec.test_pcap import (
    OLD,
    PACKET,
    SIMPLE,
    capture,
    interface,
    packet,
    section,
    segment,
)
from tests.fuzz.targets import framing_of

if TYPE_CHECKING:
    from random import Random

    from codec.spec import Field

_UNITS_USUAL: Final = 19
_FIELDS_MAX: Final = 14
_CHANGES_MAX: Final = 4
_PLAIN: Final = 0.5
"""How many captures are plain pcap."""
_INTERESTING: Final = b"\x00\x01\x09\x0a\x10\x1f\x7f\x80\x81\x99\x9f\xffFf09+- _=Dd"


def good(target: str, random: Random) -> bytes:
    """An input that the target can read."""
    if target == "elements":
        tags = random.choices(["82", "9F26", "5F2A", "70", "DF8101"], k=random.randrange(5))
        return tlv.build((tag, random.randbytes(random.randrange(40))) for tag in tags)
    if target == "compatible":
        return _compatible(random)
    body = _message(random)
    if target == "framer":
        return _stream(body[1:], random)
    if target == "capture":
        return _capture(body[1:], random)
    return body


def _stream(body: bytes, random: Random) -> bytes:
    head = random.randbytes(1)
    framing = framing_of(head)
    if framing == "stx-etx":
        body = body.replace(b"\x03", b".")
    return head + b"".join(frame(body, framing) for _ in range(random.randrange(1, 4)))


def _capture(body: bytes, random: Random) -> bytes:
    half, order = len(body) // 2, random.choice("<>")
    segments = [
        segment(1, body[:half]),
        segment(1 + half, body[half:]),
        segment(9, b"x", back=True),
    ]
    random.shuffle(segments)
    if random.random() < _PLAIN:
        return capture(segments, order=order)
    kinds = (PACKET, SIMPLE, OLD)
    blocks = [packet(each, 0, order, random.choice(kinds)) for each in segments]
    return section(order) + interface(101, order) + b"".join(blocks)


def damaged(data: bytes, random: Random) -> bytes:
    """`data` with a few small changes."""
    changed = bytearray(data)
    for _ in range(random.randrange(1, _CHANGES_MAX)):
        at = random.randrange(len(changed) + 1)
        match random.randrange(6):
            case 0:
                changed[at : at + 1] = bytes([random.choice(_INTERESTING)])
            case 1:
                changed[at : at + 1] = bytes([random.randrange(256)])
            case 2 if at < len(changed):
                changed[at] ^= 1 << random.randrange(8)
            case 3:
                del changed[at : at + random.randrange(1, 5)]
            case 4:
                changed[at:at] = random.randbytes(random.randrange(1, 4))
            case _:
                del changed[at:]
    return bytes(changed)


def _value(field: Field, random: Random) -> str:
    units = field.length
    if field.length_form != "fixed":
        units = random.randrange(min(units, _UNITS_USUAL) + 1)
    return sample_value(field, units)


def _message(random: Random) -> bytes:
    number = random.randrange(len(DIALECTS))
    rules = dialect(DIALECTS[number])
    chosen = random.sample(sorted(rules.fields), random.randrange(_FIELDS_MAX))
    values = {de: _value(rules.fields[de], random) for de in chosen}
    return bytes([number]) + build(rules, "0200", values).raw


def _compatible(random: Random) -> bytes:
    number = random.randrange(2)
    spec = (codec.specs.default, codec.specs.default_ascii)[number]
    document = {"t": "0200"}
    for de in random.sample(range(2, 129), random.randrange(_FIELDS_MAX)):
        rule = spec[str(de)]
        size = int(str(rule["max_len"]))
        if rule["len_type"]:
            size = random.randrange(min(size, _UNITS_USUAL) + 1)
        document[str(de)] = "12" * size if rule["data_enc"] == "b" else "7" * size
    document.pop("65", None)
    return bytes([number]) + bytes(iso8583.encode(document, spec)[0])
