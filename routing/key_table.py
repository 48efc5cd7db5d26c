"""Keys of digits: what they are, and a table of who has which.

Such a key is a number: class of the MTI and the ten digits of DE 7, and below them, in its lowest
bits, the six digits of STAN.  As STANs are taken in turn, each key stands at the place of its STAN,
and nearly always alone: a dict would make a hash of each number, and compare objects.
"""

from __future__ import annotations

from typing import Any, Final

STAN_DIGITS: Final = 6
DE7_DIGITS: Final = 10
_STAN_BITS: Final = 20
_STAN_MASK: Final = (1 << _STAN_BITS) - 1
_TIMES: Final = 10**DE7_DIGITS
_PLACES_MIN: Final = 64
"""A power of two, as the number of places always is."""


def numbered(mti_class: int, stan: int, sent_at: int) -> int:
    """The key of these parts."""
    return mti_class * _TIMES + sent_at << _STAN_BITS | stan


def parts_of(key: int) -> list[str]:
    """Its class, STAN and DE 7."""
    mti_class, sent_at = divmod(key >> _STAN_BITS, _TIMES)
    stan = key & _STAN_MASK
    return [str(mti_class), f"{stan:0{STAN_DIGITS}d}", f"{sent_at:0{DE7_DIGITS}d}"]


class Held:
    """One key, who has it, and what else stands at that place."""

    def __init__(self) -> None:
        self.key = 0
        self.owner: Any = None
        self.is_marked = False
        self.older: Held | None = None


class KeyTable:
    """Keys, each with its owner."""

    def __init__(self) -> None:
        self.count = 0
        self._places: list[Held | None] = [None] * _PLACES_MIN
        self._last = _PLACES_MIN - 1
        self._spare: Held | None = None
        """One that is used again, and behind it the others."""

    def owner(self, key: int) -> Any:
        """Who has this key; None: nobody."""
        each = self._places[key & self._last]
        while each is not None:
            if each.key == key:
                return each.owner
            each = each.older
        return None

    def give(self, key: int, owner: Any) -> None:
        """A key that nobody has is `owner`'s."""
        if self.count > self._last:
            self._grow()
        at = key & self._last
        held = self._spare
        if held is None:
            held = Held()
        else:
            self._spare = held.older
        held.key, held.owner, held.is_marked = key, owner, False
        held.older = self._places[at]
        self._places[at] = held
        self.count += 1

    def mark(self, key: int) -> None:
        """Have `free` tell that this was said of a key."""
        each = self._places[key & self._last]
        while each is not None:
            each.is_marked |= each.key == key
            each = each.older

    def free(self, key: int) -> bool:
        """Nobody has this key any more; returns whether it was marked."""
        at = key & self._last
        each, newer = self._places[at], None
        while each is not None:
            if each.key != key:
                newer, each = each, each.older
                continue
            if newer is None:
                self._places[at] = each.older
            else:
                newer.older = each.older
            each.owner, each.older = None, self._spare
            self._spare = each
            self.count -= 1
            return each.is_marked
        return False

    def with_stan(self, stan: int) -> list[int]:
        """The keys with this STAN, the newest first."""
        found, each = [], self._places[stan & self._last]
        while each is not None:
            if each.key & _STAN_MASK == stan:
                found.append(each.key)
            each = each.older
        return found

    def _grow(self) -> None:
        """Twice as many places."""
        before = self._places
        self._last = 2 * self._last + 1
        self._places = [None] * (self._last + 1)
        self.count = 0
        for place in before:
            held, each = [], place
            while each is not None:
                held.append((each.key, each.owner, each.is_marked))
                each = each.older
            for key, owner, is_marked in reversed(held):
                self.give(key, owner)
                if is_marked:
                    self.mark(key)
