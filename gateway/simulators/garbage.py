"""Bytes that are no message: what a broken modem, a port scanner or an attacker may send."""

from __future__ import annotations

import random
from typing import Final

import trio

PATIENCE_S: Final = 0.5
"""How long the sender waits to be thrown out."""
_LENGTHS_MAX: Final = 300


def broken_bytes(rng: random.Random) -> bytes:
    """One of: a length of zero, a length far too big, half a frame, a frame of noise, a bitmap
    that promises fields which never come.
    """
    noise = rng.randbytes(rng.randrange(1, _LENGTHS_MAX))
    return rng.choice(
        (
            b"\x00\x00" + noise,
            b"\xff\xff" + noise,
            (len(noise) + 50).to_bytes(2, "big") + noise,
            len(noise).to_bytes(2, "big") + noise,
            b"\x00\x14" + b"0200FFFFFFFFFFFFFFFF",
        )
    )


async def send_garbage(host: str, port: int, seed: str) -> None:
    """Send it over a connection of its own, and leave."""
    rng = random.Random(seed)  # noqa: S311 - noise, not secrets
    with trio.move_on_after(PATIENCE_S):
        try:
            async with await trio.open_tcp_stream(host, port) as stream:
                await stream.send_all(broken_bytes(rng))
                await stream.receive_some()
        except (OSError, trio.BrokenResourceError):
            return
