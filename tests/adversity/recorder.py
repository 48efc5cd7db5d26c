"""The recorder in C, preloaded into a gateway: how it is made, and what its record shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from bench.native import NoCompilerError, compile_c
from codec import FrameError, Framer, Message
from tests.adversity.peers import ISO87

_SOURCE: Final = Path(__file__).with_name("recorder.c")
_CHARGES: Final = frozenset({"0100", "0200"})
_REVERSALS: Final = frozenset({"0400", "0401", "0420", "0421"})


class Recorder:
    """The preloaded library with its record and the switches of its faults, in one folder."""

    def __init__(self, folder: Path) -> None:
        library = folder / "recorder.so"
        try:
            compile_c(_SOURCE, library, "-O1", "-Wall", "-shared", "-fPIC", "-ldl", "-lpthread")
        except NoCompilerError as error:
            pytest.skip(str(error))
        self.file = folder / "record"
        self.full, self.no_sync = folder / "full", folder / "no-sync"
        self.environment = {
            "LD_PRELOAD": str(library),
            "RECORDER_FILE": str(self.file),
            "RECORDER_FULL": str(self.full),
            "RECORDER_NO_SYNC": str(self.no_sync),
        }

    def lines(self) -> Iterator[Line]:
        """The record in its order."""
        for text in self.file.read_text().splitlines():
            number, kind, descriptor, data = text.split(" ", 3)
            yield Line(int(number), kind, int(descriptor), bytes.fromhex(data))


class Line(NamedTuple):
    """One thing that the gateway did."""

    number: int
    kind: str
    descriptor: int
    data: bytes


class Order(NamedTuple):
    """What left, and what of it left too early."""

    charges: int
    reversals: int
    approvals: int
    too_early: tuple[str, ...]


def order(lines: Iterator[Line]) -> Order:
    """Hold every send of the record against the syncs before it.

    A charge or reversal is known in the log by its STAN and DE 7, an approval by its DE 37 and 38:
    each pair stands side by side in the JSON of the charge's row.
    """
    written: list[bytes] = []
    covered = b""
    began: list[bytes] = []
    framers: dict[int, Framer] = {}
    counts = {"charge": 0, "reversal": 0, "approval": 0}
    early = []
    for line in lines:
        if line.kind == "W":
            written.append(line.data)
        elif line.kind == "B":
            began, written = began + written, []
        elif line.kind == "S":
            covered, began = covered + b"".join(began), []
        else:
            for kind, needle in _leaving(framers, line):
                counts[kind] += 1
                if needle not in covered:
                    early.append(f"line {line.number}: {kind} before its record was durable")
    return Order(counts["charge"], counts["reversal"], counts["approval"], tuple(early))


def _leaving(framers: dict[int, Framer], line: Line) -> Iterator[tuple[str, bytes]]:
    """Each charge, reversal and approval among the bytes of a send, and what its record holds."""
    if line.data[:4] in {b"HTTP", b"GET "} or not line.data[2:4].isdigit():
        return
    for frame in framers.setdefault(line.descriptor, Framer(4_096)).feed(line.data):
        try:
            message = Message(frame, ISO87)
        except FrameError:
            continue
        if message.mti in _CHARGES:
            yield "charge", _side_by_side(message, 11, 7)
        elif message.mti in _REVERSALS:
            yield "reversal", _side_by_side(message, 11, 7)
        elif message.mti == "0210" and message.get(39) == "00":
            yield "approval", _side_by_side(message, 37, 38)


def _side_by_side(message: Message, *numbers: int) -> bytes:
    return json.dumps([message[de] for de in numbers], separators=(",", ":"))[1:-1].encode()
