"""Those who are at fault while honest terminals sell: each does its wrong until it is thrown out.

What somebody did counts only once it came to the end that is due to it, and what the gateway itself
counted must say the same: `unproven` tells what is missing.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from bench.rows import DIALECT, RAW
from codec import build

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CAME_AND_LEFT: Final = "came and left"
NOISE: Final = "sent frames of noise"
TOO_LONG: Final = "sent a length that is too long"
READ_SLOWLY: Final = "read slowly"
ENDINGS: Final[dict[str, tuple[str, ...]]] = {
    CAME_AND_LEFT: ("ended", "reset"),
    NOISE: ("malformed messages",),
    TOO_LONG: ("frame_bytes_max",),
    READ_SLOWLY: ("waiting_bytes_max",),
}
"""Each disturbance, and as what the gateway counts the end of its connection."""
IN_VAIN: Final = ", in vain"
"""What could not be done, or did not come to its end in time."""
_SLOW_READERS: Final = 2
_SLOW_ECHOES: Final = 50
_SLOW_PAUSE_S: Final = 0.025
_SLOW_BYTES: Final = 64
_SLOW_REST_S: Final = 5.0
_SLOW_BUFFER_BYTES: Final = 4_096
_SLOW_SEGMENT_BYTES: Final = 536
_PASSERS_BY_PAUSE_S: Final = 0.02
_NOISE_PAUSE_S: Final = 0.1
_NOISE_BYTES_MAX: Final = 300
_NOISE_FRAMES: Final = 20
_PATIENCE_S: Final = 15.0
_ECHO: Final = {41: "T9000000", 70: "301"}


class _Kind(NamedTuple):
    name: str
    act: Callable[[random.Random], bool]


class Disturbers:
    """Each kind has a thread, the slow readers several, until `stop`; what they did is counted."""

    def __init__(self, port: int, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self._port = port
        self._over = threading.Event()
        self._counting = threading.Lock()
        kinds = [
            _Kind(CAME_AND_LEFT, self._passer_by),
            _Kind(NOISE, self._noise),
            _Kind(TOO_LONG, self._too_long),
            *[_Kind(READ_SLOWLY, self._slow)] * _SLOW_READERS,
        ]
        self._threads = [
            threading.Thread(target=self._again, args=(kind, random.Random(seed + n)), daemon=True)  # noqa: S311 - noise, not secrets
            for n, kind in enumerate(kinds)
        ]

    def start(self) -> None:
        """Let them loose."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End them."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _again(self, kind: _Kind, rng: random.Random) -> None:
        while not self._over.is_set():
            try:
                done = kind.act(rng)
            except OSError:
                done = False
            if not done and self._over.is_set():
                return
            with self._counting:
                self.counts[kind.name if done else kind.name + IN_VAIN] += 1

    def _connection(self, *, narrow: bool = False) -> socket.socket:
        connection = socket.socket()
        connection.settimeout(_PATIENCE_S)
        if narrow:
            # As a slow line has it; loopback's own segments are so large that the kernel would keep
            # megabytes for this connection before the gateway had to.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SLOW_BUFFER_BYTES)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SLOW_SEGMENT_BYTES)
        connection.connect(("127.0.0.1", self._port))
        return connection

    def _passer_by(self, rng: random.Random) -> bool:
        """Connects, and leaves: at once, with a reset, or within a message."""
        with self._connection() as connection:
            if rng.random() < 0.3:  # noqa: PLR2004 - some do
                connection.sendall(b"\x00\x98" + RAW[: rng.randrange(1, len(RAW))])
            if rng.random() < 0.5:  # noqa: PLR2004 - half of them
                linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._over.wait(_PASSERS_BY_PAUSE_S)
        return True

    def _noise(self, rng: random.Random) -> bool:
        """Frames that are no message, until it is thrown out."""
        noise = rng.randbytes(rng.randrange(1, _NOISE_BYTES_MAX))
        return self._until_thrown_out((len(noise).to_bytes(2, "big") + noise) * _NOISE_FRAMES)

    def _too_long(self, rng: random.Random) -> bool:
        """The length of a frame that nobody may send, until it is thrown out."""
        return self._until_thrown_out(b"\xff\xff" + rng.randbytes(_NOISE_BYTES_MAX))

    def _until_thrown_out(self, wrong: bytes) -> bool:
        with self._connection() as connection, suppress(ConnectionError):
            connection.sendall(wrong)
            while connection.recv(_SLOW_BYTES):
                pass
        self._over.wait(_NOISE_PAUSE_S)
        return True

    def _slow(self, rng: random.Random) -> bool:
        """Asks for echo after echo and reads the answers drop by drop, until it is thrown out."""
        with self._connection(narrow=True) as connection:
            try:
                while not self._over.wait(_SLOW_PAUSE_S):
                    connection.sendall(_echo(rng) * _SLOW_ECHOES)
                    connection.recv(_SLOW_BYTES)
            except ConnectionError:
                self._over.wait(_SLOW_REST_S)
                return True
        return False


def _echo(rng: random.Random) -> bytes:
    stan = f"{rng.randrange(1, 1_000_000):06}"
    fields = _ECHO | {7: time.strftime("%m%d%H%M%S", time.gmtime()), 11: stan}
    message = build(DIALECT, "0800", fields).raw
    return len(message).to_bytes(2, "big") + message


def unproven(counts: Mapping[str, int], ended: Mapping[str, float]) -> list[str]:
    """What did not happen as it was meant to; `ended`: connections by why they were ended."""
    problems = []
    for name, reasons in ENDINGS.items():
        done, vain = counts.get(name, 0), counts.get(name + IN_VAIN, 0)
        counted = sum(ended.get(each, 0.0) for each in reasons)
        if not done:
            problems.append(f"nobody {name}")
        if counted < done:
            told = " or ".join(reasons)
            problems.append(f"{done} {name}, but the gateway counts {counted:.0f} as {told}")
        if vain:
            problems.append(f"{vain} {name}, but in vain: no end came in {_PATIENCE_S:.0f} s")
    return problems
