"""The simulated bank host as a program: listens, answers by its script, keeps its book.

What is decided about a message stands in `teller`; here are sockets, time and signals.
"""

from __future__ import annotations

import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import trio

from codec import dialect
from gateway.simulators.bank import APPROVED, Bank
from gateway.simulators.book import Book
from gateway.simulators.host_management import Management
from gateway.simulators.host_speech import SPEECHES, Kind, kind
from gateway.simulators.line import Line, LineKeys, LineLostError, mac_key
from gateway.simulators.teller import Teller

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.simulators.host_script import HostScript
    from gateway.simulators.teller import Answer

LATE_ANSWERS_MAX: Final = 10_000
"""Answers that may wait for their time on one link; beyond it the link is not read."""
DROP_SIGNAL: Final = signal.SIGUSR1
"""Drops the links at once, like `drop_link_at` at its time."""
_RRN_SECONDS: Final = 1_000_000
_RRN_COUNT: Final = 1_000_000
"""Reference numbers: the second of the start, then a count; so runs do not share any."""


class BankHost:
    """The running host: its teller, its links, its timers."""

    def __init__(self, script: HostScript, book: Book) -> None:
        self._script = script
        self._dialect = dialect(script.dialect)
        named = script.mac_key_file and script.mac_algorithm != "none"
        key = mac_key(script.mac_algorithm, Path(script.mac_key_file)) if named else None
        self._keys = LineKeys(key)
        file = script.zone_key_file
        zone = bytes.fromhex(Path(file).read_text("ascii").strip()) if file else b""
        if script.mac_algorithm != "none" and not named and not zone:
            message = f"a key file or a zone key file is needed for {script.mac_algorithm}"
            raise ValueError(message)
        self._management = Management(script, SPEECHES[script.dialect], self._keys, zone)
        first_rrn = int(time.time()) % _RRN_SECONDS * _RRN_COUNT + 1
        self._teller = Teller(script, Bank(first_rrn), book, self._management)
        self._listeners: list[trio.SocketListener] = []
        self._links: set[Line] = set()
        self._signed_on: set[Line] = set()

    async def bind(self) -> int:
        """Take the address and return its port.  Raises OSError."""
        script = self._script
        self._listeners = await trio.open_tcp_listeners(script.port, host=script.host)
        port: int = self._listeners[0].socket.getsockname()[1]
        _say(f"bank host listens on {script.host}:{port} ({script.dialect})")
        return port

    async def serve(self) -> None:
        """Serve until cancelled; after `bind`."""
        script = self._script
        async with trio.open_nursery() as nursery:
            for at in script.drop_link_at:
                nursery.start_soon(self._drop_links_at, at)
            nursery.start_soon(self._drop_on_signal)
            for at, what in _announcements(script):
                nursery.start_soon(self._announce_at, at, what)
            nursery.start_soon(trio.serve_listeners, self._talk, self._listeners)

    async def _talk(self, stream: trio.SocketStream) -> None:
        line = Line(stream, self._dialect, self._keys)
        self._links.add(line)
        try:
            async with trio.open_nursery() as waiting:
                await self._read(line, waiting)
                waiting.cancel_scope.cancel()
        finally:
            self._links.discard(line)
            self._signed_on.discard(line)

    async def _read(self, line: Line, waiting: trio.Nursery) -> None:
        room = trio.Semaphore(LATE_ANSWERS_MAX)
        try:
            while True:
                message, mac_good = await line.receive()
                signed_on = line in self._signed_on or not self._script.sign_on_demanded
                if kind(message) is Kind.ANSWER:
                    self._management.answered(message)
                for answer in self._teller.hear(message, mac_good=mac_good, signed_on=signed_on):
                    if self._management.is_sign_on(message) and answer.message[39] == APPROVED:
                        self._signed_on.add(line)
                    if answer.after_s:
                        await room.acquire()
                        waiting.start_soon(self._answer_later, line, answer, room)
                    else:
                        await line.send(answer.message, spoil_mac=answer.spoil_mac)
        except LineLostError:
            return

    @staticmethod
    async def _answer_later(line: Line, answer: Answer, room: trio.Semaphore) -> None:
        await trio.sleep(answer.after_s)
        try:
            await line.send(answer.message, spoil_mac=answer.spoil_mac)
        except LineLostError:
            return
        finally:
            room.release()

    async def _drop_links_at(self, at: float) -> None:
        await trio.sleep(at)
        await self.drop_links()

    async def _drop_on_signal(self) -> None:
        with trio.open_signal_receiver(DROP_SIGNAL) as signals:
            async for _ in signals:
                await self.drop_links()

    async def drop_links(self) -> None:
        """Close all links, whatever is in flight."""
        _say(f"bank host drops its {len(self._links)} link(s)")
        for line in list(self._links):
            await line.aclose()

    async def _announce_at(self, at: float, what: str) -> None:
        await trio.sleep(at)
        await self.announce(what)

    async def announce(self, what: str) -> None:
        """Say something by itself: sign-off, sign-on, key change, cut-over begins or ends."""
        if what in ("sign-on", "sign-off"):
            self._teller.signed_off = what == "sign-off"
        _say(f"bank host: {what}")
        # A key is sent once; the other words are for every link.
        for line in list(self._links)[: 1 if what == "key change" else None]:
            try:
                await line.send(self._management.says(what, datetime.now(UTC)))
            except LineLostError:
                continue

    def summary(self) -> str:
        """What came, in one line."""
        counts = ", ".join(f"{count} {what}" for what, count in self._teller.counts.items())
        return f"bank host heard: {counts or 'nothing'}"


async def run(script: HostScript) -> None:
    """Run a host until SIGTERM or SIGINT."""
    with (
        Book(Path(script.book) if script.book else None) as book,
        trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals,
    ):
        host = BankHost(script, book)
        await host.bind()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(host.serve)
            await anext(signals)
            nursery.cancel_scope.cancel()
        _say(host.summary())


def _announcements(script: HostScript) -> Iterator[tuple[float, str]]:
    """What the host says by itself, and when."""
    if script.sign_off_at:
        yield script.sign_off_at, "sign-off"
    if script.sign_on_at:
        yield script.sign_on_at, "sign-on"
    for at in script.key_change_at:
        yield at, "key change"
    if script.cut_over_at:
        yield script.cut_over_at, "cut-over begins"
        yield script.cut_over_at + script.cut_over_s, "cut-over ends"


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
