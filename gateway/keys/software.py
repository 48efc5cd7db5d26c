"""Keys kept by this very process, under a key-encryption key: for tests and for small shops.

Card schemes demand that PINs are translated inside a security module; this is none.  Whoever can
read this process's memory can read the key-encryption key, and with it every key.  Keys are opened
for one use, in memory that is wiped; a PIN in clear lives in Python's memory for a moment, which
cannot be.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import trio

from gateway.keys import pins
from gateway.keys.entropy import drawn, from_system
from gateway.keys.safe import Safe
from gateway.keys.sealed import SealedCustody, check_pin_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codec.keys import Key, Secret
    from gateway.keys.entropy import Fill
    from gateway.keys.port import PinKey


class SoftwareCustody(SealedCustody):
    """A `KeyCustody` over a `Safe`.

    `fill` fills memory with random bytes; `wall` says what time it is.  The first of `keks` seals,
    the others only open what was sealed under them.
    """

    kind = "software"

    def __init__(
        self,
        keks: Sequence[Key],
        *,
        fill: Fill = from_system,
        wall: Callable[[], float] = time.time,
    ) -> None:
        safe = Safe(keks, fill)
        super().__init__(safe, fill, wall)
        self.wipe = safe.wipe

    async def translate_pin_block(
        self, block: bytes, pan: str, *, source: PinKey, target: PinKey
    ) -> bytes:
        """As `KeyCustody` has it."""
        await trio.lowlevel.checkpoint()
        return pins.translated(
            block,
            pan,
            (await self._pin_key(source), source.format),
            (await self._pin_key(target), target.format),
            lambda size: drawn(self._fill, size),
        )

    async def _pin_key(self, wanted: PinKey) -> Secret:
        check_pin_key(wanted)
        return await self._safe.open(wanted.key)
