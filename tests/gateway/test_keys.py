"""PIN blocks change key and format, PINs stay behind the port; keys at rest can't be changed."""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from codec import KeyMaterialError, pinblock
from codec.keys import Key, KeyCipher, Secret, unwrap, wrap
from gateway.keys.files import read_secret
from gateway.keys.port import CustodyError, KeyCustody, PinFormat, PinKey
from gateway.keys.software import SoftwareCustody
from gateway.keys.wrapped import WrappedKey
from tests.codec.samples import vectors
from tests.gateway.custodies import CUSTODIES, KEK, Bench

ROOT = Path(__file__).parent.parent.parent
PAN = "4761739001010119"
KEYS: dict[str, bytes] = {
    "terminal": bytes(range(16)),
    "host": bytes(range(50, 74)),
    "network": bytes(range(100, 132)),
}
DES = ("terminal", "host")


class Street:
    """A custody that has the three keys."""

    def __init__(self, custody: KeyCustody, keys: dict[str, WrappedKey]) -> None:
        self.custody = custody
        self.keys = keys

    async def translated(
        self, block: bytes, source: tuple[str, PinFormat], target: tuple[str, PinFormat]
    ) -> bytes:
        return await self.custody.translate_pin_block(
            block,
            PAN,
            source=PinKey(self.keys[source[0]], source[1]),
            target=PinKey(self.keys[target[0]], target[1]),
        )


async def street_of(bench: Bench) -> Street:
    keys = {
        "terminal": await bench.known(KEYS["terminal"], "pik"),
        "host": await bench.known(KEYS["host"], "zpk"),
    }
    if "aes" in bench.ciphers:
        keys["network"] = await bench.known(KEYS["network"], "zpk", cipher="aes")
    return Street(bench.custody, keys)


@pytest.fixture(params=CUSTODIES)
async def street(request: pytest.FixtureRequest) -> AsyncIterator[Street]:
    async with CUSTODIES[request.param]() as bench:
        if not bench.translates_pins:
            pytest.skip("this custody translates no PIN blocks")
        yield await street_of(bench)


def key_for(form: PinFormat, *, other: bool = False) -> tuple[str, PinFormat]:
    return ("network" if form == 4 else DES[other]), form


def sealed(form: PinFormat, pin: str, name: str, pan: str = PAN) -> bytes:
    key: Key = KEYS[name]
    if form == 4:
        return pinblock.encipher_iso_4(key, pin, pan, b"12345678")
    return wrap(key, pinblock.encode(form, pin, pan, "ABCDEFABCDEFAB"))


def opened(block: bytes, name: str, form: PinFormat) -> str:
    if form == 4:
        return pinblock.decipher_iso_4(KEYS[name], block, PAN)
    return pinblock.decode(form, bytes(unwrap(KEYS[name], block)), PAN)


@pytest.mark.parametrize(
    ("come", "go"),
    [
        *[(0, 0), (0, 3), (0, 4), (1, 0), (1, 1), (1, 3), (1, 4)],
        *[(3, 0), (3, 3), (3, 4), (4, 0), (4, 3), (4, 4)],
    ],
)
@pytest.mark.parametrize("pin", ["1234", "123456789012"])
async def test_a_block_changes_key_and_format(
    street: Street, come: PinFormat, go: PinFormat, pin: str
) -> None:
    source, target = key_for(come), key_for(go, other=True)
    if not {source[0], target[0]} <= set(street.keys):
        pytest.skip("this custody has no AES")
    came = sealed(come, pin, source[0])
    block = await street.translated(came, source, target)
    assert opened(block, *target) == pin
    assert block != came


@pytest.mark.parametrize(
    "vector",
    vectors("pinblock-iso0-tdes-ecb", "pinblock-iso4-aes-encipher", "pinblock-iso4-aes-decipher"),
    ids=lambda v: v["algo"],
)
@pytest.mark.parametrize("kind", ["software", "hsm"])
async def test_known_pin_blocks_are_opened(kind: str, vector: dict[str, Any]) -> None:
    form: PinFormat = 0 if "iso0" in vector["algo"] else 4
    told = vector["data"]
    block = told["pinblock"] if "pinblock" in told else vector["expect"]
    pin = told.get("pin", vector["expect"])
    async with CUSTODIES[kind]() as bench:
        if form == 4 and "aes" not in bench.ciphers:
            pytest.skip("this custody has no AES")
        cipher: KeyCipher = "aes" if form == 4 else "des"
        source = PinKey(await bench.known(vector["key"], "zpk", cipher=cipher), form)
        target = PinKey(await bench.known(KEYS["host"], "zpk"), 0)
        made = await bench.custody.translate_pin_block(
            bytes.fromhex(block), told["pan"], source=source, target=target
        )
    assert pinblock.decode(0, bytes(unwrap(KEYS["host"], made)), told["pan"]) == pin


