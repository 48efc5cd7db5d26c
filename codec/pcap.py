"""Byte streams out of a pcap or pcapng capture, so that `sniff` and `explain` can look at them.

Ethernet (also with VLAN tags), Linux cooked, raw IP and loopback links; TCP over IPv4 and IPv6.
Segments are put in order by their sequence numbers; repeats are dropped, and a stream ends where a
segment is missing.  Checksums are not looked at.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from codec.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGICS: Final = {
    b"\xd4\xc3\xb2\xa1": "<",
    b"\x4d\x3c\xb2\xa1": "<",
    b"\xa1\xb2\xc3\xd4": ">",
    b"\xa1\xb2\x3c\x4d": ">",
}
_FILE_HEADER_BYTES: Final = 24
_PACKET_HEADER_BYTES: Final = 16

_SECTION: Final = 0x0A0D0D0A
"""Of pcapng, as are the following; a section's type reads the same in both byte orders."""
_ORDERS: Final = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_INTERFACE: Final = 1
_OLD_PACKET: Final = 2
_SIMPLE_PACKET: Final = 3
_PACKET: Final = 6
_BLOCK_BYTES_MIN: Final = 12
_PACKET_DATA_AT: Final = {_OLD_PACKET: 20, _SIMPLE_PACKET: 4, _PACKET: 20}
"""Where the bytes of a packet begin in the body of its block."""

_LINK_HEADER_BYTES: Final = {0: 4, 1: 14, 12: 0, 101: 0, 108: 4, 113: 16, 228: 0, 229: 0, 276: 20}
_ETHERNET: Final = 1
_VLAN: Final = b"\x81\x00"
_TCP: Final = 6
_SYN: Final = 2
_SEQUENCE_SPACE: Final = 1 << 32


@dataclass(frozen=True, slots=True, order=True)
class Flow:
    """One direction of a connection."""

    source: str
    destination: str


@dataclass(slots=True)
class _Segments:
    start: int | None = None
    pieces: dict[int, bytes] = field(default_factory=dict)

    def joined(self) -> bytes:
        """What can be put together without a gap."""
        start = self.start
        if start is None:
            start = min(self.pieces, default=0)
        placed = sorted(((at - start) % _SEQUENCE_SPACE, data) for at, data in self.pieces.items())
        stream = b""
        for at, data in placed:
            if at > len(stream):
                break
            stream += data[len(stream) - at :]
        return stream


def is_capture(data: bytes) -> bool:
    """Whether this begins like a pcap or pcapng file."""
    return data[:4] in _MAGICS or _is_pcapng(data)


def streams(data: bytes) -> dict[Flow, bytes]:
    """The bytes of every TCP direction that carried any; FrameError when it is no capture.

    A capture that was cut gives what it has.  Where a pcapng has interfaces of several kinds, those
    that carry no IP are passed over.
    """
    flows: dict[Flow, _Segments] = {}
    strange: FrameError | None = None
    for link, packet, offset in _packets(data):
        if link in _LINK_HEADER_BYTES:
            _take(packet, link, flows)
        else:
            reason = f"expected a link type that carries IP, found type {link}"
            strange = strange or FrameError(reason, offset=offset)
    if strange is not None and not flows:
        raise strange
    joined = {flow: segments.joined() for flow, segments in flows.items()}
    return {flow: stream for flow, stream in joined.items() if stream}


def _is_pcapng(data: bytes) -> bool:
    return data[:4] == _SECTION.to_bytes(4, "big") and data[8:12] in _ORDERS


