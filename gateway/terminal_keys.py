"""The MAC keys of terminals that signed in, in memory: what a message is checked and signed with.

A look-up by DE 42 and DE 41 for each message, and few keys a terminal: the one that it is known to
use, and those that it was given since.  All are good until the first good MAC under a new one; then
what was used or given before that is forgotten.  Answers are signed with the key that the terminal
was last heard to use, which is its request's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codec import MacKey, mac
from gateway.keys.module_mac import ModuleMac
from gateway.keys.port import MacJob
from routing.sign_in import UNUSED_MAX, Till

if TYPE_CHECKING:
    from collections.abc import Callable

    from codec import Message


Key = MacKey | ModuleMac | None
"""None: it could not be opened."""


@dataclass(slots=True)
class _Held:
    """The keys of one terminal."""

    used: Key = None
    """That it is known to use."""
    unused: list[Key] = field(default_factory=list)
    """That it was given, the latest first; routing counts them in the same way."""

    def all(self) -> list[Key]:
        """Every key that may be good."""
        return [*self.unused, self.used]


class TerminalKeys:
    """MAC keys by terminal; `new_key_used` is told when a new key takes the old one's place, and
    how many were given after it.
    """

    def __init__(self, new_key_used: Callable[[Till, int], None]) -> None:
        self._new_key_used = new_key_used
        self._held: dict[tuple[str, str], _Held] = {}

    def __len__(self) -> int:
        return len(self._held)

    def given(self, till: Till, key: MacKey | ModuleMac) -> None:
        """A terminal gets a new key; of those that it never used the oldest may be forgotten."""
        held = self._of(till)
        held.unused = [key, *held.unused][:UNUSED_MAX]

    def restored(self, till: Till, used: Key, unused: list[Key]) -> None:
        """The keys of an earlier life."""
        held = self._of(till)
        held.used, held.unused = used, unused

    def _of(self, till: Till) -> _Held:
        return self._held.setdefault(till, _Held())

    def forget(self, till: Till) -> None:
        """A terminal's keys were revoked."""
        self._held.pop(till, None)

    def authentic(self, message: Message) -> bool:
        """Whether the MAC is good under a key of the terminal that the message names."""
        held = self._held.get(named(message))
        if held is None:
            return False
        if held.unused:
            for number, key in enumerate(held.unused):
                if _good(message, key):
                    self._is_used(message, held, number)
                    return True
        return _good(message, held.used)

    def _is_used(self, message: Message, held: _Held, number: int) -> None:
        held.used, held.unused = held.unused[number], held.unused[:number]
        self._new_key_used(Till(*named(message)), number)

    def sign(self, message: Message) -> None:
        """Put the MAC into an answer; without a key there is none, and none can be expected."""
        key = self._signs(message)
        if isinstance(key, MacKey):
            mac.sign(message, key)

    def _signs(self, message: Message) -> Key:
        held = self._held.get(named(message))
        if held is None:
            return None
        return held.used or next(iter(held.unused), None)

    # Keys that a security module does not release: asked of it by `mac_lane`

    def away(self, message: Message) -> bool:
        """Whether only a security module can check or make the MACs of this terminal."""
        held = self._held.get(named(message))
        return held is not None and any(isinstance(each, ModuleMac) for each in held.all())

    def questions(self, message: Message) -> list[MacJob]:
        """What the module is asked about a message: its MAC under the new keys, under the old."""
        held = self._held.get(named(message)) or _Held()
        keys = [each for each in held.all() if isinstance(each, ModuleMac)]
        data = mac.covered(message) if keys and mac.standing(message) else b""
        return [MacJob(*each, data, mac.standing(message)) for each in keys]

    def answered(self, message: Message, jobs: list[MacJob], good: list[bool]) -> bool:
        """Whether the MAC is good, by the module's answers to `questions`."""
        held = self._held.get(named(message)) or _Held()
        verified = [job.key for job, is_good in zip(jobs, good, strict=True) if is_good]
        for number, each in enumerate(held.unused):
            if isinstance(each, ModuleMac) and each.key in verified:
                self._is_used(message, held, number)
                break
        return any(good)

    def wanted(self, message: Message) -> MacJob | None:
        """What the module is asked for an answer's MAC."""
        key = self._signs(message)
        return MacJob(*key, mac.covered(message)) if isinstance(key, ModuleMac) else None


def _good(message: Message, key: Key) -> bool:
    return isinstance(key, MacKey) and mac.verify(message, key)


def named(message: Message) -> tuple[str, str]:
    """Merchant and terminal, as the message says it, without blanks that fill their fields."""
    return message.get(42, "").rstrip(), message.get(41, "").rstrip()
