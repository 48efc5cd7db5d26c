"""The ring: every wrapped key that outlives a process, by usage, cipher and owner.

Rule 1.  A key hangs under its usage, cipher and owner; a new one takes the place of the old.
Rule 2.  Whatever is hung, changed or taken off is audited, by check value and never by key.
Rule 3.  What was revoked is never hung there again, not by a file either: its check value is kept.

A terminal's working keys stand with its session, not here.  What a wrapped key looks like is no
matter of this file: it is text that only a custody opens.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from routing.keeper import AuditKind, KeptKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routing.clock import Now
    from routing.keeper import Keeper

KEYS_MAX: Final = 1_000_000
"""Keys on the ring; what would be one more is refused."""
REVOKED_MAX: Final = 16
"""Revoked keys of one place that are remembered, the last ones."""
_DAY_S: Final = 86_400.0


class KeyPlace(NamedTuple):
    """Where a key hangs."""

    usage: str
    owner: str
    cipher: str = "des"

    @property
    def name(self) -> str:
        """As the journal and people call it."""
        return f"{self.usage}/{self.cipher}/{self.owner}"


class RingKey(NamedTuple):
    """A key on the ring."""

    text: str
    """Wrapped."""
    check: str
    made: float
    how: str
    """`ceremony`, `loaded`, `file`, `exchanged`: how it came here."""


class KeyRing:
    """All keys of this gateway's."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._keys: dict[KeyPlace, RingKey] = {}
        self._revoked: dict[str, list[str]] = {}
        """By the name of a place: check values of what was revoked there."""
        self._days: dict[str, Counter[int]] = {}
        """By usage: on which days how many of its keys were made."""

    def restore(self) -> None:
        """Take over what earlier lives kept."""
        for kept in self._keeper.left(KeptKind.WRAPPED_KEY):
            usage, cipher, owner = kept.key.split("/", 2)
            self._put(KeyPlace(usage, owner, cipher), RingKey(**(kept.data or {})))
        for kept in self._keeper.left(KeptKind.REVOKED_KEY):
            self._revoked[kept.key] = list((kept.data or {})["checks"])

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, place: KeyPlace) -> RingKey | None:
        """The key that hangs there."""
        return self._keys.get(place)

    def text(self, usage: str, owner: str, cipher: str = "des") -> str:
        """A wrapped key; '' if there is none."""
        found = self._keys.get(KeyPlace(usage, owner, cipher))
        return "" if found is None else found.text

    @property
    def full(self) -> bool:
        """Whether there is room for no other key."""
        return len(self._keys) >= KEYS_MAX

    def count(self, usage: str) -> int:
        """How many keys of a usage there are."""
        return sum(self._days.get(usage, Counter()).values())

    def oldest(self, usage: str) -> float | None:
        """When the oldest key of a usage was made, to the day."""
        days = self._days.get(usage)
        return min(days) * _DAY_S if days else None

    def all(self) -> Iterable[tuple[KeyPlace, RingKey]]:
        """Every key and where it hangs."""
        return self._keys.items()

    def hang(self, place: KeyPlace, key: RingKey, now: Now, who: str = "") -> None:
        """Put a key where it belongs, in place of what hangs there."""
        before = self._keys.get(place)
        self._put(place, key)
        self._keeper.keep(KeptKind.WRAPPED_KEY, place.name, key._asdict(), now)
        said: dict[str, Any] = {"how": key.how, "check": key.check}
        if before is not None:
            said["instead_of"] = before.check
        self._keeper.audit(AuditKind.KEY_HUNG, place.name, now, who=who, said=said)

    def rewrapped(self, place: KeyPlace, text: str, now: Now, who: str = "") -> None:
        """The same key, wrapped anew."""
        key = self._keys[place]._replace(text=text)
        self._keys[place] = key
        self._keeper.keep(KeptKind.WRAPPED_KEY, place.name, key._asdict(), now)
        said = {"check": key.check}
        self._keeper.audit(AuditKind.KEY_REWRAPPED, place.name, now, who=who, said=said)

    def _put(self, place: KeyPlace, key: RingKey) -> None:
        self._take(place)
        self._keys[place] = key
        self._days.setdefault(place.usage, Counter())[int(key.made // _DAY_S)] += 1

    def _take(self, place: KeyPlace) -> RingKey | None:
        key = self._keys.pop(place, None)
        if key is not None:
            days, day = self._days[place.usage], int(key.made // _DAY_S)
            days[day] -= 1
            if not days[day]:
                del days[day]
        return key

    def take_off(self, place: KeyPlace, now: Now, who: str = "") -> bool:
        """Remove a key; False if there is none."""
        key = self._take(place)
        if key is None:
            return False
        self._keeper.drop(KeptKind.WRAPPED_KEY, place.name, now)
        said = {"check": key.check}
        self._keeper.audit(AuditKind.KEY_TAKEN_OFF, place.name, now, who=who, said=said)
        return True

    def was_revoked(self, place: KeyPlace, check: str) -> bool:
        """Whether a key with this check value was revoked there."""
        return bool(check) and check in self._revoked.get(place.name, ())

    def revoke(self, place: KeyPlace, now: Now, who: str = "") -> bool:
        """Remove a key for good; False if there is none."""
        key = self._take(place)
        if key is None:
            return False
        self._keeper.drop(KeptKind.WRAPPED_KEY, place.name, now)
        checks = [*self._revoked.get(place.name, ()), key.check][-REVOKED_MAX:]
        self._revoked[place.name] = checks
        self._keeper.keep(KeptKind.REVOKED_KEY, place.name, {"checks": checks}, now)
        said = {"check": key.check}
        self._keeper.audit(AuditKind.KEY_REVOKED, place.name, now, who=who, said=said)
        return True