def _packets(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Each packet with its link type, and where in the file that type was told."""
    if _is_pcapng(data):
        return _packets_of_blocks(data)
    if data[:4] in _MAGICS and len(data) >= _FILE_HEADER_BYTES:
        return _packets_of_pcap(data, _MAGICS[data[:4]])
    raise FrameError("expected a pcap or pcapng file, found something else", offset=0)


def _packets_of_pcap(data: bytes, order: str) -> Iterator[tuple[int, bytes, int]]:
    # The upper bits may tell how frames end.
    link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    at = _FILE_HEADER_BYTES
    while at + _PACKET_HEADER_BYTES <= len(data):
        (captured,) = struct.unpack_from(order + "I", data, at + 8)
        at += _PACKET_HEADER_BYTES
        yield link, data[at : at + captured], 20
        at += captured


def _packets_of_blocks(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """A pcapng: sections of blocks, each section with a byte order and interfaces of its own."""
    links: list[tuple[int, int]] = []
    for order, kind, at, body in _blocks(data):
        if kind == _SECTION:
            links = []
        elif kind == _INTERFACE and len(body) >= 2:  # noqa: PLR2004 - its link type
            links.append((*struct.unpack_from(order + "H", body), at))
        elif kind in _PACKET_DATA_AT and len(body) >= _PACKET_DATA_AT[kind]:
            number, captured = _interface_and_length(order, kind, body)
            if number < len(links):
                link, told_at = links[number]
                begin = _PACKET_DATA_AT[kind]
                yield link, body[begin : begin + captured], told_at


def _interface_and_length(order: str, kind: int, body: bytes) -> tuple[int, int]:
    """Which interface a packet came from, and how many bytes of it were kept."""
    if kind == _SIMPLE_PACKET:
        return 0, struct.unpack_from(order + "I", body)[0]
    form = "H" if kind == _OLD_PACKET else "I"
    return struct.unpack_from(order + form, body)[0], struct.unpack_from(order + "I", body, 12)[0]


def _blocks(data: bytes) -> Iterator[tuple[str, int, int, bytes]]:
    """Byte order, type, offset and body of each whole block; a length that lies ends the file."""
    order, at = "<", 0
    while at + _BLOCK_BYTES_MIN <= len(data):
        kind, length = struct.unpack_from(order + "II", data, at)
        if kind == _SECTION:
            order = _ORDERS.get(data[at + 8 : at + 12], "")
            if not order:
                return
            (length,) = struct.unpack_from(order + "I", data, at + 4)
        if length < _BLOCK_BYTES_MIN or length % 4 or at + length > len(data):
            return
        yield order, kind, at, data[at + 8 : at + length - 4]
        at += length


def _take(packet: bytes, link: int, flows: dict[Flow, _Segments]) -> None:
    """Put the packet's payload into its flow, if it is TCP at all."""
    ip = packet[_LINK_HEADER_BYTES[link] :]
    if link == _ETHERNET and packet[12:14] == _VLAN:
        ip = ip[4:]
    found = _tcp(ip)
    if found is None:
        return
    flow, tcp = found
    sequence, flags = int.from_bytes(tcp[4:8], "big"), tcp[13]
    payload = tcp[(tcp[12] >> 4) * 4 :]
    segments = flows.setdefault(flow, _Segments())
    if flags & _SYN:
        segments.start = (sequence + 1) % _SEQUENCE_SPACE
    elif payload:
        longer = max(payload, segments.pieces.get(sequence, b""), key=len)
        segments.pieces[sequence] = longer


def _tcp(ip: bytes) -> tuple[Flow, bytes] | None:
    """The flow and TCP segment of an IP packet."""
    version = ip[0] >> 4 if ip else 0
    if version == 4 and len(ip) >= 20:  # noqa: PLR2004 - as IPv4 has it
        protocol, header, total = ip[9], (ip[0] & 15) * 4, int.from_bytes(ip[2:4], "big")
        hosts = [".".join(map(str, ip[at : at + 4])) for at in (12, 16)]
    elif version == 6 and len(ip) >= 40:  # noqa: PLR2004 - as IPv6 has it
        protocol, header, total = ip[6], 40, 40 + int.from_bytes(ip[4:6], "big")
        hosts = [f"[{ip[at : at + 16].hex(':', 2)}]" for at in (8, 24)]
    else:
        return None
    tcp = ip[header : total or len(ip)]
    if protocol != _TCP or len(tcp) < 20:  # noqa: PLR2004 - the smallest TCP header
        return None
    ports = (int.from_bytes(tcp[at : at + 2], "big") for at in (0, 2))
    return Flow(*(f"{host}:{port}" for host, port in zip(hosts, ports, strict=True))), tcp
