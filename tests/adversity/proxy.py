"""A network that misbehaves: real TCP between two sides, frame by frame, cut, slowed, doubled.

One thread carries everything.  What it does with a frame is drawn from the seed; when frames come
is up to real processes, so a seed names a mood, not a course of events.
"""

from __future__ import annotations

import random
import selectors
import socket
import struct
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, NamedTuple, Self

from codec import FrameError
from codec.framing import Framer, frame

_TICK_S: Final = 0.01
_SEND_S: Final = 2.0
_READ_BYTES: Final = 65_536
_FRAME_BYTES_MAX: Final = 16_384
_HARD: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of 0: closing is a reset."""


class Moods(NamedTuple):
    """Shares of frames."""

    cut: float = 0.01
    """Both sides are reset, the frame is lost."""
    slow: float = 0.05
    """It waits, and with it all that follows it."""
    slow_s: float = 0.8
    twice: float = 0.02
    split: float = 0.1
    """It arrives in two pieces."""


@dataclass(slots=True, eq=False)
class _Side:
    sock: socket.socket
    framer: Framer = field(default_factory=lambda: Framer(_FRAME_BYTES_MAX))
    other: _Side | None = None
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    """What is to be sent to this side, and when; empty bytes are its end."""
    free_at: float = 0.0
    ended: bool = False


class Proxy:
    """Listens on one port of loopback and carries to another, while it is entered."""

    def __init__(self, port: int, target: int, seed: int, moods: Moods | None = None) -> None:
        self._target, self._moods = target, moods or Moods()
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._sides: dict[_Side, None] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.carried = self.cuts = self.doubled = self.slowed = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join(5)
        for side in list(self._sides):
            self._drop(side)
        self._listener.close()
        self._selector.close()

    def calm(self) -> None:
        """From now on every frame is carried as it is."""
        self._moods = Moods(cut=0.0, slow=0.0, twice=0.0, split=0.0)

    def _run(self) -> None:
        while not self._over.is_set():
            for key, _ in self._selector.select(_TICK_S):
                if key.data is None:
                    self._accept()
                elif key.data in self._sides:
                    self._read(key.data)
            now = time.monotonic()
            for side in list(self._sides):
                if side in self._sides:
                    self._write(side, now)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self._target), timeout=_SEND_S)
        except OSError:
            _reset(near)
            return
        one, two = _Side(near), _Side(far)
        one.other, two.other = two, one
        for side in (one, two):
            side.sock.settimeout(_SEND_S)
            side.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sides[side] = None
            self._selector.register(side.sock, selectors.EVENT_READ, side)

    def _read(self, side: _Side) -> None:
        assert side.other is not None
        try:
            data = side.sock.recv(_READ_BYTES)
        except OSError:
            self._cut(side)
            return
        if not data:
            side.ended = True
            self._selector.unregister(side.sock)
            self._put(side.other, b"", 0.0)
            return
        try:
            frames = [frame(each) for each in side.framer.feed(data)]
        except FrameError:
            frames = [data]  # garbage is carried as it is
            side.framer = Framer(_FRAME_BYTES_MAX)
        for each in frames:
            if not self._carry(side.other, each):
                return

    def _carry(self, side: _Side, data: bytes) -> bool:
        """One frame on its way to `side`; False if the connection was cut instead."""
        chance, moods = self._chance, self._moods
        self.carried += 1
        if chance.random() < moods.cut:
            self.cuts += 1
            self._cut(side)
            return False
        delay_s = 0.0
        if chance.random() < moods.slow:
            self.slowed += 1
            delay_s = chance.uniform(0.0, moods.slow_s)
        pieces = [data]
        if chance.random() < moods.split:
            at = chance.randrange(1, len(data))
            pieces = [data[:at], data[at:]]
        if chance.random() < moods.twice:
            self.doubled += 1
            pieces.append(data)
        for piece in pieces:
            self._put(side, piece, delay_s)
        return True

    def _put(self, side: _Side, data: bytes, delay_s: float) -> None:
        side.free_at = max(side.free_at, time.monotonic() + delay_s)
        side.waiting.append((side.free_at, data))

    def _write(self, side: _Side, now: float) -> None:
        while side.waiting and side.waiting[0][0] <= now:
            _, data = side.waiting.popleft()
            try:
                if data:
                    side.sock.sendall(data)
                else:
                    side.sock.shutdown(socket.SHUT_WR)
            except OSError:
                self._cut(side)
                return
        if side.other is None or (side.ended and side.other.ended and not side.waiting):
            self._drop(side)

    def _cut(self, side: _Side) -> None:
        """Both sides are reset, and what waited is lost."""
        for each in (side, side.other):
            if each is not None:
                self._drop(each, hard=True)

    def _drop(self, side: _Side, *, hard: bool = False) -> None:
        if self._sides.pop(side, side) is side:
            return
        with suppress(KeyError, ValueError):
            self._selector.unregister(side.sock)
        if hard:
            _reset(side.sock)
        else:
            side.sock.close()


def _reset(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _HARD)
    sock.close()
