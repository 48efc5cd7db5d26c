"""A terminal and a bank host for tests that choose every message themselves.

The host does what the amount says; its book is a plain list.  Blocking sockets, every wait bounded.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from codec import Message, build, dialect

ISO87: Final = dialect("iso87-ascii")
PAN: Final = "4761739001010119"
TRACK: Final = "4761739001010119=30122011000012300000"
PIN_BLOCK: Final = "0123456789ABCDEF"
APPROVE: Final = "000000001000"
DECLINE: Final = "000000001051"
SILENT: Final = "000000001099"
SLOW: Final = "000000001077"
SLOW_S: Final = 1.0
WAIT_S: Final = 15.0


def sale(number: int, amount: str = APPROVE, terminal: str = "T0000001") -> bytes:
    """A 0200 with everything that must never rest on a disk."""
    now = time.gmtime()
    fields = {
        2: PAN,
        3: "000000",
        4: amount,
        7: time.strftime("%m%d%H%M%S", now),
        11: f"{number:06}",
        12: time.strftime("%H%M%S", now),
        13: time.strftime("%m%d", now),
        22: "021",
        25: "00",
        35: TRACK,
        41: terminal,
        42: "MERCHANT0000001",
        49: "840",
        52: PIN_BLOCK,
    }
    return build(ISO87, "0200", fields).raw


def echo(number: int) -> bytes:
    """A 0800 echo."""
    fields = {7: time.strftime("%m%d%H%M%S", time.gmtime()), 11: f"{number:06}", 70: "301"}
    return build(ISO87, "0800", {**fields, 41: "T0000001"}).raw


class Terminal:
    """One connection that sends and reads frames."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        self._bytes = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.sock.close()

    def send(self, message: bytes) -> None:
        """Send a message as a frame."""
        self.sock.sendall(framed(message))

    def read(self) -> Message:
        """The next answer; TimeoutError or ConnectionError when none comes."""
        while True:
            if len(self._bytes) >= 2:
                (size,) = struct.unpack_from(">H", self._bytes)
                if len(self._bytes) >= 2 + size:
                    frame, self._bytes = self._bytes[2 : 2 + size], self._bytes[2 + size :]
                    return Message(frame, ISO87)
            data = self.sock.recv(65_536)
            if not data:
                message = "closed by the gateway"
                raise ConnectionError(message)
            self._bytes += data

    def ask(self, message: bytes) -> str:
        """Send a request; DE 39 of its answer."""
        self.send(message)
        return str(self.read()[39])


def framed(message: bytes) -> bytes:
    """A message behind its two-byte length."""
    return struct.pack(">H", len(message)) + message


class Host:
    """Answers in threads of its own; `seen` holds every message in the order of arrival."""

    def __init__(self, port: int) -> None:
        self.seen: list[Message] = []
        self.reversals_answered = True
        self._listener = socket.create_server(("127.0.0.1", port))
        self._open = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def of_type(self, *types: str) -> list[Message]:
        """What came of these message types."""
        return [each for each in self.seen if each.mti in types]

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        waiting = b""
        while True:
            try:
                data = sock.recv(65_536)
            except OSError:
                return
            if not data:
                return
            waiting += data
            while len(waiting) >= 2:
                (size,) = struct.unpack_from(">H", waiting)
                if len(waiting) < 2 + size:
                    break
                message, waiting = Message(waiting[2 : 2 + size], ISO87), waiting[2 + size :]
                self._decide(sock, message)

    def _decide(self, sock: socket.socket, message: Message) -> None:
        self.seen.append(message)
        amount = message.get(4)
        reversal = message.mti.startswith("04")
        if (amount == SILENT and not reversal) or (reversal and not self.reversals_answered):
            return
        answer = framed(self._answer(message, "51" if amount == DECLINE else "00"))
        if amount == SLOW and not reversal:
            threading.Timer(SLOW_S, _send, (sock, answer)).start()
        else:
            _send(sock, answer)

    def _answer(self, message: Message, code: str) -> bytes:
        echoed = (2, 3, 4, 7, 11, 12, 13, 41, 42, 49, 70, 90)
        fields = {each: message[each] for each in echoed if message.get(each) is not None}
        fields[39] = "00" if message.mti.startswith("04") else code
        if message.mti.startswith("02"):
            fields[37] = f"RRN000{message[11]}"
            fields[38] = f"A{message[11][1:]}"
        return build(ISO87, f"{message.mti[:2]}{int(message.mti[2]) + 1}0", fields).raw


def _send(sock: socket.socket, data: bytes) -> None:
    try:
        sock.sendall(data)
    except OSError:
        return
