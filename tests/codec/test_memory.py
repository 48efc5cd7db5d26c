"""A million decodes of good and bad input leave the process no larger, and keep nothing alive."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from random import Random

import pytest

import codec
from codec import (
    BuildError,
    DecodeError,
    EncodeError,
    FrameError,
    Framer,
    MacKey,
    Message,
    build,
    dialect,
    explain,
    mac,
    sniff,
    tlv,
)
from codec.document import from_json, to_json
from codec.framing import frame
from codec.keys import Secret, WorkingKeys, working_key_block, working_keys
from codec.pcap import streams
from tests.codec.samples import ISO87, POS, POS_SALE, SALE
from tests.codec.test_pcap import capture, interface, packet, section, segment
from tests.fuzz.inputs import damaged

SPEC = codec.specs.default_ascii
MASTERCARD = dialect("mastercard-cis")
FRAME = build(ISO87, "0200", SALE).raw
POS_FRAME = build(POS, "0200", POS_SALE).raw
PRIVATE = build(MASTERCARD, "0100", {48: "T42070103212"})
DOCUMENT, _ = codec.decode(FRAME, SPEC)
JSON = to_json(build(ISO87, "0800", {70: "301"}))
KEY = MacKey("cup-ecb", bytes(range(16)))
MASTER = bytes(range(16))
SIGN_IN = working_key_block(MASTER, WorkingKeys(bytes(range(16)), bytes(range(16, 32))))
CHIP = bytes.fromhex("9F36020001700482025C00")
CAPTURE = capture([segment(1, frame(FRAME))])
CAPTURE_NG = section() + interface() + packet(segment(1, frame(FRAME)))

DAMAGED = [damaged(FRAME, Random(seed)) for seed in range(200)]  # noqa: S311
POS_DAMAGED = [damaged(POS_FRAME, Random(seed)) for seed in range(200)]  # noqa: S311
DOCUMENTED = (FrameError, BuildError, DecodeError, EncodeError, KeyError, ValueError)

DECODES = 1_000_000
GROWTH_KIB_MAX = 1024
TIMES = 1_500
"""More than there are messages at hand for the next turn: what takes those leaks nothing yet."""
BLOCKS_MAX = 60
"""So many blocks of memory may stay: what caches and free lists take."""

COUNTED = pytest.mark.skipif(not sys.getallocatedblocks(), reason="this allocator does not count")

Operation = Callable[[], object]


def patch() -> None:
    message = Message(FRAME, ISO87)
    message.patch(11, "999999")
    message.patch(39, "00")
    message.patch(54, "longer than before")
    message.remove(54)
    message.set_mti("0210")


def framer() -> None:
    cutter = Framer()
    wire = frame(FRAME) * 2
    for at in range(0, len(wire), 50):
        cutter.feed(wire[at : at + 50])


GOOD: dict[str, Operation] = {
    "index": lambda: Message(FRAME, ISO87),
    "read": lambda: Message(FRAME, ISO87).to_dict(),
    "index, POS": lambda: Message(POS_FRAME, POS).to_dict(),
    "dotted paths": lambda: Message(POS_FRAME, POS)["55.9F26"] + Message(POS_FRAME, POS)["60.2"],
    "elements": lambda: (PRIVATE["48.42.01"], PRIVATE.elements(48)),
    "patch": patch,
    "copy": lambda: Message(FRAME, ISO87).copy() == Message(FRAME, ISO87),
    "repr": lambda: repr(Message(FRAME, ISO87)),
    "build": lambda: build(POS, "0200", POS_SALE),
    "decode": lambda: codec.decode(FRAME, SPEC),
    "encode": lambda: codec.encode(dict(DOCUMENT), SPEC),
    "sign": lambda: mac.sign(Message(POS_FRAME, POS), KEY),
    "verify": lambda: mac.verify(Message(POS_FRAME, POS), KEY),
    "keys": lambda: MacKey("x9.19", Secret(bytes(16))).compute(b"data"),
    "AES keys": lambda: MacKey("aes-cmac", bytes(16)).compute(b"data"),
    "working keys": lambda: working_keys(MASTER, SIGN_IN),
    "framer": framer,
    "tlv": lambda: tlv.build((e.tag, e.value) for e in tlv.parse(CHIP)),
    "json": lambda: to_json(from_json(JSON)),
    "explain": lambda: explain(FRAME, ISO87),
    "sniff": lambda: sniff(frame(FRAME)),
    "pcap": lambda: (streams(CAPTURE), streams(CAPTURE_NG)),
    "dialect": lambda: codec.parse_dialect('name = "x"\n[fields]\n3 = ["Code", "n6"]'),
}
FAILING: dict[str, Operation] = {
    "index": lambda: Message(FRAME[:-1] + b"\xff", ISO87),
    "index, cut": lambda: Message(FRAME[:90], ISO87),
    "index, POS": lambda: Message(POS_FRAME[:-9], POS),
    "elements": lambda: build(MASTERCARD, "0100", {48: "T42070109212"})["48.42.01"],
    "patch": lambda: Message(FRAME, ISO87).patch(11, "12345"),
    "absent": lambda: Message(FRAME, ISO87)["60.2"],
    "build": lambda: build(POS, "0200", POS_SALE | {4: "x"}),
    "decode": lambda: codec.decode(FRAME[:-1] + b"\xff", SPEC),
    "decode, cut": lambda: codec.decode(FRAME[:90], SPEC),
    "encode": lambda: codec.encode(DOCUMENT | {"3": "too long"}, SPEC),
    "keys": lambda: MacKey("x9.19", bytes(15)),
    "working keys": lambda: working_keys(MASTER, SIGN_IN[:-1] + b"\0"),
    "framer": lambda: Framer(10).feed(frame(FRAME)),
    "tlv": lambda: list(tlv.parse(CHIP[:-1])),
    "json": lambda: from_json(JSON.replace(b"301", b"30")),
    "pcap": lambda: streams(FRAME),
    "dialect": lambda: codec.parse_dialect('name = "x"\n[fields]\n1 = ["Code", "n6"]'),
}


def refused(operation: Operation) -> bool:
    try:
        operation()
    except DOCUMENTED:
        return True
    return False


def repeat(operation: Operation, times: int) -> None:
    for _ in range(times):
        refused(operation)


def blocks_kept(operation: Operation, times: int) -> int:
    """How many blocks of memory so many calls leave behind."""
    repeat(operation, times)
    gc.collect()
    before = sys.getallocatedblocks()
    repeat(operation, times)
    gc.collect()
    return sys.getallocatedblocks() - before


def resident_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4


def kib_kept(operation: Operation, times: int) -> int:
    """By how much so many calls make the process larger."""
    repeat(operation, times // 20)
    gc.collect()
    before = resident_kib()
    repeat(operation, times)
    gc.collect()
    return resident_kib() - before


def decodes(frames: list[bytes]) -> Operation:
    """One decode of the next frame a call, by turns of both interfaces."""
    endless = cycle(frames)
    ways: list[Callable[[bytes], object]] = [
        lambda data: Message(data, ISO87).to_dict(),
        lambda data: codec.decode(data, SPEC),
        lambda data: Message(data, POS).to_dict(),
    ]
    turn = cycle(ways)
    return lambda: next(turn)(next(endless))


@pytest.mark.slow
def test_a_million_decodes_leave_the_process_no_larger() -> None:
    mixed = [*DAMAGED, *([FRAME, POS_FRAME] * 100), *POS_DAMAGED]
    verdicts = [refused(decode) for decode in islice(cycle([decodes(mixed)]), len(mixed) * 3)]
    assert sum(verdicts) > 300
    assert len(verdicts) - sum(verdicts) > 150
    assert kib_kept(decodes(mixed), DECODES) < GROWTH_KIB_MAX


@COUNTED
@pytest.mark.parametrize("name", GOOD)
def test_what_works_keeps_nothing(name: str) -> None:
    assert not refused(GOOD[name])
    assert blocks_kept(GOOD[name], 60 if name in ("sniff", "dialect") else TIMES) < BLOCKS_MAX


@COUNTED
@pytest.mark.parametrize("name", FAILING)
def test_what_fails_keeps_nothing(name: str) -> None:
    assert refused(FAILING[name])
    assert blocks_kept(FAILING[name], TIMES) < BLOCKS_MAX


def test_no_references_are_left_behind() -> None:
    watched = (FRAME, POS_FRAME, ISO87, POS, KEY, SPEC, SPEC["2"], DOCUMENT)
    operations = [*GOOD.values(), *FAILING.values()]
    for operation in operations:
        repeat(operation, 5)
    gc.collect()
    before = [sys.getrefcount(thing) for thing in watched]
    for operation in operations:
        repeat(operation, 50)
    gc.collect()
    after = [sys.getrefcount(thing) for thing in watched]
    assert after == before


@COUNTED
def test_the_measures_see_a_leak() -> None:
    kept: list[object] = []
    assert blocks_kept(lambda: kept.append(Message(FRAME, ISO87)), TIMES) > BLOCKS_MAX
    assert kib_kept(lambda: kept.append(bytes(1000)), 20_000) > GROWTH_KIB_MAX
