"""A custody over a safe: keys are opened for one use in this process, in memory that is wiped.

What the safe is, software or a token, decides where transport keys are used and what a thief would
need; how keys are made, taken, given and combined is the same.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final, Protocol

import trio

from codec import KeyBlockError, KeyMaterialError, MacKey
from codec.keys import Secret, check_method, check_value, key_field, unwrap, wipe
from gateway.keys.port import CustodyError, Enciphered, IssuedKeys
from gateway.keys.safe import same_check
from gateway.keys.wrapped import (
    BLOCK_BYTES,
    KEY_SIZES,
    MAC_USAGES,
    PARTS,
    PIN_USAGES,
    TRACK_USAGES,
    TRANSPORT,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codec.keys import CheckMethod, Key, KeyCipher
    from gateway.keys.entropy import Fill
    from gateway.keys.port import Layout, MacJob, MacScheme, PinKey
    from gateway.keys.wrapped import KeyUsage, WrappedKey

_COMPONENTS_MIN: Final = 2


class KeySafe(Protocol):
    """What seals keys and uses those that nobody else may see."""

    @property
    def under(self) -> str:
        """The name of the key that seals."""
        ...

    async def seal(
        self, clear: Key, *, usage: KeyUsage, cipher: KeyCipher, owner: str, made: int
    ) -> WrappedKey:
        """A key as it may rest anywhere."""
        ...

    async def open(self, key: WrappedKey) -> Secret:
        """A key in clear, for one use.  Raises CustodyError where anything of it was altered."""
        ...

    async def encipher(self, transport: WrappedKey, clear: Key) -> bytes:
        """A key under a transport key, each block alone."""
        ...

    async def decipher(self, transport: WrappedKey, data: bytes) -> Secret:
        """The inverse."""
        ...

    async def check_value(self, key: WrappedKey) -> bytes:
        """The check value as usual for the key's cipher."""
        ...

    async def rewrap(self, key: WrappedKey) -> WrappedKey:
        """The same key under what seals now."""
        ...


