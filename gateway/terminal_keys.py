"""The MAC keys of terminals that signed in, in memory: what a message is checked and signed with.

A look-up by DE 42 and DE 41 for each message, and no more than two keys a terminal: the one that it
is known to use, and the one that it was given since.  Both are good until the first good MAC under
the new one; then the old one is forgotten.  Answers are signed with the key that the terminal was
last heard to use, which is its request's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codec import mac
from routing.sign_in import Till

if TYPE_CHECKING:
    from collections.abc import Callable

    from codec import MacKey, Message


@dataclass(slots=True)
class _Pair:
    """The keys of one terminal."""

    used: MacKey | None = None
    """That it is known to use."""
    new: MacKey | None = None
    """That it was given last, and has not used yet."""


class TerminalKeys:
    """MAC keys by terminal; `new_key_used` is told when a new key takes the old one's place."""

    def __init__(self, new_key_used: Callable[[Till], None]) -> None:
        self._new_key_used = new_key_used
        self._pairs: dict[tuple[str, str], _Pair] = {}

    def __len__(self) -> int:
        return len(self._pairs)

    def given(self, till: Till, key: MacKey) -> None:
        """A terminal gets a new key; one that it never used is forgotten."""
        self._pair(till).new = key

    def restored(self, till: Till, used: MacKey | None, new: MacKey | None) -> None:
        """The keys of an earlier life."""
        pair = self._pair(till)
        pair.used, pair.new = used, new

    def _pair(self, till: Till) -> _Pair:
        return self._pairs.setdefault(till, _Pair())

    def authentic(self, message: Message) -> bool:
        """Whether the MAC is good under a key of the terminal that the message names."""
        pair = self._pairs.get(named(message))
        if pair is None:
            return False
        if pair.new is not None and mac.verify(message, pair.new):
            pair.used, pair.new = pair.new, None
            self._new_key_used(Till(*named(message)))
            return True
        return pair.used is not None and mac.verify(message, pair.used)

    def sign(self, message: Message) -> None:
        """Put the MAC into an answer; without a key there is none, and none can be expected."""
        pair = self._pairs.get(named(message))
        key = None if pair is None else pair.used or pair.new
        if key is not None:
            mac.sign(message, key)


def named(message: Message) -> tuple[str, str]:
    """Merchant and terminal, as the message says it, without blanks that fill their fields."""
    return message.get(42, "").rstrip(), message.get(41, "").rstrip()
