"""Streams out of captures made here, byte by byte as the formats say."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec import FrameError, sniff
from codec.framing import frame
from codec.pcap import Flow, is_capture, streams
from tests.codec.samples import captured_frame

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
    assert not is_capture(b"\x0a\x0d\x0d\x0a")
    with pytest.raises(FrameError, match="expected a pcap or pcapng file"):
        streams(b"0200")
    with pytest.raises(FrameError, match=r"offset 20: expected a link type .*, found type 105"):
        streams(capture([b"radio"], link=105))


# ---- pcapng --------------------------------------------------------------------------------------

PACKET, SIMPLE, OLD, INTERFACE, NAMES = 6, 3, 2, 1, 4


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str = "<") -> bytes:
    body = struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)
    return block(0x0A0D0D0A, body, order)


def interface(link: int = 101, order: str = "<") -> bytes:
    return block(INTERFACE, struct.pack(order + "HHI", link, 0, 65535), order)


def packet(data: bytes, number: int = 0, order: str = "<", kind: int = PACKET) -> bytes:
    if kind == SIMPLE:
        return block(kind, struct.pack(order + "I", len(data)) + data, order)
    which = (
        struct.pack(order + "I", number) if kind == PACKET else struct.pack(order + "HH", number, 0)
    )
    return block(
        kind, which + struct.pack(order + "IIII", 0, 0, len(data), len(data)) + data, order
    )


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [PACKET, SIMPLE, OLD])
def test_packets_of_every_kind_of_block(kind: int, order: str) -> None:
    whole = section(order) + interface(101, order) + block(NAMES, b"later", order)
    for each in (segment(1, b"one"), segment(4, b"three"), segment(9, b"five!")):
        whole += packet(each, 0, order, kind)
    assert is_capture(whole)
    assert streams(whole) == {FORWARD: b"onethreefive!"}


def test_each_interface_has_its_own_link_type() -> None:
    ethernet = bytes(12) + b"\x08\x00"
    whole = section() + interface(105) + interface(1) + interface(276)
    whole += packet(b"radio", 0) + packet(ethernet + segment(1, b"one"), 1)
    whole += packet(bytes(20) + segment(4, b"two"), 2) + packet(segment(7, b"none"), 9)
    assert streams(whole) == {FORWARD: b"onetwo"}
    with pytest.raises(FrameError, match=r"offset 28: expected a link type .*, found type 105"):
        streams(section() + interface(105) + packet(b"radio"))


def test_a_second_section_has_its_own_order_and_interfaces() -> None:
    first = section("<") + interface(101, "<") + packet(segment(1, b"one"), 0, "<")
    second = section(">") + packet(segment(4, b"lost"), 0, ">") + interface(1, ">")
    second += packet(bytes(12) + b"\x08\x00" + segment(4, b"two"), 0, ">")
    assert streams(first + second) == {FORWARD: b"onetwo"}


@pytest.mark.parametrize("length", [0, 8, 13, 2000])
def test_a_block_whose_length_lies_ends_the_capture(length: int) -> None:
    whole = section() + interface() + packet(segment(1, b"one"))
    broken = bytearray(packet(segment(4, b"two")))
    broken[4:8] = struct.pack("<I", length)
    assert streams(whole + bytes(broken)) == {FORWARD: b"one"}
    assert streams(whole + section()[:8] + bytes(8)) == {FORWARD: b"one"}


@given(
    head=st.sampled_from([b"", section(), section() + interface(), capture([])]), tail=st.binary()
)
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_streams_or_a_documented_error(head: bytes, tail: bytes) -> None:
    if is_capture(head):
        for flow, stream in streams(head + tail).items():
            assert ":" in flow.source
            assert stream
    else:
        with pytest.raises(FrameError, match="expected a pcap"):
            streams(tail)


@pytest.mark.skipif(shutil.which("editcap") is None, reason="Wireshark's tools are not here")
@pytest.mark.parametrize("form", ["pcapng", "pcap", "nsecpcap"])
def test_what_wireshark_writes_is_read(tmp_path: Path, form: str) -> None:
    sale = frame(captured_frame()[2:])
    packets = [segment(1, sale[:50]), segment(51, sale[50:]), segment(9, b"answer", back=True)]
    made, written = tmp_path / "made.pcap", tmp_path / f"written.{form}"
    made.write_bytes(capture(packets))
    # The sanitizers, which this may run under, are not for other people's programs.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    command = ["editcap", "-F", form, str(made), str(written)]
    subprocess.run(command, check=True, timeout=60, env=environment)
    found = streams(written.read_bytes())
    assert found == {FORWARD: sale, Flow(FORWARD.destination, FORWARD.source): b"answer"}
    best = sniff(found[FORWARD])[0]
    assert (best.framing, best.dialect) == ("2-byte", "unionpay-pos")