class SealedCustody:
    """The part of a `KeyCustody` that a `KeySafe` is enough for."""

    releases_mac_keys = True

    def __init__(self, safe: KeySafe, fill: Fill, wall: Callable[[], float]) -> None:
        self._safe = safe
        self._fill = fill
        self._wall = wall

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._safe.under}>"

    @property
    def under(self) -> str:
        """The name of the key that seals."""
        return self._safe.under

    async def new_working_keys(self, master: WrappedKey, layout: Layout) -> IssuedKeys:
        """As `KeyCustody` has it."""
        await trio.lowlevel.checkpoint()
        must_be(master, frozenset({"tmk"}))
        if layout.cipher != master.cipher:
            message = f"keys of {layout.cipher} under a TMK of {master.cipher}: not agreed anywhere"
            raise CustodyError(message)
        parts, kept = [], []
        usages: tuple[KeyUsage, ...] = ("pik", "mak", "tdk")
        for usage, size in zip(usages, (layout.pik, layout.mak, layout.tdk), strict=True):
            if size:
                key = self._random_key(layout.cipher, size)
                wrapped = await self._seal(key, usage, layout.cipher, master.owner)
                check = check_value(key, check_method(layout.cipher))
                parts.append((await self._safe.encipher(master, key), check))
                kept.append(wrapped)
        try:
            field = key_field(parts)
        except KeyBlockError as error:
            raise CustodyError(str(error)) from None
        return IssuedKeys(field, *kept)

    async def new_key(
        self, usage: KeyUsage, owner: str, cipher: KeyCipher, length: int
    ) -> WrappedKey:
        """As `KeyCustody` has it."""
        await trio.lowlevel.checkpoint()
        if length not in KEY_SIZES[cipher]:
            raise CustodyError(f"{usage}: no key of {cipher} has {length} bytes")
        return await self._seal(self._random_key(cipher, length), usage, cipher, owner)

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
        """As `KeyCustody` has it."""
        await trio.lowlevel.checkpoint()
        may_travel(transport, usage)
        if len(came.data) not in KEY_SIZES[cipher]:
            message = f"{usage}: no key of {cipher} has {len(came.data)} bytes"
            raise CustodyError(message)
        try:
            key = await self._safe.decipher(transport, came.data)
        except (KeyBlockError, ValueError):
            message = f"{usage}: {len(came.data)} bytes are no whole blocks under {transport.usage}"
            raise CustodyError(message) from None
        if came.check and not same_check(key, came.check, method or check_method(cipher)):
            message = f"the check value of the {usage} for {transport.owner!r} does not fit"
            raise CustodyError(message)
        return await self._seal(key, usage, cipher, owner or transport.owner)

    async def export_key(self, transport: WrappedKey, key: WrappedKey) -> Enciphered:
        """As `KeyCustody` has it."""
        await trio.lowlevel.checkpoint()
        may_travel(transport, key.usage)
        clear = await self._safe.open(key)
        data = await self._safe.encipher(transport, clear)
        return Enciphered(data, check_value(clear, check_method(key.cipher)))

    async def check_value(self, key: WrappedKey) -> bytes:
        """As `KeyCustody` has it."""
        await trio.lowlevel.checkpoint()
        made = await self._safe.check_value(key)
        if made.hex().upper() != key.check:
            raise CustodyError(f"the {key.usage} of {key.owner!r} has another check value")
        return made

    async def mac_key(self, key: WrappedKey, scheme: MacScheme) -> MacKey:
        """As `KeyCustody` has it: the key in clear, in memory that is wiped."""
        await trio.lowlevel.checkpoint()
        return await self._mac_key(key, scheme)

    async def make_macs(self, jobs: Sequence[MacJob]) -> list[bytes]:
        """As `KeyCustody` has it."""
        await trio.lowlevel.checkpoint()
        return [(await self._mac_key(job.key, job.scheme)).compute(job.data) for job in jobs]

    async def verify_macs(self, jobs: Sequence[MacJob]) -> list[bool]:
        """As `KeyCustody` has it."""
        made = await self.make_macs(jobs)
        return [
            hmac.compare_digest(code, job.expected) for code, job in zip(made, jobs, strict=True)
        ]

    async def open_block(self, key: WrappedKey, data: bytes) -> Secret:
        """As `KeyCustody` has it: the key is opened for this one use."""
        await trio.lowlevel.checkpoint()
        must_be(key, TRACK_USAGES)
        whole_blocks(key, data)
        return chained(data, unwrap(await self._safe.open(key), data, key.cipher), key)

    async def seal_component(
        self, typed: Secret, check: bytes, usage: KeyUsage, owner: str, cipher: KeyCipher
    ) -> WrappedKey:
        """As `KeyCustody` has it."""
        await trio.lowlevel.checkpoint()
        sealed = await self._seal(typed, part_of(usage), cipher, owner)
        if not same_check(typed, check, check_method(cipher)):
            raise CustodyError("the component's check value does not fit")
        return sealed

    async def form_key(
        self, components: Sequence[WrappedKey], usage: KeyUsage, owner: str
    ) -> WrappedKey:
        """As `KeyCustody` has it."""
        await trio.lowlevel.checkpoint()
        first = fitting_components(components, usage)
        sum_ = bytearray(first.length)
        try:
            for component in components:
                for at, byte in enumerate(memoryview(await self._safe.open(component))):
                    sum_[at] ^= byte
            if not any(sum_):
                raise CustodyError("these components cancel each other")
            if first.cipher == "des":
                make_odd(sum_)
            return await self._seal(sum_, usage, first.cipher, owner)
        finally:
            wipe(sum_)

    async def rewrap(self, key: WrappedKey) -> WrappedKey:
        """As `KeyCustody` has it."""
        await trio.lowlevel.checkpoint()
        return await self._safe.rewrap(key)

    async def _seal(self, clear: Key, usage: KeyUsage, cipher: KeyCipher, owner: str) -> WrappedKey:
        return await self._safe.seal(
            clear, usage=usage, cipher=cipher, owner=owner, made=int(self._wall())
        )

    async def _mac_key(self, key: WrappedKey, scheme: MacScheme) -> MacKey:
        must_be(key, MAC_USAGES)
        clear = await self._safe.open(key)
        try:
            return MacKey(
                scheme.algorithm,
                clear,
                padding=scheme.padding,
                form=scheme.form,
                keep=scheme.keep,
            )
        except (KeyMaterialError, ValueError) as error:
            raise CustodyError(f"the {key.usage} of {key.owner!r}: {error}") from None

    def _random_key(self, cipher: KeyCipher, length: int) -> Secret:
        key = bytearray(length)
        try:
            self._fill(key)
            if cipher == "des":
                make_odd(key)
            return Secret(key)
        finally:
            wipe(key)


