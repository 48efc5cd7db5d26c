"""Byte streams out of a pcap capture, so that `sniff` and `explain` can look at them.

Classic pcap, Ethernet (also with VLAN tags), Linux cooked, raw IP and loopback links; TCP over IPv4
and IPv6.  Segments are put in order by their sequence numbers; repeats are dropped, and a stream
ends where a segment is missing.  Checksums are not looked at.
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
_LINK_HEADER_BYTES: Final = {0: 4, 1: 14, 12: 0, 101: 0, 108: 4, 113: 16}
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


def is_pcap(data: bytes) -> bool:
    """Whether this begins like a classic pcap file."""
    return data[:4] in _MAGICS


def streams(data: bytes) -> dict[Flow, bytes]:
    """The bytes of every TCP direction that carried any; FrameError when it is no pcap."""
    if not is_pcap(data) or len(data) < _FILE_HEADER_BYTES:
        raise FrameError("expected a pcap file, found something else", offset=0)
    order = _MAGICS[data[:4]]
    (link,) = struct.unpack_from(order + "I", data, 20)
    if link not in _LINK_HEADER_BYTES:
        raise FrameError(f"expected a link type that carries IP, found type {link}", offset=20)
    flows: dict[Flow, _Segments] = {}
    for packet in _packets(data, order):
        _take(packet, link, flows)
    joined = {flow: segments.joined() for flow, segments in flows.items()}
    return {flow: stream for flow, stream in joined.items() if stream}


def _packets(data: bytes, order: str) -> Iterator[bytes]:
    at = _FILE_HEADER_BYTES
    while at + _PACKET_HEADER_BYTES <= len(data):
        (captured,) = struct.unpack_from(order + "I", data, at + 8)
        at += _PACKET_HEADER_BYTES
        yield data[at : at + captured]
        at += captured


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
