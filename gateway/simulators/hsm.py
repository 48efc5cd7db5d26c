"""The simulated security module on TCP: commands come in, answers go out, some late or never."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import msgspec
import trio

from gateway.simulators.hsm_module import Module

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

_READ_BYTES: Final = 65_536
_LENGTH_BYTES: Final = 2


class HsmScript(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it behaves."""

    host: str = "127.0.0.1"
    port: int = 1500
    header_characters: int = 4
    seed: str = "isogate"
    """What its LMK is derived from."""
    lose_every: int = 0
    """Every so manieth command is never answered."""
    late_every: int = 0
    late_s: float = 5.0
    """Every so manieth answer comes so late; others overtake it."""
    disabled: tuple[str, ...] = ()
    """Commands that are answered 68."""


class HsmServer:
    """Listens, answers, counts."""

    def __init__(
        self,
        script: HsmScript,
        *,
        random: Callable[[int], bytes] = os.urandom,
        sleep: Callable[[float], Awaitable[None]] = trio.sleep,
    ) -> None:
        self._script = script
        self._sleep = sleep
        self.module = Module(script.seed, random)
        self.module.disabled = set(script.disabled)
        self.commands = 0
        self.most_at_once = 0
        self._now = 0

    async def serve(self, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until it is cancelled; the port it listens on is told."""
        (listener,) = await trio.open_tcp_listeners(self._script.port, host=self._script.host)
        task_status.started(listener.socket.getsockname()[1])
        await trio.serve_listeners(self._serve, [listener])

    async def _serve(self, stream: trio.SocketStream) -> None:
        came, lock = bytearray(), trio.Lock()
        try:
            async with trio.open_nursery() as nursery:
                while data := await stream.receive_some(_READ_BYTES):
                    came += data
                    for message in _whole(came):
                        nursery.start_soon(self._answer, stream, lock, message)
                nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    async def _answer(self, stream: trio.SocketStream, lock: trio.Lock, message: bytes) -> None:
        self.commands += 1
        number, script = self.commands, self._script
        if script.lose_every and number % script.lose_every == 0:
            return
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            at = script.header_characters
            answer = message[:at] + self.module.answer(message[at:])
            if script.late_every and number % script.late_every == 0:
                await self._sleep(script.late_s)
            async with lock:
                await stream.send_all(len(answer).to_bytes(2) + answer)
        finally:
            self._now -= 1


def _whole(came: bytearray) -> Iterator[bytes]:
    """Take whole commands from the begin of what came."""
    while len(came) >= _LENGTH_BYTES:
        size = int.from_bytes(came[:_LENGTH_BYTES])
        if len(came) < _LENGTH_BYTES + size:
            return
        message = bytes(came[_LENGTH_BYTES : _LENGTH_BYTES + size])
        del came[: _LENGTH_BYTES + size]
        yield message