def make_odd(key: bytearray) -> None:
    """Give each byte of a DES key odd parity, which others may ask for; the cipher is the same."""
    for at, byte in enumerate(key):
        key[at] = byte ^ (byte.bit_count() + 1) % 2


def part_of(usage: KeyUsage) -> KeyUsage:
    """What a component of such a key is called.  Raises CustodyError."""
    if usage not in PARTS:
        raise CustodyError(f"no {usage} comes in components")
    return PARTS[usage]


def fitting_components(components: Sequence[WrappedKey], usage: KeyUsage) -> WrappedKey:
    """The first of them, if they can be components of one key.  Raises CustodyError."""
    if len(components) < _COMPONENTS_MIN:
        raise CustodyError(f"a key is formed of {_COMPONENTS_MIN} components at least")
    first = components[0]
    for each in components:
        must_be(each, frozenset({part_of(usage)}))
        if (each.cipher, each.length) != (first.cipher, first.length):
            raise CustodyError("the components are not of one length and cipher")
    if len({each.check for each in components}) < len(components):
        raise CustodyError("a component was brought twice: they would cancel each other")
    return first


def check_pin_key(wanted: PinKey) -> None:
    """Raises CustodyError where no PIN block of its format can be under a key."""
    must_be(wanted.key, PIN_USAGES)
    cipher = "aes" if wanted.format == 4 else "des"  # noqa: PLR2004 - ISO 9564-1's number; bytes
    if wanted.key.cipher != cipher or wanted.key.length == 8:  # noqa: PLR2004 - ISO 9564-1's number; bytes
        message = f"no PIN block of format {wanted.format} is under {wanted.key!r}"
        raise CustodyError(message)


def must_be(key: WrappedKey, usages: frozenset[str]) -> None:
    """Raises CustodyError where a key is for something else."""
    if key.usage not in usages:
        message = f"the {key.usage} of {key.owner!r} can't be used as {' or '.join(sorted(usages))}"
        raise CustodyError(message)


def may_travel(transport: WrappedKey, usage: KeyUsage) -> None:
    """Raises CustodyError where no key of this usage goes under such a transport key."""
    if usage not in TRANSPORT.get(transport.usage, ()):
        message = f"a {usage} does not travel under the {transport.usage} of {transport.owner!r}"
        raise CustodyError(message)


def whole_blocks(key: WrappedKey, data: bytes) -> None:
    """Raises CustodyError for data that no key of this cipher enciphers."""
    if not data or len(data) % BLOCK_BYTES[key.cipher]:
        raise CustodyError(f"{len(data)} bytes are no whole blocks under a {key.usage}")


def chained(data: bytes, deciphered: Secret, key: WrappedKey) -> Secret:
    """What was chained (CBC) from zeros, of its blocks deciphered each alone."""
    size = BLOCK_BYTES[key.cipher]
    before = bytes(size) + data[:-size]
    clear = bytearray(a ^ b for a, b in zip(memoryview(deciphered), before, strict=True))
    try:
        return Secret(clear)
    finally:
        wipe(clear)
