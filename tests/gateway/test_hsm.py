"""The line to a security module: many in flight, late, lost and senseless answers, other LMKs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from codec.keys import Secret
from gateway.keys.hsm import HsmCustody
from gateway.keys.hsm_link import HsmLink
from gateway.keys.port import (
    DOUBLE_WITH_TRACK,
    CustodyError,
    CustodyUnavailableError,
    Enciphered,
    MacJob,
    MacScheme,
)
from gateway.keys.settings import HsmSettings
from gateway.simulators.hsm import HsmScript, HsmServer
from tests.gateway.custodies import behind, module_of

TMK = bytes.fromhex("31313131313131313232323232323232")
PATIENT: dict[str, Any] = {"timeout_s": 60.0}
SOON: dict[str, Any] = {"timeout_s": 0.1, "reconnect_s": 0.01, "reconnect_max_s": 0.01}
"""The module is silent on purpose: nothing that could be slow is waited for."""


@asynccontextmanager
async def at(
    settings: dict[str, Any],
    sleep: Callable[[float], Awaitable[None]] = trio.sleep,
    **script: Any,
) -> AsyncIterator[tuple[HsmServer, HsmLink]]:
    """A module and a line to it."""
    server = HsmServer(HsmScript(port=0, **script), sleep=sleep)
    async with trio.open_nursery() as nursery:
        port = await nursery.start(server.serve)
        link = HsmLink(HsmSettings(port=port, **settings))
        yield server, link
        link.close()
        nursery.cancel_scope.cancel()


async def until(true: Callable[[], bool]) -> None:
    """What has no event to wait for: bytes on their way through the kernel."""
    while not true():  # noqa: ASYNC110 - see above
        await trio.sleep(0.001)


async def echo(link: HsmLink, text: str = "hello") -> None:
    answer = await link.ask("B2", f"{len(text):04X}{text}".encode())
    assert answer == b"00" + text.encode()


async def test_many_commands_are_in_flight_but_never_more_than_agreed() -> None:
    held = trio.Event()

    async def until_all_are_there(_: float) -> None:
        if server.most_at_once == 8:
            held.set()
        await held.wait()

    settings = PATIENT | {"in_flight_max": 8}
    async with at(settings, until_all_are_there, late_every=1) as (server, link):
        async with trio.open_nursery() as nursery:
            for number in range(40):
                nursery.start_soon(echo, link, f"number {number}")
        assert server.most_at_once == 8
        assert link.counts["answered"] == 40
        assert link.waiting == 0


@pytest.mark.parametrize("characters", [1, 4, 12])
async def test_headers_of_any_length_come_back(characters: int) -> None:
    settings = PATIENT | {"header_characters": characters}
    async with at(settings, header_characters=characters) as (_, link):
        for number in range(80):
            await echo(link, str(number))


async def test_an_answer_that_another_overtakes_still_finds_its_command() -> None:
    released = trio.Event()
    done: list[str] = []

    async def until_released(_: float) -> None:
        await released.wait()

    async with at(PATIENT, until_released, late_every=2) as (server, link):

        async def asked(name: str) -> None:
            await echo(link, name)
            done.append(name)

        await asked("first")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(asked, "late")
            await until(lambda: server.commands == 2)
            await asked("overtaking")
            released.set()
    assert done == ["first", "overtaking", "late"]


async def test_an_answer_that_comes_too_late_goes_to_nobody() -> None:
    released = trio.Event()

    async def until_released(_: float) -> None:
        await released.wait()

    async with at(SOON, until_released, late_every=1) as (_, link):
        with pytest.raises(CustodyUnavailableError, match="did not answer a B2 in time"):
            await echo(link)
        released.set()
        await until(lambda: link.counts["late"] > 0)
        assert link.counts["silent"] == 1
        assert link.waiting == 0


async def test_a_lost_answer_costs_its_command_alone() -> None:
    async with at(SOON | {"timeout_s": 1.0}, lose_every=2) as (_, link):
        await echo(link, "1")
        with pytest.raises(CustodyUnavailableError):
            await echo(link, "2")
        await echo(link, "3")
        assert link.counts["lost"] == 0


async def test_a_module_that_stays_silent_is_connected_anew() -> None:
    async with at(SOON | {"silences_max": 3}, lose_every=1) as (_, link):
        for _ in range(3):
            with pytest.raises(CustodyUnavailableError):
                await echo(link)
        assert link.counts["lost"] == 1


async def test_a_module_that_dies_and_comes_back_is_used_again() -> None:
    settings = PATIENT | {"reconnect_s": 0.01, "reconnect_max_s": 0.01}
    async with module_of(HsmScript(port=0)) as (_, port):
        link = HsmLink(HsmSettings(port=port, **settings))
        await echo(link)
    await until(lambda: link.counts["lost"] > 0)
    with pytest.raises(CustodyUnavailableError, match="can't be reached"):
        await echo(link)
    async with module_of(HsmScript(port=port)):
        await trio.sleep(0.02)
        await echo(link)
        link.close()


async def test_what_is_in_flight_when_the_connection_ends_is_unavailable_at_once() -> None:
    async with module_of(HsmScript(port=0, lose_every=1)) as (server, port):
        link = HsmLink(HsmSettings(port=port, **PATIENT))

        async def lost() -> None:
            with pytest.raises(CustodyUnavailableError, match="was lost"):
                await echo(link)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(lost)
            await until(lambda: server.commands > 0)
            link.close()


async def test_who_comes_when_too_much_waits_is_refused_at_once() -> None:
    async with at(PATIENT | {"waiting_max": 2, "in_flight_max": 1}, lose_every=1) as (_, link):
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(echo, link)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(CustodyUnavailableError, match="too much waits"):
                await echo(link)
            nursery.cancel_scope.cancel()
        assert link.counts["refused"] == 1
        assert link.waiting == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\x00",
        b"\x00\x03abc",
        b"\x00\x08{header}B9000000",
        b"\x00\x05{header}B",
        b"",
    ],
)
async def test_an_answer_that_makes_no_sense_ends_the_connection(answer: bytes) -> None:
    async def nonsense(stream: trio.SocketStream) -> None:
        command = await stream.receive_some(4096)
        await stream.send_all(answer.replace(b"{header}", command[2:6]))
        if not answer:
            await stream.aclose()
            return
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, nonsense, [listener])
        link = HsmLink(HsmSettings(port=listener.socket.getsockname()[1], **PATIENT))
        with pytest.raises(CustodyUnavailableError):
            await echo(link)
        assert link.counts["lost"] == 1
        nursery.cancel_scope.cancel()


async def test_commands_that_the_module_refuses_say_why() -> None:
    async with module_of(HsmScript(port=0, disabled=("A0",))) as (server, port):
        custody = HsmCustody(HsmSettings(port=port, **PATIENT))
        await custody.greet()
        bench = behind(server, custody)
        master = await bench.known(TMK, "tmk")
        with pytest.raises(CustodyError, match="refused A0 with 68: the command is disabled"):
            await custody.new_working_keys(master, DOUBLE_WITH_TRACK)
        server.module.disabled.clear()
        assert (await custody.new_working_keys(master, DOUBLE_WITH_TRACK)).tdk is not None
        with pytest.raises(CustodyError, match="has no keys of aes"):
            await custody.new_key("zpk", "bank", "aes", 16)
        job = MacJob(await bench.known(TMK, "mak"), MacScheme("aes-cmac"), b"x")
        with pytest.raises(CustodyError, match="no MACs by aes-cmac"):
            await custody.make_macs([job])
        custody.wipe()


async def test_a_key_of_another_type_or_text_or_lmk_is_refused_by_the_module() -> None:
    async with module_of(HsmScript(port=0)) as (server, port):
        custody = HsmCustody(HsmSettings(port=port, **PATIENT))
        await custody.greet()
        bench = behind(server, custody)
        pik, zmk = await bench.known(TMK, "pik"), await bench.known(TMK, "zmk", "bank")
        job = MacJob(msgspec.structs.replace(pik, usage="mak"), MacScheme("cup-ecb"), b"x")
        with pytest.raises(CustodyError, match="with 10"):
            await custody.make_macs([job])
        altered = msgspec.structs.replace(pik, block="U" + bytes(range(16)).hex().upper())
        with pytest.raises(CustodyError, match="with 10"):
            await custody.check_value(altered)
        relabelled = msgspec.structs.replace(pik, check="00000000")
        with pytest.raises(CustodyError, match="another check value"):
            await custody.check_value(relabelled)
        foreign = msgspec.structs.replace(pik, under="lmk-00000000")
        with pytest.raises(CustodyError, match="not held here"):
            await custody.check_value(foreign)
        with pytest.raises(CustodyError, match="imports under a ZMK"):
            await custody.import_key(zmk, "zpk", Enciphered(bytes(16), b""), "des", "sm4")
        custody.wipe()
    async with module_of(HsmScript(port=0, seed="another")) as (_, other):
        elsewhere = HsmCustody(HsmSettings(port=other, **PATIENT))
        await elsewhere.greet()
        assert elsewhere.under != pik.under
        elsewhere.wipe()


async def test_components_are_taken_as_the_console_printed_them() -> None:
    async with module_of(HsmScript(port=0)) as (server, port):
        custody = HsmCustody(HsmSettings(port=port, **PATIENT))
        await custody.greet()
        bench = behind(server, custody)
        part = await bench.component(TMK, "zmk")
        assert part.usage == "zmk_part"
        with pytest.raises(CustodyError, match="can't be used as tmk_part"):
            await custody.form_key([part, part], "tmk", "till")
        for text in (b"U" + b"0" * 31, b"U" + b"0" * 33, b"\xff" * 33, b""):
            with pytest.raises(CustodyError):
                await custody.seal_component(Secret(text), bytes(3), "tmk", "till", "des")
        custody.wipe()


async def test_greeting_says_which_lmk_and_that_nobody_is_there() -> None:
    custody = HsmCustody(HsmSettings(port=1, **PATIENT))
    with pytest.raises(CustodyUnavailableError, match="can't be reached"):
        await custody.greet()
    assert repr(custody) == "<HsmCustody >"
