"""What the gateway asks of whoever keeps its keys: a security module, a PKCS#11 token, or software.

Keys and PINs exist in clear behind this port only, with one exception that its name tells:
`mac_key` releases a MAC key to this process, where the custody does that at all
(`releases_mac_keys`).  Whoever calls sees `WrappedKey`s, enciphered blocks, codes and check
values.  What is in clear where:

| custody | TMK, ZMK | PIN and data keys | MAC keys | PINs |
|---|---|---|---|---|
| software | here, while used | here, while used | who asks for them | here |
| PKCS#11 | the token | here, while they are made | who asks for them | refused |
| security module | the module | the module | the module | the module |

All methods are asynchronous, since a module is reached over a network.  They raise CustodyError
where a key, a block or a check value is at fault, CustodyUnavailableError where the keeper can't
be asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codec import MacKey
    from codec.keys import CheckMethod, KeyCipher, Secret
    from codec.mac import Algorithm
    from gateway.keys.wrapped import KeyUsage, WrappedKey

PinFormat = Literal[0, 1, 3, 4]
"""ISO 9564-1 formats.  0, 1 and 3 are 8 bytes under triple DES, 4 is 16 bytes under AES."""


class CustodyError(Exception):
    """What was asked can't be done; the message names keys and formats, never what they hold."""


class CustodyUnavailableError(CustodyError):
    """The keeper of the keys does not answer, or has too much to do: ask again later."""


class Layout(NamedTuple):
    """Which working keys a sign-in answer carries, and how long each is; `tdk` may be 0: none."""

    pik: int
    mak: int
    tdk: int = 0
    cipher: KeyCipher = "des"


SINGLE: Final = Layout(8, 8)
DOUBLE: Final = Layout(16, 8)
"""Its MAK has eight bytes and stands in sixteen, as most acquirers have it."""
DOUBLE_WITH_TRACK: Final = Layout(16, 8, 16)
DOUBLE_MAK: Final = Layout(16, 16)
DOUBLE_MAK_WITH_TRACK: Final = Layout(16, 16, 16)
TRIPLE: Final = Layout(24, 24)
TRIPLE_WITH_TRACK: Final = Layout(24, 24, 24)
SM4: Final = Layout(16, 16, 0, "sm4")
SM4_WITH_TRACK: Final = Layout(16, 16, 16, "sm4")


@dataclass(frozen=True, slots=True)
class IssuedKeys:
    """Working keys that were made for a terminal."""

    field: bytes
    """DE 62 of the answer: each key under the TMK, with its check value."""
    pik: WrappedKey
    mak: WrappedKey
    tdk: WrappedKey | None = None


class Enciphered(NamedTuple):
    """A key under another one, as it travels, and its check value."""

    data: bytes
    check: bytes


@dataclass(frozen=True, slots=True)
class MacScheme:
    """How MACs are made; what the settings mean stands in `codec.mac`."""

    algorithm: Algorithm
    padding: int = 1
    form: Literal["raw", "hex"] | None = None
    keep: int = 8


@dataclass(frozen=True, slots=True)
class MacJob:
    """One MAC to be made or verified."""

    key: WrappedKey
    scheme: MacScheme
    data: bytes = field(repr=False)
    """What is authenticated, from the MTI to the last byte before the MAC's field."""
    expected: bytes = b""
    """What stands in that field; for verifying."""


@dataclass(frozen=True, slots=True)
class PinKey:
    """Under which key a PIN block is and in which format."""

    key: WrappedKey
    format: PinFormat


class KeyCustody(Protocol):
    """A keeper of keys."""

    @property
    def kind(self) -> str:
        """`software`, `pkcs11` or `hsm`; for logs and metrics."""
        ...

    @property
    def releases_mac_keys(self) -> bool:
        """Whether `mac_key` gives MAC keys to this process; if not, `make_macs` and `verify_macs`
        are the only way.
        """
        ...

    # Working keys

    async def new_working_keys(self, master: WrappedKey, layout: Layout) -> IssuedKeys:
        """New keys for the terminal whose TMK is `master`.  Nothing is released in clear."""
        ...

    async def new_key(
        self, usage: KeyUsage, owner: str, cipher: KeyCipher, length: int
    ) -> WrappedKey:
        """A new random key.  Nothing is released in clear."""
        ...

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
        """A key that came enciphered block by block under `transport`, a ZMK or a TMK; it is
        `owner`'s, by default the transport key's.

        The check value must fit, as many bytes as came of it; b'' where the sender gave none.
        `method` says how it was made, by default as usual for the cipher (AES: CMAC).
        """
        ...

    async def export_key(self, transport: WrappedKey, key: WrappedKey) -> Enciphered:
        """`key` under `transport`, for whoever shares that one.  Nothing is released in clear."""
        ...

    async def check_value(self, key: WrappedKey) -> bytes:
        """The check value, worked out anew; CustodyError if the label says another."""
        ...

    # MACs

    async def mac_key(self, key: WrappedKey, scheme: MacScheme) -> MacKey:
        """THE KEY IN CLEAR, in memory that is wiped, for MACs on every message's way.

        CustodyError unless its usage is a MAC key's and `releases_mac_keys`.
        """
        ...

    async def make_macs(self, jobs: Sequence[MacJob]) -> list[bytes]:
        """What goes into the MAC fields, in the jobs' order.  Nothing is released in clear."""
        ...

    async def verify_macs(self, jobs: Sequence[MacJob]) -> list[bool]:
        """Whether each MAC is good, in the jobs' order."""
        ...

    # Data

    async def open_block(self, key: WrappedKey, data: bytes) -> Secret:
        """WHAT A TERMINAL ENCIPHERED UNDER ITS TDK, IN CLEAR, in memory that is wiped: blocks that
        are chained (CBC) from zeros.

        CustodyError unless the key's usage is a track key's.
        """
        ...

    # PIN blocks

    async def translate_pin_block(
        self, block: bytes, pan: str, *, source: PinKey, target: PinKey
    ) -> bytes:
        """`block`, which is under `source`, as a block of the same PIN under `target`.

        The card number stays the same, and what was bound to one is never translated into format 1,
        which is not: both would let PINs be searched for.
        """
        ...

    # Ceremonies: what persons bring

    async def seal_component(
        self, typed: Secret, check: bytes, usage: KeyUsage, owner: str, cipher: KeyCipher
    ) -> WrappedKey:
        """One person's component of a TMK or ZMK, wrapped until the others have come.

        `typed` is the component in clear for software and PKCS#11.  A security module takes none in
        clear over its network: there it is the component under the LMK, as its console printed it.
        """
        ...

    async def form_key(
        self, components: Sequence[WrappedKey], usage: KeyUsage, owner: str
    ) -> WrappedKey:
        """The key whose components these are, exclusive-ored."""
        ...

    async def rewrap(self, key: WrappedKey) -> WrappedKey:
        """The same key under the custody's present KEK (or LMK), with the same label otherwise."""
        ...

    def wipe(self) -> None:
        """Forget secrets and end connections; nothing can be asked any more."""
        ...
