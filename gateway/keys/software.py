"""Keys kept by this very process, under a key-encryption key: for tests and for small shops.

Card schemes demand that PINs are translated inside a security module; this is none.  Whoever can
read this process's memory can read the key-encryption key, and with it every key.  Keys are opened
for one use, in memory that is wiped; a PIN in clear lives in Python's memory for a moment, which
cannot be.
"""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING, Final

import trio

from codec import KeyBlockError, KeyMaterialError, MacKey
from codec.keys import Secret, check_method, check_value, key_field, unwrap, wipe, wrap
from gateway.keys import pins
from gateway.keys.entropy import drawn, from_system
from gateway.keys.port import CustodyError, Enciphered, IssuedKeys
from gateway.keys.safe import Safe, same_check
from gateway.keys.wrapped import KEY_SIZES, MAC_USAGES, PIN_USAGES, TRANSPORT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codec.keys import CheckMethod, Key, KeyCipher
    from gateway.keys.entropy import Fill
    from gateway.keys.port import Layout, MacJob, MacScheme, PinKey
    from gateway.keys.wrapped import KeyUsage, WrappedKey

_COMPONENTS_MIN: Final = 2


class SoftwareCustody:
    """A `KeyCustody` over a `Safe`.

    `fill` fills memory with random bytes; `wall` says what time it is.  The first of `keks` seals,
    the others only open what was sealed under them.
    """

    kind = "software"
    releases_mac_keys = True

    def __init__(
        self,
        keks: Sequence[Key],
        *,
        fill: Fill = from_system,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._safe = Safe(keks, fill)
        self._fill = fill
        self._wall = wall

    def __repr__(self) -> str:
        return f"<SoftwareCustody {self._safe.under}>"

    @property
    def under(self) -> str:
        """The name of the KEK that seals."""
        return self._safe.under

    def wipe(self) -> None:
        """Forget the KEKs now; nothing can be opened afterwards."""
        self._safe.wipe()

    async def new_working_keys(self, master: WrappedKey, layout: Layout) -> IssuedKeys:
        """As `KeyCustody` has it."""
        await trio.lowlevel.checkpoint()
        _must_be(master, frozenset({"tmk"}))
        if layout.cipher != master.cipher:
            message = f"keys of {layout.cipher} under a TMK of {master.cipher}: not agreed anywhere"
            raise CustodyError(message)
        transport = self._safe.open(master)
        parts, kept = [], []
        usages: tuple[KeyUsage, ...] = ("pik", "mak", "tdk")
        for usage, size in zip(usages, (layout.pik, layout.mak, layout.tdk), strict=True):
            if size:
                key = self._random_key(layout.cipher, size)
                parts.append(_enciphered(transport, key, layout.cipher))
                kept.append(self._seal(key, usage, layout.cipher, master.owner))
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
        return self._seal(self._random_key(cipher, length), usage, cipher, owner)

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
        _may_travel(transport, usage)
        if len(came.data) not in KEY_SIZES[cipher]:
            message = f"{usage}: no key of {cipher} has {len(came.data)} bytes"
            raise CustodyError(message)
        try:
            key = unwrap(self._safe.open(transport), came.data, transport.cipher)
        except (KeyBlockError, ValueError):
            message = f"{usage}: {len(came.data)} bytes are no whole blocks under {transport.usage}"
            raise CustodyError(message) from None
        if came.check and not same_check(key, came.check, method or check_method(cipher)):
            message = f"the check value of the {usage} for {transport.owner!r} does not fit"
            raise CustodyError(message)
        return self._seal(key, usage, cipher, owner or transport.owner)

    async def export_key(self, transport: WrappedKey, key: WrappedKey) -> Enciphered:
        """As `KeyCustody` has it."""
        await trio.lowlevel.checkpoint()
        _may_travel(transport, key.usage)
        clear = self._safe.open(key)
        under = self._safe.open(transport)
        return Enciphered(
            wrap(under, clear, transport.cipher), check_value(clear, check_method(key.cipher))
        )

    async def check_value(self, key: WrappedKey) -> bytes:
        """As `KeyCustody` has it."""
        await trio.lowlevel.checkpoint()
        made = check_value(self._safe.open(key), check_method(key.cipher))
        if made.hex().upper() != key.check:
            raise CustodyError(f"the {key.usage} of {key.owner!r} has another check value")
        return made

    async def mac_key(self, key: WrappedKey, scheme: MacScheme) -> MacKey:
        """As `KeyCustody` has it: the key in clear, in memory that is wiped."""
        await trio.lowlevel.checkpoint()
        return self._mac_key(key, scheme)

    async def make_macs(self, jobs: Sequence[MacJob]) -> list[bytes]:
        """As `KeyCustody` has it."""
        await trio.lowlevel.checkpoint()
        return [self._mac_key(job.key, job.scheme).compute(job.data) for job in jobs]

    async def verify_macs(self, jobs: Sequence[MacJob]) -> list[bool]:
        """As `KeyCustody` has it."""
        made = await self.make_macs(jobs)
        return [
            hmac.compare_digest(code, job.expected) for code, job in zip(made, jobs, strict=True)
        ]

    async def translate_pin_block(
        self, block: bytes, pan: str, *, source: PinKey, target: PinKey
    ) -> bytes:
        """As `KeyCustody` has it."""
        await trio.lowlevel.checkpoint()
        return pins.translated(
            block,
            pan,
            (self._pin_key(source), source.format),
            (self._pin_key(target), target.format),
            lambda size: drawn(self._fill, size),
        )

    async def seal_component(
        self, typed: Secret, check: bytes, owner: str, cipher: KeyCipher
    ) -> WrappedKey:
        """As `KeyCustody` has it."""
        await trio.lowlevel.checkpoint()
        sealed = self._seal(typed, "component", cipher, owner)
        if not same_check(typed, check, check_method(cipher)):
            raise CustodyError("the component's check value does not fit")
        return sealed

    async def form_key(
        self, components: Sequence[WrappedKey], usage: KeyUsage, owner: str
    ) -> WrappedKey:
        """As `KeyCustody` has it."""
        await trio.lowlevel.checkpoint()
        first = fitting_components(components)
        sum_ = bytearray(first.length)
        try:
            for component in components:
                for at, byte in enumerate(memoryview(self._safe.open(component))):
                    sum_[at] ^= byte
            if not any(sum_):
                raise CustodyError("these components cancel each other")
            return self._seal(sum_, usage, first.cipher, owner)
        finally:
            wipe(sum_)

    async def rewrap(self, key: WrappedKey) -> WrappedKey:
        """As `KeyCustody` has it."""
        await trio.lowlevel.checkpoint()
        return self._safe.seal(
            self._safe.open(key),
            usage=key.usage,
            cipher=key.cipher,
            owner=key.owner,
            made=key.made,
        )

    def _seal(self, clear: Key, usage: KeyUsage, cipher: KeyCipher, owner: str) -> WrappedKey:
        return self._safe.seal(
            clear, usage=usage, cipher=cipher, owner=owner, made=int(self._wall())
        )

    def _mac_key(self, key: WrappedKey, scheme: MacScheme) -> MacKey:
        _must_be(key, MAC_USAGES)
        clear = self._safe.open(key)
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

    def _pin_key(self, wanted: PinKey) -> Secret:
        _must_be(wanted.key, PIN_USAGES)
        cipher = "aes" if wanted.format == 4 else "des"  # noqa: PLR2004 - ISO 9564-1's number
        if wanted.key.cipher != cipher or wanted.key.length == 8:  # noqa: PLR2004 - bytes
            message = f"no PIN block of format {wanted.format} is under {wanted.key!r}"
            raise CustodyError(message)
        return self._safe.open(wanted.key)

    def _random_key(self, cipher: KeyCipher, length: int) -> Secret:
        key = bytearray(length)
        try:
            self._fill(key)
            if cipher == "des":
                for at, byte in enumerate(key):
                    key[at] = byte ^ (byte.bit_count() + 1) % 2
            return Secret(key)
        finally:
            wipe(key)


def fitting_components(components: Sequence[WrappedKey]) -> WrappedKey:
    """The first of them, if they can be components of one key.  Raises CustodyError."""
    if len(components) < _COMPONENTS_MIN:
        raise CustodyError(f"a key is formed of {_COMPONENTS_MIN} components at least")
    first = components[0]
    for each in components:
        _must_be(each, frozenset({"component"}))
        if (each.cipher, each.length) != (first.cipher, first.length):
            raise CustodyError("the components are not of one length and cipher")
    return first


def _enciphered(transport: Key, key: Key, cipher: KeyCipher) -> tuple[bytes, bytes]:
    return wrap(transport, key, cipher), check_value(key, check_method(cipher))


def _must_be(key: WrappedKey, usages: frozenset[str]) -> None:
    if key.usage not in usages:
        message = f"the {key.usage} of {key.owner!r} can't be used as {' or '.join(sorted(usages))}"
        raise CustodyError(message)


def _may_travel(transport: WrappedKey, usage: KeyUsage) -> None:
    if usage not in TRANSPORT.get(transport.usage, ()):
        message = f"a {usage} does not travel under the {transport.usage} of {transport.owner!r}"
        raise CustodyError(message)
