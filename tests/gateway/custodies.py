"""Every custody there is, each with a way to give it a key whose clear bytes the test knows."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from codec.keys import KeyCipher, Secret, check_method, check_value
from gateway.keys.port import KeyCustody
from gateway.keys.software import SoftwareCustody
from gateway.keys.wrapped import KeyUsage, WrappedKey

KEK = bytes(range(32))
MADE = 1_700_000_000


@dataclass
class Bench:
    """A custody under test."""

    custody: KeyCustody
    ciphers: tuple[KeyCipher, ...] = ("des", "aes", "sm4")
    translates_pins: bool = True

    async def known(
        self,
        clear: bytes | str,
        usage: KeyUsage,
        owner: str = "till",
        cipher: KeyCipher = "des",
    ) -> WrappedKey:
        """This key, as two persons would bring it."""
        whole = bytes.fromhex(clear) if isinstance(clear, str) else clear
        one = os.urandom(len(whole))
        two = bytes(a ^ b for a, b in zip(one, whole, strict=True))
        parts = [await self.component(each, cipher) for each in (one, two)]
        return await self.custody.form_key(parts, usage, owner)

    async def component(self, clear: bytes, cipher: KeyCipher = "des") -> WrappedKey:
        """One person's part."""
        check = check_value(clear, check_method(cipher))
        return await self.custody.seal_component(Secret(clear), check, "part", cipher)


@asynccontextmanager
async def software() -> AsyncIterator[Bench]:
    """Keys in this process."""
    yield Bench(SoftwareCustody([KEK], wall=lambda: MADE))


CUSTODIES: dict[str, Callable[[], AbstractAsyncContextManager[Bench]]] = {"software": software}
