"""`isogate decode`, `encode` and `sniff`, as one uses them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from codec import build, dialect
from codec.framing import frame
from gateway.cli import app
from tests.codec.test_pcap import interface, packet, section, segment

if TYPE_CHECKING:
    from pathlib import Path

ECHO = build(dialect("iso87-ascii"), "0800", {7: "1123170000", 11: "000001", 70: "301"}).raw
SALE = build(dialect("iso87-ascii"), "0200", {2: "4761739001010119", 4: "000000001000"}).raw
run = CliRunner().invoke


def test_what_encode_makes_decode_reads(tmp_path: Path) -> None:
    document = {"dialect": "iso87-ascii", "mti": "0800", "fields": {"7": "1123170000"}}
    document["fields"] |= {"11": "000001", "70": "301"}  # type: ignore[operator]
    file = tmp_path / "echo.json"
    file.write_text(json.dumps(document))
    made = run(app, ["encode", str(file), "--framed"])
    assert bytes.fromhex(made.stdout) == frame(ECHO)
    read = run(app, ["decode", made.stdout.strip(), "--json"])
    assert json.loads(read.stdout)["fields"] == {"7": "1123170000", "11": "000001", "70": "301"}


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["table", "json"])
def test_decode_masks_the_card_number(form: tuple[str, ...]) -> None:
    shown = run(app, ["decode", SALE.hex(), *form])
    assert shown.exit_code == 0
    assert "476173******0119" in shown.stdout
    assert "4761739001010119" not in shown.stdout


def test_decode_says_where_bad_bytes_go_wrong() -> None:
    shown = run(app, ["decode", SALE[:-3].hex()])
    assert shown.exit_code == 1
    assert "field 4" in shown.stdout


def test_decode_takes_a_dialect_of_ones_own(tmp_path: Path) -> None:
    spec = tmp_path / "ours.toml"
    spec.write_text('name = "ours"\nextends = "iso87-binary"\n')
    shown = run(app, ["decode", "0800002000000000000000" + "0001", "--spec", str(spec)])
    assert "ours" in shown.stdout


def test_an_unknown_dialect_is_a_usage_error() -> None:
    assert run(app, ["decode", "00", "--dialect", "klingon"]).exit_code == 2


def test_sniff_names_framing_and_dialect(tmp_path: Path) -> None:
    file = tmp_path / "capture.bin"
    file.write_bytes(frame(ECHO) + frame(SALE))
    first = run(app, ["sniff", str(file)]).stdout.splitlines()[0]
    assert "100%" in first
    assert "iso87-ascii" in first


def test_sniff_admits_that_nothing_fits() -> None:
    assert run(app, ["sniff", "ff" * 40]).exit_code == 1


def test_sniff_reads_both_directions_of_a_pcapng(tmp_path: Path) -> None:
    file = tmp_path / "capture.pcapng"
    there, back = segment(1, frame(SALE)), segment(1, frame(ECHO), back=True)
    file.write_bytes(section() + interface() + packet(there) + packet(back))
    shown = run(app, ["sniff", str(file), "--most", "1"])
    lines = shown.stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        "127.0.0.1:40000 > 127.0.0.2:8583",
        "127.0.0.2:8583 > 127.0.0.1:40000",
    ]
    assert all("100%  2-byte, iso87-ascii" in line for line in lines)
    file.write_bytes(section() + interface(105) + packet(b"radio"))
    failed = run(app, ["sniff", str(file)])
    assert failed.exit_code == 1
    assert "link type" in failed.stderr


def test_a_masked_document_cannot_be_encoded(tmp_path: Path) -> None:
    file = tmp_path / "sale.json"
    file.write_text(run(app, ["decode", SALE.hex(), "--json"]).stdout)
    made = run(app, ["encode", str(file)])
    assert made.exit_code == 1
    assert made.stdout == ""
    assert "field 2 (Primary Account Number (PAN)): expected a value, found a masked" in made.stderr


def test_encode_takes_a_dialect_of_ones_own(tmp_path: Path) -> None:
    spec, file = tmp_path / "ours.toml", tmp_path / "ours.json"
    spec.write_text('name = "ours"\nextends = "iso87-binary"\n')
    frame_hex = "0800002000000000000000" + "0001"
    file.write_text(run(app, ["decode", frame_hex, "--spec", str(spec), "--json"]).stdout)
    made = run(app, ["encode", str(file), "--spec", str(spec)])
    assert made.stdout.strip() == frame_hex
    for arguments in ([str(file)], [str(tmp_path / "none.json")]):
        assert run(app, ["encode", *arguments]).exit_code == 1
    assert run(app, ["encode", str(file), "--spec", str(file)]).exit_code == 2
