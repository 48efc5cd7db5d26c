"""A custody whose answers are timed and whose errors are counted; otherwise the one it is given."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, TypeVar

import trio

from gateway.keys.hsm import HsmCustody
from gateway.keys.port import CustodyError, CustodyUnavailableError
from routing.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from codec import MacKey
    from codec.keys import CheckMethod, KeyCipher, Secret
    from gateway.keys.port import (
        Enciphered,
        IssuedKeys,
        KeyCustody,
        Layout,
        MacJob,
        MacScheme,
        PinKey,
    )
    from gateway.keys.wrapped import KeyUsage, WrappedKey

Result = TypeVar("Result")

BUCKETS_S: Final = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0)
REFUSED: Final = "refused"
UNAVAILABLE: Final = "unavailable"


class WatchedCustody:
    """A `KeyCustody` around another one."""

    def __init__(self, custody: KeyCustody) -> None:
        self._custody = custody
        self.kind = custody.kind
        self.releases_mac_keys = custody.releases_mac_keys
        self.errors: Counter[str] = Counter()
        self.seconds = Tally(BUCKETS_S)
        """How long each call took, whatever came of it."""

    def __repr__(self) -> str:
        return repr(self._custody)

    @property
    def line(self) -> Counter[str]:
        """What became of the commands on the line to a security module; empty for others."""
        return self._custody.link.counts if isinstance(self._custody, HsmCustody) else Counter()

    @property
    def waiting(self) -> int:
        """Commands that wait for a security module's answer."""
        return self._custody.link.waiting if isinstance(self._custody, HsmCustody) else 0

    async def _timed(self, asked: Awaitable[Result]) -> Result:
        began = trio.current_time()
        try:
            return await asked
        except CustodyUnavailableError:
            self.errors[UNAVAILABLE] += 1
            raise
        except CustodyError:
            self.errors[REFUSED] += 1
            raise
        finally:
            self.seconds.add(trio.current_time() - began)

    async def new_working_keys(self, master: WrappedKey, layout: Layout) -> IssuedKeys:
        """As `KeyCustody` has it, and so below."""
        return await self._timed(self._custody.new_working_keys(master, layout))

    async def new_key(
        self, usage: KeyUsage, owner: str, cipher: KeyCipher, length: int
    ) -> WrappedKey:
        """A new random key."""
        return await self._timed(self._custody.new_key(usage, owner, cipher, length))

    async def import_key(
        self,
        transport: WrappedKey,
        usage: KeyUsage,
        came: Enciphered,
        cipher: KeyCipher = "des",
        method: CheckMethod | None = None,
        *,
        owner: str = "",
    ) -> WrappedKey:
        """A key that came under another one."""
        asked = self._custody.import_key(transport, usage, came, cipher, method, owner=owner)
        return await self._timed(asked)

    async def export_key(self, transport: WrappedKey, key: WrappedKey) -> Enciphered:
        """A key under another one."""
        return await self._timed(self._custody.export_key(transport, key))

    async def check_value(self, key: WrappedKey) -> bytes:
        """The check value, worked out anew."""
        return await self._timed(self._custody.check_value(key))

    async def mac_key(self, key: WrappedKey, scheme: MacScheme) -> MacKey:
        """The key in clear."""
        return await self._timed(self._custody.mac_key(key, scheme))

    async def make_macs(self, jobs: Sequence[MacJob]) -> list[bytes]:
        """What goes into the MAC fields."""
        return await self._timed(self._custody.make_macs(jobs))

    async def verify_macs(self, jobs: Sequence[MacJob]) -> list[bool]:
        """Whether each MAC is good."""
        return await self._timed(self._custody.verify_macs(jobs))

    async def open_block(self, key: WrappedKey, data: bytes) -> Secret:
        """What a terminal enciphered under its TDK."""
        return await self._timed(self._custody.open_block(key, data))

    async def translate_pin_block(
        self, block: bytes, pan: str, *, source: PinKey, target: PinKey
    ) -> bytes:
        """A block of the same PIN under another key."""
        asked = self._custody.translate_pin_block(block, pan, source=source, target=target)
        return await self._timed(asked)

    async def seal_component(
        self, typed: Secret, check: bytes, usage: KeyUsage, owner: str, cipher: KeyCipher
    ) -> WrappedKey:
        """One person's component."""
        return await self._timed(self._custody.seal_component(typed, check, usage, owner, cipher))

    async def form_key(
        self, components: Sequence[WrappedKey], usage: KeyUsage, owner: str
    ) -> WrappedKey:
        """The key whose components these are."""
        return await self._timed(self._custody.form_key(components, usage, owner))

    async def rewrap(self, key: WrappedKey) -> WrappedKey:
        """The same key wrapped anew."""
        return await self._timed(self._custody.rewrap(key))

    def wipe(self) -> None:
        """Forget secrets and end connections."""
        self._custody.wipe()
