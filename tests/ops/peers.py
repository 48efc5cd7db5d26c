"""Who the gateway deals with in a staged incident: a bank of many moods, terminals, a webhook."""

from __future__ import annotations

import itertools
import socket
import struct
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

from codec import Framer, Message
from codec.framing import frame
from tests.adversity.peers import ISO87, Terminal, sale
from tests.routing.world import answer

if TYPE_CHECKING:
    from collections.abc import Callable

DECLINED_EVERY: Final = 5
PAUSE_S: Final = 0.1
WAIT_S: Final = 4.0
_RESET: Final = struct.pack("ii", 1, 0)


class Bank:
    """Answers in threads of its own, by its moods; each can be changed at any time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.silent = False
        self.strange = False
        """It answers, but with another DE 7 than it was sent."""
        self.slow_s = 0.0
        self.reversals = "00"
        """DE 39 for reversals; '' for none."""
        self._links: list[socket.socket] = []
        self._listener: socket.socket | None = None

    def open(self) -> None:
        """Let the gateway connect."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def drop_links(self) -> None:
        """Reset all that is connected."""
        links, self._links = self._links, []
        for link in links:
            with suppress(OSError):
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                link.shutdown(socket.SHUT_RDWR)
            link.close()

    def close(self) -> None:
        """Gone, until it opens again."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.drop_links()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            self._links.append(link)
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        framer = Framer()
        with suppress(OSError):
            while data := link.recv(65_536):
                for body in framer.feed(data):
                    self._hear(link, Message(body, ISO87))

    def _hear(self, link: socket.socket, message: Message) -> None:
        code = self.reversals if message.mti[1] == "4" else self._decided(message)
        if not code:
            return
        said = answer(message, code)
        if self.strange and message.mti[1] == "2":
            said.patch(7, "0101000000")
        if self.slow_s and message.mti[1] == "2":
            threading.Timer(self.slow_s, _send, (link, frame(said.raw))).start()
        else:
            _send(link, frame(said.raw))

    def _decided(self, message: Message) -> str:
        if message.mti[1] == "8":
            return "00"
        if self.silent:
            return ""
        return "51" if int(message[11]) % DECLINED_EVERY == 0 else "00"


def _send(link: socket.socket, data: bytes) -> None:
    with suppress(OSError):
        link.sendall(data)


class Shoppers:
    """Threads that do the same again and again, with a pause, until they are told to stop."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._numbers = itertools.count(1)

    def go(self, errand: Callable[[int], object], pause_s: float = PAUSE_S) -> None:
        """Run `errand` with a fresh number each time; what fails is tried again."""

        def again() -> None:
            while not self._stop.wait(pause_s):
                with suppress(OSError, KeyError):
                    errand(next(self._numbers))

        self._threads.append(threading.Thread(target=again, daemon=True))
        self._threads[-1].start()

    def stop(self) -> None:
        """Have all come home."""
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * WAIT_S)


def one_sale(port: int, number: int, amount: str = f"{1_000:012d}") -> str:
    """A sale on a connection of its own; DE 39, '' without an answer."""
    with Terminal(port) as till:
        till.sock.settimeout(WAIT_S)
        try:
            return till.ask(sale(number, amount, f"T{number % 97:07d}"))
        except (TimeoutError, ConnectionError):
            return ""


class Webhook:
    """Takes customers' notices, or fails."""

    def __init__(self) -> None:
        self.takes = True
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(200 if hook.takes else 500)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """No more."""
        self._server.shutdown()
        self._server.server_close()
