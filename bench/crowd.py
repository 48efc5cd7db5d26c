"""`python -m bench.crowd PORT COUNT`: terminals that sell once each, and are idle from then on.

A process of its own: so many connections need as many descriptors on both sides.  Says `idle` when
every sale was answered; goes when its input ends.
"""

from __future__ import annotations

import argparse
import resource
import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from bench.rows import signed_sale

if TYPE_CHECKING:
    from collections.abc import Callable

IDLE: Final = "idle"
RESERVED: Final = 100
"""Descriptors of a process besides its connections."""
_AT_ONCE: Final = 32
_PATIENCE_S: Final = 60.0
_FIRST: Final = 8_000_000
_HEADER: Final = 2


def most() -> int:
    """As many terminals as this machine lets one process play."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1] - RESERVED


def main() -> None:
    """Come, sell, stay."""
    parser = argparse.ArgumentParser(prog="python -m bench.crowd", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--authority", help="PEM of who signed the gateway's certificate: use TLS")
    parser.add_argument("--first", type=int, default=0, help="the number of the first of them")
    chosen = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    come = _door(chosen.port, chosen.authority)
    numbers = range(chosen.first, chosen.first + chosen.count)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        terminals = list(pool.map(lambda number: _sold(come(), number), numbers))
    print(IDLE, flush=True)
    sys.stdin.read()
    for each in terminals:
        each.close()


def _door(port: int, authority: str | None) -> Callable[[], socket.socket]:
    def come() -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)

    if authority is None:
        return come
    context = ssl.create_default_context(cafile=authority)
    return lambda: context.wrap_socket(come(), server_hostname="localhost")


def _sold(connection: socket.socket, number: int) -> socket.socket:
    """One sale, answered; the connection stays."""
    connection.sendall(signed_sale(f"T{_FIRST + number:07}", 1))
    answer = b""
    while len(answer) < _HEADER or len(answer) < _HEADER + int.from_bytes(answer[:_HEADER], "big"):
        more = connection.recv(4_096)
        if not more:
            message = f"terminal {number}: the gateway ended the connection"
            raise ConnectionError(message)
        answer += more
    return connection


if __name__ == "__main__":
    main()
