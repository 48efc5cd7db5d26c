"""The MAC keys of terminals that signed in, in memory: what a message is checked and signed with.

A look-up by DE 42 and DE 41 for each message, and no more than two keys a terminal: the one that it
is known to use, and the one that it was given since.  Both are good until the first good MAC under
the new one; then the old one is forgotten.  Answers are signed with the key that the terminal was
last heard to use, which is its request's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codec import MacKey, mac
from gateway.keys.module_mac import ModuleMac
from gateway.keys.port import MacJob
from routing.sign_in import Till

if TYPE_CHECKING:
    from collections.abc import Callable

    from codec import Message


@dataclass(slots=True)
class _Pair:
    """The keys of one terminal."""

    used: MacKey | ModuleMac | None = None
    """That it is known to use."""
    new: MacKey | ModuleMac | None = None
    """That it was given last, and has not used yet."""


class TerminalKeys:
    """MAC keys by terminal; `new_key_used` is told when a new key takes the old one's place."""

    def __init__(self, new_key_used: Callable[[Till], None]) -> None:
        self._new_key_used = new_key_used
        self._pairs: dict[tuple[str, str], _Pair] = {}

    def __len__(self) -> int:
        return len(self._pairs)

    def given(self, till: Till, key: MacKey | ModuleMac) -> None:
        """A terminal gets a new key; one that it never used is forgotten."""
        self._pair(till).new = key

    def restored(
        self, till: Till, used: MacKey | ModuleMac | None, new: MacKey | ModuleMac | None
    ) -> None:
        """The keys of an earlier life."""
        pair = self._pair(till)
        pair.used, pair.new = used, new

    def _pair(self, till: Till) -> _Pair:
        return self._pairs.setdefault(till, _Pair())

    def forget(self, till: Till) -> None:
        """A terminal's keys were revoked."""
        self._pairs.pop(till, None)

    def authentic(self, message: Message) -> bool:
        """Whether the MAC is good under a key of the terminal that the message names."""
        pair = self._pairs.get(named(message))
        if pair is None:
            return False
        if _good(message, pair.new):
            self._new_is_used(message, pair)
            return True
        return _good(message, pair.used)

    def _new_is_used(self, message: Message, pair: _Pair) -> None:
        pair.used, pair.new = pair.new, None
        self._new_key_used(Till(*named(message)))

    def sign(self, message: Message) -> None:
        """Put the MAC into an answer; without a key there is none, and none can be expected."""
        pair = self._pairs.get(named(message))
        key = None if pair is None else pair.used or pair.new
        if isinstance(key, MacKey):
            mac.sign(message, key)

    # Keys that a security module does not release: asked of it by `mac_lane`

    def away(self, message: Message) -> bool:
        """Whether only a security module can check or make the MACs of this terminal."""
        pair = self._pairs.get(named(message))
        return pair is not None and (
            isinstance(pair.new, ModuleMac) or isinstance(pair.used, ModuleMac)
        )

    def questions(self, message: Message) -> list[MacJob]:
        """What the module is asked about a message: its MAC under the new key, under the old."""
        pair = self._pairs.get(named(message)) or _Pair()
        keys = [each for each in (pair.new, pair.used) if isinstance(each, ModuleMac)]
        data = mac.covered(message) if keys and mac.standing(message) else b""
        return [MacJob(*each, data, mac.standing(message)) for each in keys]

    def answered(self, message: Message, jobs: list[MacJob], good: list[bool]) -> bool:
        """Whether the MAC is good, by the module's answers to `questions`."""
        pair = self._pairs.get(named(message)) or _Pair()
        for job, is_good in zip(jobs, good, strict=True):
            if is_good and isinstance(pair.new, ModuleMac) and job.key == pair.new.key:
                self._new_is_used(message, pair)
        return any(good)

    def wanted(self, message: Message) -> MacJob | None:
        """What the module is asked for an answer's MAC."""
        pair = self._pairs.get(named(message)) or _Pair()
        key = pair.used or pair.new
        return MacJob(*key, mac.covered(message)) if isinstance(key, ModuleMac) else None


def _good(message: Message, key: MacKey | ModuleMac | None) -> bool:
    return isinstance(key, MacKey) and mac.verify(message, key)


def named(message: Message) -> tuple[str, str]:
    """Merchant and terminal, as the message says it, without blanks that fill their fields."""
    return message.get(42, "").rstrip(), message.get(41, "").rstrip()
