"""What the tests of load generator and stub host share: both tools started, a host that answers as
it is told to, frames.
"""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from bench.native import tool
from bench.rows import SALE
from codec import Message, build, dialect
from tests.adversity.stage import accepts, free_ports, wait_until

ISO87: Final = dialect("iso87-ascii")
KEY: Final = "000102030405060708090A0B0C0D0E0F"
PATIENCE_S: Final = 20.0


class Ran(NamedTuple):
    """A load generator that ended: exit status, its report ({} if none), what it said."""

    status: int
    report: dict[str, Any]
    said: str


def load(port: int, *options: str, generator: Path | None = None) -> Ran:
    """A run of the load generator, measured from its first sale on unless told otherwise."""
    command = [str(generator or tool("loadgen")), "--port", str(port), "--warmup", "0", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return Ran(done.returncode, json.loads(done.stdout or "{}"), done.stderr)


class Bank(NamedTuple):
    """A stub host that runs."""

    port: int
    process: subprocess.Popen[str]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def stop(self) -> str:
        """End it as one should; what it said."""
        self.process.terminate()
        _, said = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, said
        return said


@contextmanager
def bank(*options: str, program: Path | None = None) -> Iterator[Bank]:
    """The stub host on a free port, as long as the context lasts."""
    (port,) = free_ports(1)
    command = [str(program or tool("hostsim")), "--port", str(port), *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: accepts(port) or process.poll() is not None, PATIENCE_S, "it listens")
        yield Bank(port, process)
    finally:
        process.kill()
        process.communicate()


class Scripted:
    """A host that sends for the so-many-th request what it is told to: whole frames, pieces of
    them, nothing; None ends the connection.
    """

    def __init__(self, answers: Callable[[int, bytes], bytes | None]) -> None:
        self.asked = 0
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                thread.start()
                self._threads.append(thread)

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, EOFError):
            while True:
                request = read_frame(connection)
                self.asked += 1
                answer = self._answers(self.asked, request)
                if answer is None:
                    return
                connection.sendall(answer)


def read_frame(connection: socket.socket) -> bytes:
    """The next whole message; EOFError if the connection ends."""
    return _exactly(connection, int.from_bytes(_exactly(connection, 2), "big"))


def _exactly(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        got = connection.recv(count - len(found))
        if not got:
            raise EOFError
        found += got
    return found


def framed(message: bytes) -> bytes:
    """With its length before it."""
    return len(message).to_bytes(2, "big") + message


def approval(request: bytes, mti: str = "0210", **changes: str | None) -> bytes:
    """A right answer to a sale, but for the changes: DE numbers after `de`, None leaves one out."""
    asked = Message(request, ISO87)
    fields = {number: asked[number] for number in (3, 4, 7, 11, 41, 49)} | {39: "00"}
    for name, value in changes.items():
        number = int(name.removeprefix("de"))
        fields.pop(number, None)
        fields |= {} if value is None else {number: value}
    return build(ISO87, mti, dict(sorted(fields.items()))).raw


def sale(stan: int, **others: str) -> bytes:
    """The sale of the load generator with that STAN, and other fields."""
    fields = SALE | {11: f"{stan:06}"} | {int(k.removeprefix("de")): v for k, v in others.items()}
    return build(ISO87, "0200", dict(sorted(fields.items()))).raw
