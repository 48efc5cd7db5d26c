"""A line carries whole messages, signed and checked, over a real socket."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import trio

from codec import MacKey
from codec.framing import frame
from gateway.simulators.line import Line, LineLostError, mac_key
from gateway.simulators.terminal_speech import SPEECHES, SaleFacts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KEY = MacKey("cup-ecb", bytes.fromhex("0123456789ABCDEF"))
SPEECH = SPEECHES["unionpay-pos"]
AT = datetime(2026, 11, 23, tzinfo=UTC)
SALE = SPEECH.sale(
    SaleFacts("SHOP00000000001", "T0000001", "000001", "000001", 500, "6229990000000009", AT)
)


@pytest.fixture
async def sockets() -> AsyncIterator[tuple[trio.SocketStream, trio.SocketStream]]:
    left, right = trio.socket.socketpair()
    with left, right:
        yield trio.SocketStream(left), trio.SocketStream(right)


Pair = tuple[trio.SocketStream, trio.SocketStream]


async def test_a_signed_message_arrives_with_a_good_mac(sockets: Pair) -> None:
    here, there = (Line(stream, SPEECH.dialect, KEY) for stream in sockets)
    await here.send(SALE)
    heard = await there.receive()
    assert heard.mac_good
    assert heard.message[4] == "000000000500"
    assert not SALE.has(64)


async def test_a_spoiled_mac_is_noticed(sockets: Pair) -> None:
    here, there = (Line(stream, SPEECH.dialect, KEY) for stream in sockets)
    await here.send(SALE, spoil_mac=True)
    assert not (await there.receive()).mac_good


async def test_an_unsigned_message_is_noticed(sockets: Pair) -> None:
    here, there = Line(sockets[0], SPEECH.dialect, None), Line(sockets[1], SPEECH.dialect, KEY)
    await here.send(SALE)
    assert not (await there.receive()).mac_good


async def test_messages_come_one_by_one_however_they_were_sent(sockets: Pair) -> None:
    line = Line(sockets[1], SPEECH.dialect, None)
    data = frame(SALE.raw) * 2
    await sockets[0].send_all(data[:30])
    with trio.move_on_after(0.01) as waiting:
        await line.receive()
    assert waiting.cancelled_caught
    await sockets[0].send_all(data[30:])
    assert (await line.receive()).message == (await line.receive()).message == SALE


@pytest.mark.parametrize("data", [b"", b"\x00\x00", frame(b"noise")])
async def test_an_end_and_bytes_that_are_no_message_lose_the_line(
    sockets: Pair, data: bytes
) -> None:
    line = Line(sockets[1], SPEECH.dialect, None)
    await sockets[0].send_all(data)
    await sockets[0].aclose()
    with pytest.raises(LineLostError):
        await line.receive()


def test_a_key_file_holds_hexadecimal_digits(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("0123456789abcdef\n")
    assert mac_key("none", None) is None
    assert mac_key("cup-ecb", path) is not None
    with pytest.raises(ValueError, match="key file"):
        mac_key("cup-ecb", None)
