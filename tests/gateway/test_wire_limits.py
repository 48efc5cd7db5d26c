"""Whoever reaches a limit of the wire pays alone: the terminal beside him goes on selling."""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING, NamedTuple

import pytest
import trio

from codec import build
from codec.framing import frame
from tests.gateway.test_doors import certificate, tls
from tests.gateway.test_gateway import SPOKEN, WAIT_S, Bank, Running, Terminal, bank, gateway
from tests.routing.world import sale

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

__all__ = ["bank"]

ECHO = build(SPOKEN, "0800", {7: "1123171500", 11: "000001", 41: "T0000007", 70: "301"}).raw


async def says_nothing(offender: trio.SocketStream) -> None:
    """A connection, and that is all."""
    del offender


async def begins_a_handshake(offender: trio.SocketStream) -> None:
    """The first bytes of TLS, and no more."""
    await offender.send_all(b"\x16\x03\x01")


async def begins_a_frame(offender: trio.SocketStream) -> None:
    """A whole frame, then half of a length."""
    await offender.send_all(frame(ECHO) + b"\x00")


async def rests(offender: trio.SocketStream) -> None:
    """A whole frame, then nothing."""
    await offender.send_all(frame(ECHO))


async def names_a_long_frame(offender: trio.SocketStream) -> None:
    """A length above the bound."""
    await offender.send_all(b"\x10\x01")


async def never_reads(offender: trio.SocketStream) -> None:
    """Echo after echo, until it is thrown out."""
    while True:
        await offender.send_all(frame(ECHO) * 50)


class Limit(NamedTuple):
    """A limit, and how somebody comes to it."""

    reason: str
    offend: Callable[[trio.SocketStream], Awaitable[None]]
    settings: tuple[str, ...]
    comes_from: str = "127.0.0.1"
    connections: int = 1


LIMITS = {
    "handshake_s": Limit("no handshake in time", begins_a_handshake, ("wire.handshake_s=0.5",)),
    "first_frame_s": Limit("no first frame in time", says_nothing, ("wire.first_frame_s=0.5",)),
    "frame_completion_s": Limit(
        "frame not completed in time", begins_a_frame, ("wire.frame_completion_s=0.5",)
    ),
    "idle_s": Limit("idle", rests, ("wire.idle_s=1",)),
    "frame_bytes_max": Limit("frame_bytes_max", names_a_long_frame, ()),
    # More than the answers to all that is read at once: only who does not read comes to it.
    "waiting_bytes_max": Limit(
        "waiting_bytes_max", never_reads, ("wire.waiting_bytes_max=100000",)
    ),
    "connections_max": Limit(
        "connections_max", says_nothing, ("wire.connections_max=2",), connections=2
    ),
    "connections_per_address_max": Limit(
        "connections_per_address_max",
        says_nothing,
        ("wire.connections_per_address_max=1",),
        comes_from="127.0.0.2",
        connections=2,
    ),
}


async def offends(limit: Limit, port: int) -> None:
    """Connect as often as it takes, and misbehave until the gateway ends it."""
    with contextlib.ExitStack() as stack:
        for _ in range(limit.connections):
            sock = stack.enter_context(trio.socket.socket())
            sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 4_096)
            await sock.bind((limit.comes_from, 0))
            await sock.connect(("127.0.0.1", port))
        with contextlib.suppress(trio.BrokenResourceError):
            await limit.offend(trio.SocketStream(sock))
        await trio.sleep_forever()  # whom the limit had room for stands as long as he may


@pytest.mark.parametrize("name", LIMITS)
async def test_a_limit_costs_whoever_reaches_it_and_nobody_beside_him(
    tmp_path: Path, bank: Bank, name: str
) -> None:
    limit, context, settings = LIMITS[name], None, LIMITS[name].settings
    if name == "handshake_s":
        files = certificate(tmp_path)
        context = ssl.create_default_context(cafile=files["authorities"])
        settings = (*settings, *tls("listener", files))
    async with (
        gateway(tmp_path, bank, "host.0.answer_timeout_s=30", *settings) as running,
        trio.open_nursery() as nursery,
    ):
        neighbour, sold = await running.terminal(context), 0
        assert (await neighbour.asks(sale(stan=sold + 1)))[39] == "00"
        assert await running.ended() == {}
        nursery.start_soon(offends, limit, running.port)
        sold = await served_until_it_ends(running, neighbour, limit.reason)
        assert await running.ended() == {limit.reason: 1}
        assert (await neighbour.asks(sale(stan=sold + 1)))[39] == "00"
        if limit.connections == 1:
            newcomer = await running.terminal(context)
            assert (await newcomer.asks(sale(de41="T0000002")))[39] == "00"
            await newcomer.vanish()
        await neighbour.vanish()
        nursery.cancel_scope.cancel()


async def served_until_it_ends(running: Running, neighbour: Terminal, reason: str) -> int:
    """Sale after sale of the neighbour, until somebody was ended for this; how many it were."""
    sold = 1
    with trio.fail_after(WAIT_S):
        while reason not in await running.ended():
            sold += 1
            assert (await neighbour.asks(sale(stan=sold)))[39] == "00"
    return sold
