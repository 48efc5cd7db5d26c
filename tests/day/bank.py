"""The host of a day: approves, reverses, signs on; keeps what it heard and what it answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codec import Message, build, dialect
from codec.framing import Framer, frame

if TYPE_CHECKING:
    from collections.abc import Callable

SPOKEN: Final = dialect("iso87-ascii")
_ECHOED: Final = (3, 4, 7, 11, 12, 13, 25, 41, 42, 49, 70, 90)
_ANSWER: Final = {"0": "1", "2": "3"}
SETTLED_ON: Final = "1124"
"""The settlement date after the cut-over."""


class DayBank:
    """One host, whatever carries its bytes."""

    def __init__(self) -> None:
        self.heard: list[tuple[Message, Message]] = []
        """Requests about money and the answers to them."""
        self.managed: list[Message] = []
        """Network management that came from the gateway, answers to ours as well."""
        self.links: list[BankLink] = []
        self.silences = 0
        """So many messages about money more are booked and not answered."""
        self._stan = 0

    def link(self, send: Callable[[bytes], None]) -> BankLink:
        """A connection of the gateway's."""
        self.links.append(BankLink(self, send))
        return self.links[-1]

    def announce(self, code: str, **fields: str) -> None:
        """Say something unasked on the newest link, by DE 70."""
        self._stan += 1
        said = {7: "1123235900", 11: f"{self._stan:06d}", 70: code}
        said |= {int(key.removeprefix("de")): value for key, value in fields.items()}
        self.links[-1].say(build(SPOKEN, "0800", said))

    def answer(self, message: Message) -> Message | None:
        """What it answers to a message; None to an answer, or out of silence."""
        mti = message.mti
        if mti[2] not in _ANSWER:
            self.managed.append(message)
            return None
        fields = message.pick(_ECHOED) | {39: "00"}
        if mti[1] in "12":
            number = 1 + len(self.heard)
            fields |= {37: f"{number:012d}", 38: f"{number:06d}"}
        answer = build(SPOKEN, mti[:2] + _ANSWER[mti[2]] + "0", fields)
        if mti[1] == "8":
            self.managed.append(message)
            return answer
        self.heard.append((message, answer))
        if self.silences:
            self.silences -= 1
            return None
        return answer


class BankLink:
    """One connection: bytes in, frames out."""

    def __init__(self, bank: DayBank, send: Callable[[bytes], None]) -> None:
        self._bank, self._send = bank, send
        self._framer = Framer()

    def say(self, message: Message) -> None:
        """Send a message."""
        self._send(frame(message.raw))

    def feed(self, data: bytes) -> None:
        """Bytes came: answer each message in them."""
        for raw in self._framer.feed(data):
            answer = self._bank.answer(Message(raw, SPOKEN))
            if answer is not None:
                self.say(answer)

    def gone(self) -> None:
        """The connection is no more."""
        self._bank.links.remove(self)
