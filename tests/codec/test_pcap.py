"""Streams out of captures made here, byte by byte as the formats say."""

from __future__ import annotations

import struct

import pytest

from codec import FrameError
from codec.pcap import Flow, is_pcap, streams

CLIENT, SERVER = (b"\x7f\0\0\1", 40000), (b"\x7f\0\0\2", 8583)
FORWARD = Flow("127.0.0.1:40000", "127.0.0.2:8583")


def segment(sequence: int, payload: bytes = b"", flags: int = 0x18, *, back: bool = False) -> bytes:
    (source, source_port), (target, target_port) = (SERVER, CLIENT) if back else (CLIENT, SERVER)
    tcp = struct.pack(">HHIIBBHHH", source_port, target_port, sequence, 0, 5 << 4, flags, 1, 0, 0)
    total = 20 + len(tcp) + len(payload)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, total, 0, 0, 64, 6, 0) + source + target
    return ip + tcp + payload


def capture(packets: list[bytes], link: int = 101, order: str = "<") -> bytes:
    header = struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)
    return header + b"".join(
        struct.pack(order + "IIII", 0, 0, len(packet), len(packet)) + packet for packet in packets
    )


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_directions_in_order(order: str) -> None:
    packets = [
        segment(99, flags=2),
        segment(100, b"hello "),
        segment(500, b"answer", back=True),
        segment(106, b"world"),
    ]
    found = streams(capture(packets, order=order))
    assert found[FORWARD] == b"hello world"
    assert found[Flow(FORWARD.destination, FORWARD.source)] == b"answer"


def test_disorder_repeats_and_overlaps_are_mended() -> None:
    packets = [
        segment(99, flags=2),
        segment(106, b"world"),
        segment(100, b"hello "),
        segment(100, b"hel"),
        segment(103, b"lo wor"),
    ]
    assert streams(capture(packets)) == {FORWARD: b"hello world"}


def test_a_gap_ends_the_stream() -> None:
    packets = [segment(0xFFFFFFFE, b"abcd"), segment(50, b"far")]
    assert streams(capture([segment(0xFFFFFFFD, flags=2), *packets]))[FORWARD] == b"abcd"


@pytest.mark.parametrize(
    ("link", "before"),
    [
        (1, bytes(12) + b"\x08\x00"),
        (1, bytes(12) + b"\x81\x00\x00\x01\x08\x00"),
        (113, bytes(16)),
        (0, bytes(4)),
    ],
)
def test_link_headers_are_skipped(link: int, before: bytes) -> None:
    padded = before + segment(1, b"data") + bytes(6)
    assert streams(capture([padded], link)) == {FORWARD: b"data"}


def test_ipv6() -> None:
    tcp = segment(1, b"six")[20:]
    ip = struct.pack(">IHBB", 6 << 28, len(tcp), 6, 64) + bytes(15) + b"\1" + bytes(15) + b"\2"
    ((flow, data),) = streams(capture([ip + tcp])).items()
    assert data == b"six"
    assert flow.destination.endswith("0002]:8583")


def test_other_packets_are_passed_over() -> None:
    udp = bytearray(segment(1, b"x"))
    udp[9] = 17
    assert streams(capture([b"", b"\x45", bytes(udp), segment(1)[:30]])) == {}


def test_a_cut_file_gives_what_it_has() -> None:
    whole = capture([segment(1, b"one"), segment(4, b"two")])
    assert streams(whole[:-50]) == {FORWARD: b"one"}


def test_other_files_are_refused() -> None:
    assert not is_pcap(b"\x0a\x0d\x0d\x0a")
    with pytest.raises(FrameError, match="expected a pcap file"):
        streams(b"0200")
    with pytest.raises(FrameError, match="link type"):
        streams(capture([], link=105))
