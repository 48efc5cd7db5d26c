"""Ceremonies: a key that comes in components, each from another person, so that nobody knows it.

Rule 1.  The first component says how many there will be, two or three; the others say the same.
Rule 2.  Nobody brings two.  Nobody without a name brings any.
Rule 3.  The same component doesn't count twice, whoever brings it.
Rule 4.  Components are kept wrapped, and dropped in the turn in which the key is hung.
Rule 5.  A ceremony that is not complete `CEREMONY_S_MAX` after it began is over; the next component
         begins another one.

What is refused is audited like what is done.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec

from routing.keeper import AuditKind, KeptKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routing.clock import Now
    from routing.keeper import Keeper
    from routing.key_ring import KeyPlace

CEREMONY_S_MAX: Final = 7 * 86_400.0
"""How long the persons of a ceremony may take to come."""
CEREMONIES_MAX: Final = 1_000
"""Ceremonies under way at a time."""
_COUNTS: Final = (2, 3)


class Bringing(StrEnum):
    """What comes of bringing a component."""

    TAKEN = "taken; the others are waited for"
    COMPLETE = "complete"
    NO_NAME = "say who you are"
    SAME_PERSON = "you brought one already; another person must"
    SAME_COMPONENT = "this component was brought already"
    OTHER_COUNT = "this key has another number of components"
    TOO_MANY = "too many ceremonies are under way"


class Component(msgspec.Struct, frozen=True):
    """One person's part, wrapped."""

    who: str
    text: str
    check: str


class Ceremony(msgspec.Struct, frozen=True):
    """A key that is not complete yet."""

    count: int
    began: float
    parts: tuple[Component, ...] = ()


class Ceremonies:
    """All that are under way."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._under_way: dict[str, Ceremony] = {}

    def restore(self) -> None:
        """Take over what earlier lives kept."""
        for kept in self._keeper.left(KeptKind.KEY_CEREMONY):
            self._under_way[kept.key] = msgspec.convert(kept.data, Ceremony)

    def __len__(self) -> int:
        return len(self._under_way)

    def all(self) -> Iterable[tuple[str, Ceremony]]:
        """Every ceremony, by the name of its key's place."""
        return self._under_way.items()

    def would_be(self, place: KeyPlace, count: int, part: Component, now: Now) -> Bringing:
        """What `bring` will say.  What it refuses is audited here."""
        ceremony = self._ceremony(place, count, now)
        refused = _refusal(ceremony, count, part)
        if ceremony is None and refused is None and len(self._under_way) >= CEREMONIES_MAX:
            refused = Bringing.TOO_MANY
        if refused is not None:
            self._audit(AuditKind.KEY_COMPONENT_REFUSED, place, part, now, why=refused)
            return refused
        brought = 0 if ceremony is None else len(ceremony.parts)
        return Bringing.COMPLETE if brought + 1 == count else Bringing.TAKEN

    def parts_with(self, place: KeyPlace, part: Component) -> list[Component]:
        """All components of a ceremony that this one completes."""
        ceremony = self._under_way.get(place.name)
        return [*(ceremony.parts if ceremony else ()), part]

    def bring(self, place: KeyPlace, count: int, part: Component, now: Now) -> Bringing:
        """A person brings a component.  With COMPLETE the caller has the key and hangs it."""
        said = self.would_be(place, count, part, now)
        if said not in (Bringing.TAKEN, Bringing.COMPLETE):
            return said
        self._audit(AuditKind.KEY_COMPONENT, place, part, now)
        if said is Bringing.COMPLETE:
            self._drop(place.name, now)
            return said
        before = self._under_way.get(place.name) or Ceremony(count, now.wall)
        ceremony = msgspec.structs.replace(before, parts=(*before.parts, part))
        self._under_way[place.name] = ceremony
        data: dict[str, Any] = msgspec.to_builtins(ceremony)
        self._keeper.keep(KeptKind.KEY_CEREMONY, place.name, data, now)
        return said

    def _ceremony(self, place: KeyPlace, count: int, now: Now) -> Ceremony | None:
        found = self._under_way.get(place.name)
        if found is None or now.wall - found.began < CEREMONY_S_MAX:
            return found
        self._drop(place.name, now)
        said = {"brought": len(found.parts), "of": count}
        self._keeper.audit(AuditKind.KEY_CEREMONY_OVER, place.name, now, said=said)
        return None

    def _drop(self, name: str, now: Now) -> None:
        self._under_way.pop(name, None)
        self._keeper.drop(KeptKind.KEY_CEREMONY, name, now)

    def _audit(
        self, kind: AuditKind, place: KeyPlace, part: Component, now: Now, why: str = ""
    ) -> None:
        said = {"check": part.check, **({"why": why} if why else {})}
        self._keeper.audit(kind, place.name, now, who=part.who, said=said)


def _refusal(ceremony: Ceremony | None, count: int, part: Component) -> Bringing | None:
    if not part.who:
        return Bringing.NO_NAME
    if count not in _COUNTS or (ceremony is not None and ceremony.count != count):
        return Bringing.OTHER_COUNT
    for other in ceremony.parts if ceremony is not None else ():
        if other.who == part.who:
            return Bringing.SAME_PERSON
        if other.check == part.check:
            return Bringing.SAME_COMPONENT
    return None
