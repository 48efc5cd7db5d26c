"""What every custody must do: one suite for all of them, with every known answer about keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from codec import Framer, MacKey, Message, mac
from codec.keys import check_value, key_parts, unwrap, working_keys, wrap
from codec.mac import Algorithm
from gateway.keys import port
from gateway.keys.port import CustodyError, Enciphered, Layout, MacJob, MacScheme
from gateway.keys.wrapped import KeyUsage, WrappedKey, WrappedKeyError
from tests.codec.samples import POS, vectors
from tests.gateway.custodies import CUSTODIES, MADE, Bench, odd

TMK = "31313131313131313232323232323232"
ZMK = "CA5D92598DCA48CE8A4C76361A9269E9"
MAK = "0723C80DB5F4CD3D0723C80DB5F4CD3D"
LAYOUTS = (
    port.SINGLE,
    port.DOUBLE,
    port.DOUBLE_WITH_TRACK,
    port.DOUBLE_MAK,
    port.DOUBLE_MAK_WITH_TRACK,
    port.TRIPLE,
    port.TRIPLE_WITH_TRACK,
)
MACS: dict[str, tuple[Algorithm, int]] = {
    "cup-ecb-mac": ("cup-ecb", 1),
    "iso9797-1-alg1-des-pad1": ("x9.9", 1),
    "iso9797-1-alg1-tdes-pad1": ("x9.9", 1),
    "iso9797-1-alg1-tdes-pad2": ("x9.9", 2),
    "iso9797-1-alg1-tdes-pad3": ("x9.9", 3),
    "iso9797-1-alg1-cbc-tdes": ("x9.9", 0),
    "iso9797-1-alg3-pad3": ("x9.19", 3),
    "iso9797-1-alg3-retail": ("x9.19", 0),
    "iso9797-1-alg3-pad1": ("x9.19", 1),
    "iso9797-1-alg3-pad2": ("x9.19", 2),
    "aes-cmac": ("aes-cmac", 1),
    "cup-sm4-mac-full": ("cup-sm4", 1),
}
Vector = dict[str, Any]


@pytest.fixture(params=CUSTODIES)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with CUSTODIES[request.param]() as made:
        yield made


def named(*names: str) -> list[Vector]:
    found = [each for each in vectors() if each["algo"] in names]
    assert found
    return found


async def test_working_keys_are_new_fit_the_terminal_and_are_told_by_their_check_values(
    bench: Bench,
) -> None:
    master = await bench.known(TMK, "tmk", "10000001")
    seen = set()
    for layout in LAYOUTS:
        issued = await bench.custody.new_working_keys(master, layout)
        keys = working_keys(bytes.fromhex(TMK), issued.field)
        assert len(keys.pik) == layout.pik
        assert len(keys.mak) == layout.mak
        assert len(keys.tdk) == layout.tdk
        kept = (issued.pik, issued.mak, *([issued.tdk] if issued.tdk else []))
        assert [each.usage for each in kept] == ["pik", "mak", "tdk"][: len(kept)]
        for (_, _, check), key in zip(key_parts(issued.field), kept, strict=True):
            assert bytes.fromhex(key.check) == check
            assert key.owner == "10000001"
            assert await bench.custody.check_value(key) == check
        seen |= {bytes(each) for each in (keys.pik, keys.mak, keys.tdk) if len(each)}
    assert len(seen) == sum(2 + bool(layout.tdk) for layout in LAYOUTS)


async def test_a_mac_made_under_an_issued_key_is_the_terminals(bench: Bench) -> None:
    master = await bench.known(TMK, "tmk")
    issued = await bench.custody.new_working_keys(master, port.DOUBLE_MAK)
    theirs = MacKey("cup-ecb", working_keys(bytes.fromhex(TMK), issued.field).mak)
    job = MacJob(issued.mak, MacScheme("cup-ecb"), b"some message")
    assert await bench.custody.make_macs([job]) == [theirs.compute(b"some message")]


async def test_layouts_that_no_terminal_knows_and_other_masters_are_refused(bench: Bench) -> None:
    master = await bench.known(TMK, "tmk")
    with pytest.raises(CustodyError, match="no host sends"):
        await bench.custody.new_working_keys(master, Layout(24, 16))
    other = await bench.known(TMK, "zmk")
    with pytest.raises(CustodyError, match="can't be used as tmk"):
        await bench.custody.new_working_keys(other, port.DOUBLE)


@pytest.mark.parametrize("vector", named("tdes-ecb-decrypt"), ids=lambda v: v["data"][:8])
async def test_keys_come_in_under_a_transport_key(bench: Bench, vector: Vector) -> None:
    transport = await bench.known(vector["key"], "zmk", "bank")
    check = check_value(bytes.fromhex(vector["expect"]))
    came = Enciphered(bytes.fromhex(vector["data"]), check)
    key = await bench.custody.import_key(transport, "zpk", came)
    assert (key.usage, key.length, key.owner) == ("zpk", len(came.data), "bank")
    assert await bench.custody.check_value(key) == check
    for shorter in (b"", check[:3]):
        await bench.custody.import_key(transport, "zpk", Enciphered(came.data, shorter))
    for wrong in (bytes(4), check[:3] + b"\0", check[:1]):
        with pytest.raises(CustodyError, match="check value"):
            await bench.custody.import_key(transport, "zpk", Enciphered(came.data, wrong))


@pytest.mark.parametrize(
    "vector", named("kcv-cup4", "kcv-des-zero8", "des-kcv"), ids=lambda v: v["expect"]
)
async def test_check_values(bench: Bench, vector: Vector) -> None:
    transport = await bench.known(ZMK, "zmk")
    came = Enciphered(wrap(bytes.fromhex(ZMK), bytes.fromhex(vector["key"])), b"")
    key = await bench.custody.import_key(transport, "zpk", came)
    expected = bytes.fromhex(vector["expect"])[:4]
    assert (await bench.custody.check_value(key))[: len(expected)] == expected


@pytest.mark.parametrize("vector", named("tdes-ecb-encrypt"), ids=lambda v: v["data"][:8])
async def test_keys_go_out_under_a_transport_key(bench: Bench, vector: Vector) -> None:
    transport = await bench.known(vector["key"], "zmk")
    clear = bytes.fromhex(vector["data"])
    if bench.custody.kind == "hsm" and odd(clear) != clear:
        pytest.skip("a security module gives every key odd parity")
    gone = await bench.custody.export_key(transport, await bench.known(clear, "zdk"))
    assert gone.data.hex().upper() == vector["expect"]


async def test_de_62_of_a_worked_example_is_taken_key_by_key(bench: Bench) -> None:
    (vector,) = named("cup-de62-40")
    master = await bench.known(vector["key"], "tmk")
    usages: tuple[KeyUsage, ...] = ("pik", "mak")
    for usage, (_, data, check) in zip(
        usages, key_parts(bytes.fromhex(vector["data"])), strict=True
    ):
        if bench.imports_under_tmk:
            key = await bench.custody.import_key(master, usage, Enciphered(data, check))
        else:
            with pytest.raises(CustodyError, match="imports under a ZMK"):
                await bench.custody.import_key(master, usage, Enciphered(data, check))
            key = await bench.known(bytes(unwrap(bytes.fromhex(vector["key"]), data)), usage)
        assert key.check == vector["expect"][f"{usage}_kcv"]
        assert (await bench.custody.export_key(master, key)).data.hex().upper() == (
            vector["expect"][f"{usage}_enc"]
        )


async def test_a_key_goes_out_under_a_transport_key_and_comes_back(bench: Bench) -> None:
    transport = await bench.known(ZMK, "zmk", "bank")
    for length in (16, 24):
        key = await bench.custody.new_key("zak", "bank", "des", length)
        gone = await bench.custody.export_key(transport, key)
        clear = unwrap(bytes.fromhex(ZMK), gone.data)
        assert gone.check == check_value(clear)
        assert all(byte.bit_count() % 2 for byte in bytes(clear))
        assert (await bench.custody.import_key(transport, "zak", gone)).check == key.check


async def test_keys_travel_under_their_own_kind_of_transport_key_alone(bench: Bench) -> None:
    zone, master = await bench.known(ZMK, "zmk"), await bench.known(TMK, "tmk")
    pik = (await bench.custody.new_working_keys(master, port.DOUBLE)).pik
    for transport, usage in ((zone, "pik"), (master, "zpk"), (pik, "pik"), (zone, "zmk")):
        came = Enciphered(wrap(bytes.fromhex(ZMK), bytes(range(16))), b"")
        with pytest.raises(CustodyError, match="does not travel under"):
            await bench.custody.import_key(transport, usage, came)
    with pytest.raises(CustodyError, match="does not travel under"):
        await bench.custody.export_key(zone, pik)


@pytest.mark.parametrize("length", [0, 1, 7, 9, 12, 15, 20, 32, 64])
async def test_keys_of_other_lengths_are_refused(bench: Bench, length: int) -> None:
    transport = await bench.known(ZMK, "zmk")
    with pytest.raises(CustodyError, match=f"zpk: no key of des has {length} bytes"):
        await bench.custody.import_key(transport, "zpk", Enciphered(bytes(length), b""))
    with pytest.raises(CustodyError, match=f"zpk: no key of des has {length} bytes"):
        await bench.custody.new_key("zpk", "bank", "des", length)


@pytest.mark.parametrize("vector", named(*MACS), ids=lambda v: v["algo"])
async def test_macs(bench: Bench, vector: Vector) -> None:
    algorithm, padding = MACS[vector["algo"]]
    padding = padding or vector["padding"]
    digits = vector.get("key1", vector["key"]) + vector.get("key2", "")
    if len(digits) > 48:
        # Two equal halves each: the same key as one of sixteen bytes.
        assert digits[:16] == digits[16:32]
        digits = digits[:16] + digits[32:48]
    cipher = MacKey(algorithm, bytes.fromhex(digits), padding=padding)
    family = "aes" if "aes" in algorithm else "sm4" if "sm4" in algorithm else "des"
    if family not in bench.ciphers:
        pytest.skip(f"this custody has no {family}")
    key = await bench.known(digits, "mak", cipher=family)  # type: ignore[arg-type]
    scheme, data = MacScheme(algorithm, padding), bytes.fromhex(vector["data"])
    code = cipher.compute(data)
    as_hex = algorithm.startswith("cup")
    told = code.decode() if as_hex else code.hex().upper()
    assert told[: len(vector["expect"])] == vector["expect"][: len(told)]
    assert await bench.custody.make_macs([MacJob(key, scheme, data)]) == [code]
    wrong = bytes([code[0] ^ 1]) + code[1:]
    jobs = [MacJob(key, scheme, data, each) for each in (code, wrong, code[:7], b"", code)]
    assert await bench.custody.verify_macs(jobs) == [True, False, False, False, True]


async def test_the_mac_of_a_captured_frame_is_good(bench: Bench) -> None:
    (vector,) = named("cup-frame")
    (body,) = Framer().feed(bytes.fromhex(vector["data"]))
    key = await bench.known(vector["key"], "mak")
    job = MacJob(key, MacScheme("cup-ecb"), body[11:-8], body[-8:])
    assert await bench.custody.verify_macs([job]) == [True]
    if bench.custody.releases_mac_keys:
        released = await bench.custody.mac_key(key, MacScheme("cup-ecb"))
        assert mac.verify(Message(body, POS), released)


async def test_many_macs_are_answered_in_their_order(bench: Bench) -> None:
    key, theirs = await bench.known(MAK, "zak"), MacKey("x9.19", bytes.fromhex(MAK), keep=4)
    scheme = MacScheme("x9.19", keep=4)
    texts = [f"message {number}".encode() for number in range(100)]
    codes = await bench.custody.make_macs([MacJob(key, scheme, text) for text in texts])
    assert codes == [theirs.compute(text) for text in texts]


async def test_what_a_terminal_enciphered_under_its_track_key_is_opened(bench: Bench) -> None:
    clear = bytes(range(16))
    key = await bench.known(MAK, "tdk")
    # One block after the other, by the cipher alone: the chain is made here.
    first = wrap(bytes.fromhex(MAK), clear[:8])
    chained = bytes(a ^ b for a, b in zip(clear[8:], first, strict=True))
    data = first + wrap(bytes.fromhex(MAK), chained)
    assert bytes(await bench.custody.open_block(key, data)) == clear
    for wrong in (b"", data[:-1]):
        with pytest.raises(CustodyError, match="no whole blocks"):
            await bench.custody.open_block(key, wrong)
    usages: tuple[KeyUsage, ...] = ("tmk", "pik", "mak", "zmk", "zpk", "zdk")
    for usage in usages:
        with pytest.raises(CustodyError):
            await bench.custody.open_block(await bench.known(MAK, usage), data)


async def test_only_mac_keys_are_released_and_only_where_the_custody_says_so(bench: Bench) -> None:
    scheme = MacScheme("cup-ecb")
    usages: tuple[KeyUsage, ...] = ("tmk", "pik", "tdk", "zmk", "zpk", "zdk")
    for usage in usages:
        with pytest.raises(CustodyError):
            await bench.custody.mac_key(await bench.known(MAK, usage), scheme)
        with pytest.raises(CustodyError):
            await bench.custody.make_macs([MacJob(await bench.known(MAK, usage), scheme, b"x")])
    key = await bench.known(MAK, "mak")
    if bench.custody.releases_mac_keys:
        theirs = MacKey("cup-ecb", bytes.fromhex(MAK))
        assert (await bench.custody.mac_key(key, scheme)).compute(b"x") == theirs.compute(b"x")
    else:
        with pytest.raises(CustodyError, match="does not leave"):
            await bench.custody.mac_key(key, scheme)


async def test_a_scheme_that_does_not_fit_the_key_is_refused(bench: Bench) -> None:
    key = await bench.known("2222222222222222", "mak")
    with pytest.raises(CustodyError, match="has 16 or 32 bytes, found 8"):
        await bench.custody.make_macs([MacJob(key, MacScheme("x9.19"), b"x")])


async def test_components_make_a_key_whoever_brings_them_first(bench: Bench) -> None:
    clear = [bytes.fromhex(each) for each in (TMK, ZMK, MAK)]
    expected = bytes(a ^ b ^ c for a, b, c in zip(*clear, strict=True))
    parts = [await bench.component(each) for each in clear]
    for order in (parts, parts[::-1]):
        formed = await bench.custody.form_key(order, "tmk", "10000001")
        assert bytes.fromhex(formed.check) == check_value(expected)
        assert (formed.usage, formed.owner, formed.length) == ("tmk", "10000001", 16)


async def test_components_that_make_no_key_are_refused(bench: Bench) -> None:
    one, two = await bench.component(bytes(range(16))), await bench.component(bytes(range(8)))
    for parts in ([one], [], [one, two], [one, await bench.known(TMK, "tmk")]):
        with pytest.raises(CustodyError):
            await bench.custody.form_key(parts, "tmk", "till")
    with pytest.raises(CustodyError, match="cancel each other"):
        await bench.custody.form_key([one, one], "tmk", "till")


async def test_a_wrapped_key_is_text_and_json_and_the_same_again(bench: Bench) -> None:
    key = await bench.known(TMK, "tmk", "123456789012345|10000001")
    assert WrappedKey.parse(str(key)) == key
    assert msgspec.json.decode(msgspec.json.encode(key), type=WrappedKey) == key
    assert key.made == MADE
    assert TMK not in str(key).upper()
    assert str(key).isascii()
    assert await bench.custody.check_value(WrappedKey.parse(f" {key}\n")) == check_value(
        bytes.fromhex(TMK)
    )
    assert key.block not in repr(key)


async def test_rewrapping_changes_nothing_but_the_block(bench: Bench) -> None:
    key = await bench.known(TMK, "tmk", "10000001")
    again = await bench.custody.rewrap(key)
    assert msgspec.structs.replace(again, block="", under="") == msgspec.structs.replace(
        key, block="", under=""
    )
    assert await bench.custody.check_value(again) == await bench.custody.check_value(key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "isk1",
        "isk2:tmk:des:16:00000000:a:1:kek-00:AAAA",
        "isk1:king:des:16:00000000:a:1:kek-00:AAAA",
        "isk1:tmk:rsa:16:00000000:a:1:kek-00:AAAA",
        "isk1:tmk:des:15:00000000:a:1:kek-00:AAAA",
        "isk1:tmk:des:016:00000000:a:1:kek-00:AAAA",
        "isk1:tmk:des:16:0000000g:a:1:kek-00:AAAA",
        "isk1:tmk:des:16:00000000:a\tb:1:kek-00:AAAA",
        "isk1:tmk:des:16:00000000:a:-1:kek-00:AAAA",
        "isk1:tmk:des:16:00000000:a:1:kek 00:AAAA",
        "isk1:tmk:des:16:00000000:a:1:kek-00:",
        "isk1:tmk:des:16:00000000:a:1:kek-00:AAAA:B",
    ],
)
def test_what_is_no_wrapped_key_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(WrappedKeyError) as caught:
        WrappedKey.parse(text)
    assert "AAAA" not in str(caught.value)
