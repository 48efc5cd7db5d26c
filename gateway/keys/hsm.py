"""Keys kept by a security module of the payShield kind: none of them is ever in this process.

Usage is bound by the module's key types; owner and check value stand in the label alone, and
nothing authenticates them.  What its LMK of variants has not is refused: AES and SM4 keys, PIN
blocks of format 4, keys that come under a TMK.  MACs: `cup-ecb` is algorithm 1 over the fold's
sixteen hex characters, `x9.9` algorithm 1, `x9.19` algorithm 3.
"""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING, Final

import trio

from codec import KeyBlockError
from codec.keys import Secret, key_field
from gateway.keys import hsm_commands as commands
from gateway.keys.hsm_link import HsmLink
from gateway.keys.hsm_macs import MacCommand, mac_command
from gateway.keys.port import CustodyError, CustodyUnavailableError, Enciphered, IssuedKeys
from gateway.keys.sealed import (
    chained,
    check_pin_key,
    fitting_components,
    may_travel,
    must_be,
    part_of,
    whole_blocks,
)
from gateway.keys.wrapped import (
    KEY_SIZES,
    MAC_USAGES,
    PARTS,
    TRACK_USAGES,
    WrappedKey,
    owner_is_good,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import TypeVar

    from codec import MacKey
    from codec.keys import CheckMethod, KeyCipher
    from gateway.keys.hsm_commands import ModuleKey
    from gateway.keys.port import Layout, MacJob, MacScheme, PinKey
    from gateway.keys.settings import HsmSettings
    from gateway.keys.wrapped import KeyUsage

    Job = TypeVar("Job")
    Done = TypeVar("Done")

_GOOD: Final = "00"
_ADVICE: Final = "01"
"""Of an import: the parity was wrong and is right now."""
_WRONG: Final = "01"
_PIN_ERRORS: Final = frozenset({"20", "23", "24"})
_CHECK_BYTES: Final = 4
_LMK_CHECK: Final = 16
_ECHO: Final = "isogate"


class HsmCustody:
    """A `KeyCustody` over a module at the other end of a line."""

    kind = "hsm"
    releases_mac_keys = False

    def __init__(
        self,
        settings: HsmSettings,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._types = commands.PCI_KEY_TYPES if settings.pci_key_types else commands.KEY_TYPES
        self._at_once = settings.in_flight_max
        self._wall = wall
        self.link = HsmLink(settings)
        self.under = ""
        """The LMK's name: by its check value, once `greet` has asked for it."""

    def __repr__(self) -> str:
        return f"<HsmCustody {self.under}>"

    async def greet(self) -> None:
        """Ask the module whether it is there, and which LMK it has.  Raises CustodyError."""
        echo = f"{len(_ECHO):04X}{_ECHO}".encode()
        if (await self._ask("B2", echo)).rest != _ECHO:
            raise CustodyUnavailableError("the security module does not echo what it is sent")
        check = (await self._ask("NC", b"")).take(_LMK_CHECK)
        self.under = f"lmk-{check[:8].lower()}"

    async def new_working_keys(self, master: WrappedKey, layout: Layout) -> IssuedKeys:
        """As `KeyCustody` has it."""
        must_be(master, frozenset({"tmk"}))
        self._only_des(layout.cipher)
        transport = self._key(master)
        usages: tuple[KeyUsage, ...] = ("pik", "mak", "tdk")
        wanted = [
            each
            for each in zip(usages, (layout.pik, layout.mak, layout.tdk), strict=True)
            if each[1]
        ]

        async def made(each: tuple[KeyUsage, int]) -> tuple[WrappedKey, bytes]:
            usage, length = each
            body = commands.generate_under(
                self._types[usage], length, transport.text, terminal=True
            )
            reply = await self._ask("A0", body)
            key, wire = reply.key(), reply.key()
            return await self._wrapped(key, usage, master.owner), wire.data

        done = await self._each(made, wanted)
        try:
            field = key_field([(data, bytes.fromhex(key.check)) for key, data in done])
        except KeyBlockError as error:
            raise CustodyError(str(error)) from None
        return IssuedKeys(field, *(key for key, _ in done))

    async def new_key(
        self, usage: KeyUsage, owner: str, cipher: KeyCipher, length: int
    ) -> WrappedKey:
        """As `KeyCustody` has it."""
        self._only_des(cipher)
        if length not in KEY_SIZES["des"]:
            raise CustodyError(f"{usage}: no key of des has {length} bytes")
        reply = await self._ask("A0", commands.generate(self._type(usage), length))
        return await self._wrapped(reply.key(), usage, owner)

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
        """As `KeyCustody` has it; under a ZMK alone."""
        may_travel(transport, usage)
        self._only_des(cipher)
        if transport.usage != "zmk" or method not in (None, "des"):
            raise CustodyError("the security module imports under a ZMK, with a DES check value")
        if len(came.data) not in KEY_SIZES["des"]:
            raise CustodyError(f"{usage}: no key of des has {len(came.data)} bytes")
        zone = self._key(transport).text
        body = commands.import_key(self._type(usage), zone, came.data)
        reply = await self._ask("A6", body, frozenset({_ADVICE}))
        key = await self._wrapped(reply.key(), usage, owner or transport.owner)
        made = bytes.fromhex(key.check)
        size = min(len(came.check), len(made))
        if came.check and not (size > 1 and hmac.compare_digest(made[:size], came.check[:size])):
            message = f"the check value of the {usage} for {transport.owner!r} does not fit"
            raise CustodyError(message)
        return key

    async def export_key(self, transport: WrappedKey, key: WrappedKey) -> Enciphered:
        """As `KeyCustody` has it."""
        may_travel(transport, key.usage)
        body = commands.export_key(
            self._type(key.usage),
            self._key(transport).text,
            self._key(key),
            terminal=transport.usage == "tmk",
        )
        data = (await self._ask("A8", body)).key().data
        return Enciphered(data, await self.check_value(key))

    async def check_value(self, key: WrappedKey) -> bytes:
        """As `KeyCustody` has it."""
        made = await self._checked(self._key(key), key.usage)
        if made.hex().upper() != key.check:
            raise CustodyError(f"the {key.usage} of {key.owner!r} has another check value")
        return made

    async def mac_key(self, key: WrappedKey, scheme: MacScheme) -> MacKey:
        """Refused."""
        del scheme
        raise CustodyError(f"the {key.usage} of {key.owner!r} does not leave the security module")

    async def make_macs(self, jobs: Sequence[MacJob]) -> list[bytes]:
        """As `KeyCustody` has it; by as many commands at once as the line takes."""
        return await self._each(self._made_mac, jobs)

    async def verify_macs(self, jobs: Sequence[MacJob]) -> list[bool]:
        """As `KeyCustody` has it; likewise."""
        return await self._each(self._verified_mac, jobs)

    async def _made_mac(self, job: MacJob) -> bytes:
        command = self._mac(job)
        body = commands.make_mac(
            command.algorithm, self._type(job.key.usage), self._key(job.key), command.data
        )
        code = bytes.fromhex((await self._ask("M6", body)).take(16))
        return command.field_of(code)

    async def _verified_mac(self, job: MacJob) -> bool:
        command = self._mac(job)
        code = command.code_in(job.expected)
        if code is None:
            return False
        if not code:
            # The module compares four or eight bytes; other lengths are compared here.
            return hmac.compare_digest(await self._made_mac(job), job.expected)
        body = commands.verify_mac(
            command.algorithm, self._type(job.key.usage), self._key(job.key), command.data, code
        )
        return (await self._ask("M8", body, frozenset({_WRONG}))).error == _GOOD

    def _mac(self, job: MacJob) -> MacCommand:
        must_be(job.key, MAC_USAGES)
        return mac_command(job)

    async def open_block(self, key: WrappedKey, data: bytes) -> Secret:
        """As `KeyCustody` has it: the module deciphers each block, the chain is undone here."""
        must_be(key, TRACK_USAGES)
        whole_blocks(key, data)
        body = commands.decipher(self._type(key.usage), self._key(key), data)
        reply = await self._ask("M2", body)
        told = reply.take(int(reply.take(4), 16))
        if len(told) != 2 * len(data):
            raise CustodyError("the security module's answer to M2 is of another length")
        return chained(data, Secret.from_hex(told.encode()), key)

    async def translate_pin_block(
        self, block: bytes, pan: str, *, source: PinKey, target: PinKey
    ) -> bytes:
        """As `KeyCustody` has it; to a ZPK."""
        check_pin_key(source)
        check_pin_key(target)
        if target.format == 1 and source.format != 1:
            message = f"a block of format {source.format} must not become one of format 1"
            raise CustodyError(message)
        if 4 in (source.format, target.format) or target.key.usage != "zpk":  # noqa: PLR2004 - bytes
            raise CustodyError("the security module translates formats 0, 1 and 3, to a ZPK")
        if len(block) != 8:  # noqa: PLR2004 - bytes
            raise CustodyError(f"expected a PIN block of 8 bytes, found {len(block)}")
        body = commands.translate_pin(
            self._key(source.key),
            self._key(target.key),
            block,
            (commands.PIN_FORMATS[source.format], commands.PIN_FORMATS[target.format]),
            pan[:-1][-12:].rjust(12, "0"),
        )
        code = "CA" if source.key.usage == "pik" else "CC"
        reply = await self._ask(code, body, _PIN_ERRORS)
        if reply.error != _GOOD:
            raise CustodyError(f"the PIN block is not of format {source.format} under this key")
        reply.take(2)  # how many digits the PIN has, which nobody here needs to know
        return bytes.fromhex(reply.take(16))

    async def seal_component(
        self, typed: Secret, check: bytes, usage: KeyUsage, owner: str, cipher: KeyCipher
    ) -> WrappedKey:
        """As `KeyCustody` has it: `typed` is the component under the LMK, as text."""
        self._only_des(cipher)
        kind = part_of(usage)
        try:
            reply = commands.Reply("", _GOOD, bytes(typed).decode("ascii").upper())
            part = reply.key()
        except UnicodeDecodeError:
            raise CustodyError("the component is no key of the security module") from None
        if reply.rest or part.length not in KEY_SIZES["des"]:
            raise CustodyError("the component is no key of the security module")
        made = await self._checked(part, usage)
        if not (len(check) > 1 and hmac.compare_digest(made[: len(check)], check[:_CHECK_BYTES])):
            raise CustodyError("the component's check value does not fit")
        return self._labelled(part, kind, owner, made)

    async def form_key(
        self, components: Sequence[WrappedKey], usage: KeyUsage, owner: str
    ) -> WrappedKey:
        """As `KeyCustody` has it."""
        fitting_components(components, usage)
        parts = [self._key(each) for each in components]
        reply = await self._ask("A4", commands.form_key(self._type(usage), parts))
        return await self._wrapped(reply.key(), usage, owner)

    async def rewrap(self, key: WrappedKey) -> WrappedKey:
        """The same: keys go from an old LMK to a new one at the module's console."""
        await self.check_value(key)
        return key

    def wipe(self) -> None:
        """End the connection."""
        self.link.close()

    # What all of them need

    async def _ask(
        self, code: str, body: bytes, also: frozenset[str] = frozenset()
    ) -> commands.Reply:
        """The answer, whose error is none, or one of `also`."""
        reply = commands.Reply.of(code, await self.link.ask(code, body))
        if reply.error == _GOOD or reply.error in also:
            return reply
        kind = CustodyUnavailableError if reply.error in commands.UNAVAILABLE else CustodyError
        raise kind(commands.why(code, reply.error))

    async def _each(self, ask: Callable[[Job], Awaitable[Done]], jobs: Sequence[Job]) -> list[Done]:
        """What comes of each job, many at a time; the first error ends them all."""
        done: dict[int, Done] = {}
        failed: list[CustodyError] = []

        async def one(number: int, job: Job) -> None:
            try:
                done[number] = await ask(job)
            except CustodyError as error:
                failed.append(error)
                nursery.cancel_scope.cancel()

        for begin in range(0, len(jobs), self._at_once):
            async with trio.open_nursery() as nursery:
                for number in range(begin, min(begin + self._at_once, len(jobs))):
                    nursery.start_soon(one, number, jobs[number])
            if failed:
                raise failed[0]
        return [done[number] for number in range(len(jobs))]

    async def _wrapped(self, key: ModuleKey, usage: KeyUsage, owner: str) -> WrappedKey:
        return self._labelled(key, usage, owner, await self._checked(key, usage))

    def _labelled(self, key: ModuleKey, usage: KeyUsage, owner: str, check: bytes) -> WrappedKey:
        if not owner_is_good(owner):
            raise CustodyError("an owner has at most 64 printable characters other than a colon")
        return WrappedKey(
            usage=usage,
            cipher="des",
            length=key.length,
            check=check.hex().upper(),
            owner=owner,
            made=int(self._wall()),
            under=self.under,
            block=key.text,
        )

    async def _checked(self, key: ModuleKey, usage: KeyUsage) -> bytes:
        reply = await self._ask("BU", commands.check_value(self._type(usage), key))
        return bytes.fromhex(reply.take(16))[:_CHECK_BYTES]

    def _key(self, key: WrappedKey) -> ModuleKey:
        if key.under != self.under:
            why = f"is under {key.under}, which is not held here"
            raise CustodyError(f"the {key.usage} of {key.owner!r} {why}")
        found = commands.ModuleKey(key.block)
        if found.length != key.length:
            raise CustodyError(f"the {key.usage} of {key.owner!r} is not as long as it says")
        return found

    def _type(self, usage: KeyUsage) -> str:
        # A component is of the type of its key.
        return self._types[next((key for key, part in PARTS.items() if part == usage), usage)]

    @staticmethod
    def _only_des(cipher: KeyCipher) -> None:
        if cipher != "des":
            raise CustodyError(f"an LMK of variants has no keys of {cipher}")
