"""The key port: PIN blocks change key and format, PINs stay behind it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec import KeyMaterialError, pinblock
from codec.keys import Key, Secret, unwrap, wrap
from gateway.keys.files import read_secret
from gateway.keys.port import KeyPort, KeyPortError, PinFormat, PinKey
from gateway.keys.software import SoftwareCustody

ROOT = Path(__file__).parent.parent.parent
PAN = "4761739001010119"
KEYS: dict[str, Key] = {
    "terminal": bytes(range(16)),
    "host": Secret(bytes(range(50, 74))),
    "network": bytes(range(100, 132)),
}
DES, AES = ("terminal", "host"), ("network",)


def made() -> KeyPort:
    return SoftwareCustody({name: KEYS[name] for name in DES}, {name: KEYS[name] for name in AES})


@pytest.fixture
def custody() -> KeyPort:
    return made()


def key_for(form: PinFormat, *, other: bool = False) -> PinKey:
    return PinKey("network" if form == 4 else DES[other], form)


def sealed(form: PinFormat, pin: str, key: PinKey, pan: str = PAN) -> bytes:
    if form == 4:
        return pinblock.encipher_iso_4(KEYS[key.name], pin, pan, b"12345678")
    block = pinblock.encode(form, pin, pan, "ABCDEFABCDEFAB")
    return wrap(KEYS[key.name], block)


def opened(block: bytes, key: PinKey, pan: str = PAN) -> str:
    if key.format == 4:
        return pinblock.decipher_iso_4(KEYS[key.name], block, pan)
    return pinblock.decode(key.format, bytes(unwrap(KEYS[key.name], block)), pan)


@pytest.mark.parametrize(
    ("come", "go"),
    [
        *[(0, 0), (0, 3), (0, 4), (1, 0), (1, 1), (1, 3), (1, 4)],
        *[(3, 0), (3, 3), (3, 4), (4, 0), (4, 3), (4, 4)],
    ],
)
@pytest.mark.parametrize("pin", ["1234", "123456789012"])
def test_a_block_changes_key_and_format(
    custody: KeyPort, come: PinFormat, go: PinFormat, pin: str
) -> None:
    source, target = key_for(come), key_for(go, other=True)
    block = custody.translate_pin_block(
        sealed(come, pin, source), PAN, source=source, target=target
    )
    assert opened(block, target) == pin
    assert block != sealed(come, pin, source)


@pytest.mark.parametrize("come", [0, 3, 4])
def test_a_block_bound_to_a_card_is_never_unbound(custody: KeyPort, come: PinFormat) -> None:
    source = key_for(come)
    with pytest.raises(KeyPortError, match=f"format {come} must not become one of format 1"):
        custody.translate_pin_block(
            sealed(come, "1234", source), PAN, source=source, target=PinKey("host", 1)
        )


def test_another_card_number_or_key_gives_no_block(custody: KeyPort) -> None:
    source, target = key_for(0), key_for(3, other=True)
    block = sealed(0, "1234", source)
    with pytest.raises(KeyPortError, match="not of format 0 under terminal") as caught:
        custody.translate_pin_block(block, "5413330089600119", source=source, target=target)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    with pytest.raises(KeyPortError, match="not of format 0 under host"):
        custody.translate_pin_block(block, PAN, source=PinKey("host", 0), target=target)


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        (PinKey("nobody", 0), PinKey("host", 0), "format 0 is named 'nobody'"),
        (PinKey("terminal", 0), PinKey("nobody", 0), "format 0 is named 'nobody'"),
        (PinKey("terminal", 0), PinKey("terminal", 4), "format 4 is named 'terminal'"),
        (PinKey("terminal", 0), PinKey("network", 3), "format 3 is named 'network'"),
    ],
)
def test_keys_serve_what_they_are_made_for(
    custody: KeyPort, source: PinKey, target: PinKey, words: str
) -> None:
    block = sealed(0, "1234", PinKey("terminal", 0))
    with pytest.raises(KeyPortError, match=words):
        custody.translate_pin_block(block, PAN, source=source, target=target)


@given(block=st.binary(max_size=20), form=st.sampled_from([0, 1, 3, 4]), pan=st.text(max_size=20))
def test_whatever_comes_errors_show_nothing_of_it(block: bytes, form: PinFormat, pan: str) -> None:
    source = key_for(form)
    target = PinKey("host", 1) if form == 1 else key_for(0, other=True)
    try:
        made().translate_pin_block(block, pan, source=source, target=target)
    except KeyPortError as error:
        text = str(error)
    else:
        text = ""
    assert len(pan) < 4 or pan not in text
    assert not block or block.hex() not in text


def test_blocks_of_format_3_and_4_differ_each_time(custody: KeyPort) -> None:
    source = key_for(0)
    for form in (3, 4):
        target = key_for(form, other=True)
        blocks = {
            custody.translate_pin_block(
                sealed(0, "1234", source), PAN, source=source, target=target
            )
            for _ in range(8)
        }
        assert len(blocks) == 8


def test_a_custody_shows_names_alone(custody: KeyPort) -> None:
    assert repr(custody) == "<SoftwareCustody terminal, host, network>"
    for des, aes in (({"pik": b"8 bytes!"}, {}), ({}, {"pik": b"8 bytes!"})):
        with pytest.raises(KeyPortError, match=r"pik: expected a key of .* bytes, found 8"):
            SoftwareCustody(des, aes)


def test_keys_come_from_files(tmp_path: Path) -> None:
    path = tmp_path / "pin.key"
    path.write_text("  0123456789ABCDEFfedcba9876543210\n")
    assert read_secret(path) == bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
    for wrong in ("", "0", "xy", "01 02", "00" * 65, "00" * 5000):
        path.write_text(wrong)
        with pytest.raises(KeyMaterialError, match="hexadecimal digits"):
            read_secret(path)
    with pytest.raises(OSError, match="No such file"):
        read_secret(tmp_path / "none.key")


def test_pins_are_seen_behind_the_key_port_alone() -> None:
    importers = set()
    for path in (each for part in ("codec", "gateway", "routing") for each in _sources(part)):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
            elif isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
            else:
                continue
            if "codec.pinblock" in names:
                importers.add(path.relative_to(ROOT).as_posix())
    assert importers == {"gateway/keys/software.py"}


def _sources(part: str) -> list[Path]:
    return sorted((ROOT / part).rglob("*.py"))