@pytest.mark.parametrize("come", [0, 3])
async def test_a_block_bound_to_a_card_is_never_unbound(street: Street, come: PinFormat) -> None:
    block = sealed(come, "1234", "terminal")
    with pytest.raises(CustodyError, match=f"format {come} must not become one of format 1"):
        await street.translated(block, ("terminal", come), ("host", 1))


async def test_another_card_number_or_key_gives_no_block(street: Street) -> None:
    other = sealed(0, "1234", "terminal", "5413330089600119")
    with pytest.raises(CustodyError, match="not of format 0") as caught:
        await street.translated(other, ("terminal", 0), ("host", 3))
    assert caught.value.__cause__ is None
    with pytest.raises(CustodyError, match="not of format 0"):
        await street.translated(sealed(0, "1234", "terminal"), ("host", 0), ("host", 0))


async def test_keys_serve_what_they_are_made_for(street: Street) -> None:
    block = sealed(0, "1234", "terminal")
    with pytest.raises(CustodyError, match="format 4 is under <WrappedKey pik"):
        await street.translated(block, ("terminal", 0), ("terminal", 4))
    if "network" in street.keys:
        with pytest.raises(CustodyError, match="format 3 is under <WrappedKey zpk aes"):
            await street.translated(block, ("terminal", 0), ("network", 3))


async def test_a_key_of_another_usage_opens_no_pin_block() -> None:
    async with CUSTODIES["software"]() as bench:
        street = await street_of(bench)
        street.keys["terminal"] = await bench.known(KEYS["terminal"], "mak")
        with pytest.raises(CustodyError, match="can't be used as pik or zpk"):
            await street.translated(sealed(0, "1234", "terminal"), ("terminal", 0), ("host", 0))


@given(block=st.binary(max_size=20), form=st.sampled_from([0, 1, 3, 4]))
def test_whatever_comes_errors_show_nothing_of_it(block: bytes, form: PinFormat) -> None:
    async def run() -> str:
        async with CUSTODIES["software"]() as bench:
            street = await street_of(bench)
            target: tuple[str, PinFormat] = ("host", 1) if form == 1 else key_for(0, other=True)
            try:
                await street.translated(block, key_for(form), target)
            except CustodyError as error:
                return str(error)
            return ""

    text = trio.run(run)
    assert len(block) < 2 or block.hex() not in text


@pytest.mark.parametrize("form", [3, 4])
async def test_blocks_of_format_3_and_4_differ_each_time(street: Street, form: PinFormat) -> None:
    target = key_for(form, other=True)
    if target[0] not in street.keys:
        pytest.skip("this custody has no AES")
    block = sealed(0, "1234", "terminal")
    blocks = {await street.translated(block, ("terminal", 0), target) for _ in range(8)}
    assert len(blocks) == 8


async def test_a_label_that_was_changed_opens_nothing() -> None:
    async with CUSTODIES["software"]() as bench:
        key = await bench.known(KEYS["terminal"], "pik", "10000001")
        foreign = await bench.known(KEYS["host"][:16], "pik", "10000002")
        for changed in (
            {"usage": "mak"},
            {"owner": "10000002"},
            {"check": foreign.check},
            {"made": key.made + 1},
            {"cipher": "aes"},
            {"length": 24},
            {"block": foreign.block},
            {"block": key.block[:-2] + "AA"},
            {"block": "AAAA"},
            {"block": "A"},
        ):
            with pytest.raises(CustodyError) as caught:
                await bench.custody.check_value(msgspec.structs.replace(key, **changed))
            assert key.block not in str(caught.value)


async def test_keys_under_an_older_kek_are_opened_and_wrapped_anew() -> None:
    old, new = KEK, bytes(range(100, 132))
    async with CUSTODIES["software"]() as bench:
        key = await bench.known(KEYS["terminal"], "tmk", "10000001")
    with pytest.raises(CustodyError, match="which is not held here"):
        await SoftwareCustody([new]).rewrap(key)
    changing = SoftwareCustody([new, old])
    again = await changing.rewrap(key)
    assert again.under == changing.under != key.under
    assert (await SoftwareCustody([new]).check_value(again)).hex().upper() == key.check


def test_a_custody_shows_the_name_of_its_kek_alone() -> None:
    assert repr(SoftwareCustody([KEK])) == "<SoftwareCustody kek-377822c0>"
    for keks, why in (([], "no key-encryption key"), ([bytes(16)], "has 32 bytes, found 16")):
        with pytest.raises(CustodyError, match=why):
            SoftwareCustody(keks)


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


def test_a_component_whose_check_value_does_not_fit_is_refused() -> None:
    async def run() -> None:
        with pytest.raises(CustodyError, match="check value does not fit"):
            await SoftwareCustody([KEK]).seal_component(
                Secret(bytes(range(16))), bytes(3), "tmk", "part", "des"
            )

    trio.run(run)


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
    assert importers == {"gateway/keys/pins.py", "gateway/simulators/hsm_module.py"}


def _sources(part: str) -> list[Path]:
    return sorted((ROOT / part).rglob("*.py"))
