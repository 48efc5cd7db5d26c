"""An independent reader: tshark's ISO 8583 dissector finds our fields where we put them."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path
from typing import Final

import pytest

from codec import build
from tests.adversity.peers import ISO87, PAN, TRACK, framed

pytestmark = pytest.mark.slow

REQUEST: Final = {
    2: PAN,
    3: "000000",
    4: "000000001000",
    7: "1123171500",
    11: "000123",
    12: "171500",
    13: "1123",
    22: "021",
    25: "00",
    35: TRACK,
    41: "T0000001",
    42: "MERCHANT0000001",
    49: "840",
}
ANSWER: Final = {number: REQUEST[number] for number in (2, 3, 4, 7, 11, 41, 42, 49)} | {
    37: "RRN000000123",
    38: "A00123",
    39: "00",
}
REVERSAL: Final = ANSWER | {90: "020000012311231715000000000000000000000000"}
PORT: Final = 8583
LOOPBACK: Final = b"\x7f\0\0\1"


def capture(messages: list[bytes]) -> bytes:
    """A pcap file with each message as a TCP segment of its own, from port 40000 to ours."""
    packets = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101)]
    sequence = 1
    for message in messages:
        payload = framed(message)
        tcp = struct.pack(">HHIIBBHHH", 40_000, PORT, sequence, 1, 0x50, 0x18, 65_535, 0, 0)
        size = 20 + len(tcp) + len(payload)
        ip = struct.pack(
            ">BBHHHBBH4s4s", 0x45, 0, size, 0, 0, 64, 6, 0, b"\x7f\0\0\1", b"\x7f\0\0\1"
        )
        packets.append(struct.pack("<IIII", 0, 0, size, size) + ip + tcp + payload)
        sequence += len(payload)
    return b"".join(packets)


def dissected(file: Path, fields: list[str]) -> list[list[str]]:
    """What tshark reads: a row per message, a column per field."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    digits = "Digits represented as ASCII Characters"
    binary = "Bin data represented as Hex Ascii characters"
    preferences = {"len_endian": "Big endian", "charset": digits, "binencode": binary}
    command = ["tshark", "-r", str(file), "-d", f"tcp.port=={PORT},iso8583", "-T", "fields"]
    for key, value in preferences.items():
        command += ["-o", f"iso8583.{key}:{value}"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("mti", "fields"), [("0200", REQUEST), ("0210", ANSWER), ("0420", REVERSAL)]
)
def test_tshark_reads_what_was_built(tmp_path: Path, mti: str, fields: dict[int, str]) -> None:
    file = tmp_path / "capture.pcap"
    file.write_bytes(capture([build(ISO87, mti, fields).raw] * 2))
    names = ["iso8583.mti", *(f"iso8583.bit{number}" for number in sorted(fields))]
    rows = dissected(file, names)
    assert len(rows) == 2
    for row in rows:
        read = dict(zip(["MTI", *sorted(fields)], row, strict=True))
        assert read == {"MTI": mti} | fields
