"""One TCP connection that carries whole messages, signed and checked; both sides use it.

Nothing here knows what a message means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import trio

from codec import CodecError, Framer, MacKey, Message
from codec.framing import frame
from codec.mac import sign, verify

if TYPE_CHECKING:
    from pathlib import Path

    from codec import Dialect

_RECEIVE_BYTES: Final = 65_536
_MAC_FIELD: Final = 64
_NETWORK_CLASS: Final = "8"
"""Second digit of network management's MTI: such messages carry no MAC."""

Algorithm = Literal["none", "cup-ecb", "x9.9", "x9.19", "aes-cmac"]


class LineLostError(Exception):
    """The connection ended, was reset, or brought bytes that are no message."""


class Heard(NamedTuple):
    """A message that came, and whether its MAC is good."""

    message: Message
    mac_good: bool


class LineKeys:
    """The MAC key of all lines to one peer; the one before it is good for what is on its way."""

    def __init__(self, key: MacKey | None) -> None:
        self.key = key
        self._old: MacKey | None = None

    def change(self, key: MacKey) -> None:
        """Use another key from now on."""
        self._old, self.key = self.key, key

    def good(self, message: Message) -> bool:
        """Whether the MAC is good."""
        known = (each for each in (self.key, self._old) if each is not None)
        return any(verify(message, each) for each in known)


class Line:
    """Messages over one connection.  Several tasks may send; one receives."""

    def __init__(
        self, stream: trio.SocketStream, dialect: Dialect, key: MacKey | LineKeys | None
    ) -> None:
        self._stream = stream
        self._dialect = dialect
        self._keys = key if isinstance(key, LineKeys) else LineKeys(key)
        self._framer = Framer()
        self._frames: list[bytes] = []
        self._sending = trio.Lock()

    @property
    def key(self) -> MacKey | None:
        """For what is sent and what comes from now on; a sign-in brings another."""
        return self._keys.key

    @key.setter
    def key(self, key: MacKey | None) -> None:
        self._keys.key = key

    async def send(self, message: Message, *, spoil_mac: bool = False) -> None:
        """Sign and send.  Raises LineLostError."""
        key = self._keys.key
        if key is not None and message.mti[1] != _NETWORK_CLASS:
            message = message.copy()
            sign(message, key)
            if spoil_mac:
                message.patch(_MAC_FIELD, message[_MAC_FIELD].translate(_OTHER_DIGIT))
        async with self._sending:
            try:
                await self._stream.send_all(frame(message.raw))
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                raise LineLostError from None

    async def receive(self) -> Heard:
        """The next message.  Raises LineLostError.  What was read survives a cancellation."""
        try:
            while not self._frames:
                data = await self._stream.receive_some(_RECEIVE_BYTES)
                if not data:
                    raise LineLostError
                self._frames = self._framer.feed(bytes(data))
            message = Message(self._frames.pop(0), self._dialect)
        except (trio.BrokenResourceError, trio.ClosedResourceError, CodecError):
            raise LineLostError from None
        if self._keys.key is None or message.mti[1] == _NETWORK_CLASS:
            return Heard(message, mac_good=True)
        return Heard(message, mac_good=self._keys.good(message))

    async def aclose(self) -> None:
        """End the connection."""
        await trio.aclose_forcefully(self._stream)


_OTHER_DIGIT: Final = str.maketrans("0123456789ABCDEF", "123456789ABCDEF0")


def mac_key(algorithm: Algorithm, key_file: Path | None) -> MacKey | None:
    """The key in `key_file` (hexadecimal digits).  Raises OSError or ValueError."""
    if algorithm == "none":
        return None
    if key_file is None:
        message = f"a key file is needed for {algorithm}"
        raise ValueError(message)
    return MacKey(algorithm, bytes.fromhex(key_file.read_text("ascii").strip()))
