"""The line to a security module of the payShield kind: many commands in flight over one connection.

A command is two bytes of length, a header of ours, two characters of code, and the rest; the answer
repeats the header.  So answers may come in any order, and a late one is known as nobody's.

Rule 1.  No more than `in_flight_max` commands are at the module, and no more than `waiting_max`
here;
         who comes then is refused at once.
Rule 2.  A command has `timeout_s` from when it was asked, waiting and connecting included. Rule
3.  `silences_max` commands in a row without an answer end the connection; so does an answer that
         makes no sense.  What was in flight is then unavailable, and is never asked again by
         itself.
Rule 4.  A connection is made when it is needed; after one that failed there is a pause, doubled
each
         time up to `reconnect_max_s`, in which everything is unavailable at once.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import trio

from gateway.keys.port import CustodyError, CustodyUnavailableError

if TYPE_CHECKING:
    from gateway.keys.settings import HsmSettings

_LENGTH_BYTES: Final = 2
_CODE: Final = 2
_READ_BYTES: Final = 65_536
_DIGITS: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class _Waiting:
    """One command in flight."""

    __slots__ = ("answer", "done")

    def __init__(self) -> None:
        self.done = trio.Event()
        self.answer: bytes | None = None


class HsmLink:
    """A connection to one module."""

    def __init__(self, settings: HsmSettings) -> None:
        self._settings = settings
        self._stream: trio.SocketStream | None = None
        self._connecting = trio.Lock()
        self._sending = trio.Lock()
        self._room = trio.Semaphore(settings.in_flight_max)
        self._flying: dict[bytes, _Waiting] = {}
        self._number = 0
        self._silences = 0
        self._pause_s = 0.0
        self._not_before = 0.0
        self.waiting = 0
        """Commands asked and not answered yet."""
        self.counts: Counter[str] = Counter()
        """`answered`, `silent`, `refused` (no room), `late` (answers to nobody), `lost` (links)."""

    async def ask(self, code: str, body: bytes) -> bytes:
        """Send a command; what follows the code of its answer.  Raises CustodyUnavailableError."""
        if self.waiting >= self._settings.waiting_max:
            self.counts["refused"] += 1
            raise CustodyUnavailableError("too much waits for the security module already")
        self.waiting += 1
        try:
            with trio.move_on_after(self._settings.timeout_s):
                async with self._room:
                    return await self._asked(code, body)
        finally:
            self.waiting -= 1
        self.counts["silent"] += 1
        self._silences += 1
        if self._silences >= self._settings.silences_max:
            self._lose(self._stream)
        raise CustodyUnavailableError(f"the security module did not answer a {code} in time")

    async def _asked(self, code: str, body: bytes) -> bytes:
        stream = await self._connected()
        header, waiting = self._next_header(), _Waiting()
        self._flying[header] = waiting
        try:
            await self._send(stream, header + code.encode() + body)
            await waiting.done.wait()
        finally:
            self._flying.pop(header, None)
        answer = waiting.answer
        if answer is None:
            raise CustodyUnavailableError("the connection to the security module was lost")
        if answer[:_CODE] != _answer_to(code):
            self._lose(stream)
            raise CustodyUnavailableError(f"the security module answered something else to {code}")
        self._silences = 0
        self.counts["answered"] += 1
        return answer[_CODE:]

    async def _send(self, stream: trio.SocketStream, message: bytes) -> None:
        if len(message) >= 1 << 8 * _LENGTH_BYTES:
            raise CustodyError("more than a command of the security module can hold")
        sent = False
        try:
            async with self._sending:
                await stream.send_all(len(message).to_bytes(_LENGTH_BYTES) + message)
                sent = True
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise CustodyUnavailableError("the connection to the security module broke") from None
        finally:
            if not sent:
                # Half a command may have left: nothing more can be sent over this connection.
                self._lose(stream)

    def _next_header(self) -> bytes:
        while True:
            self._number += 1
            rest, header = self._number, bytearray()
            for _ in range(self._settings.header_characters):
                rest, digit = divmod(rest, len(_DIGITS))
                header.append(_DIGITS[digit])
            if bytes(header) not in self._flying:
                return bytes(header)

    # The connection

    async def _connected(self) -> trio.SocketStream:
        async with self._connecting:
            if self._stream is not None:
                return self._stream
            if trio.current_time() < self._not_before:
                raise CustodyUnavailableError("the security module can't be reached")
            try:
                stream = await trio.open_tcp_stream(self._settings.address, self._settings.port)
            except OSError:
                self._pause()
                raise CustodyUnavailableError("the security module can't be reached") from None
            self._stream, self._silences, self._pause_s = stream, 0, 0.0
            # Not of the caller's: it reads for everybody who asks, as long as the connection is.
            trio.lowlevel.spawn_system_task(self._read, stream)
            return stream

    def _pause(self) -> None:
        first, most = self._settings.reconnect_s, self._settings.reconnect_max_s
        self._pause_s = min(max(self._pause_s * 2, first), most)
        self._not_before = trio.current_time() + self._pause_s

    async def _read(self, stream: trio.SocketStream) -> None:
        came = bytearray()
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await stream.receive_some(_READ_BYTES):
                came += data
                if not self._take(came):
                    break
        self._lose(stream)

    def _take(self, came: bytearray) -> bool:
        """Hand out whole answers; False if they make no sense."""
        begin = self._settings.header_characters
        while len(came) >= _LENGTH_BYTES:
            size = int.from_bytes(came[:_LENGTH_BYTES])
            if size < begin + _CODE:
                return False
            if len(came) < _LENGTH_BYTES + size:
                break
            message = bytes(came[_LENGTH_BYTES : _LENGTH_BYTES + size])
            del came[: _LENGTH_BYTES + size]
            waiting = self._flying.pop(message[:begin], None)
            if waiting is None:
                self.counts["late"] += 1
            else:
                waiting.answer = message[begin:]
                waiting.done.set()
        return True

    def _lose(self, stream: trio.SocketStream | None) -> None:
        """End a connection; what is in flight on it has no answer."""
        if stream is None or self._stream is not stream:
            return
        self._stream = None
        self.counts["lost"] += 1
        stream.socket.close()
        for waiting in self._flying.values():
            waiting.done.set()
        self._flying.clear()

    def close(self) -> None:
        """End the connection."""
        self._lose(self._stream)


def _answer_to(code: str) -> bytes:
    return bytes([ord(code[0]), ord(code[1]) + 1])
