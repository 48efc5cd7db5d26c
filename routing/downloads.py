"""Parameters that terminals fetch: which versions there are, and how they are handed out.

Three forms, by the set (`management.PARAMETERS`):
named    A query lists the names (RID and index of a public key, AID) from the count in the request
         on, as many as fit; then each is fetched by its name.
counted  Each fetch says how many parts came already and gets the next.
whole    One answer holds everything.

DE 62 of an answer begins with 0 (there is none), 1 (this is all), 2 (more follows) or 3 (the last
of several), but for `whole`.  The layout rests on few sources: acquirers differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

from routing.conventions.management import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FIELD_BYTES_MAX: Final = 512
"""Of DE 62."""
_NONE: Final = b"0"
_ALL: Final = b"1"
_MORE: Final = b"2"
_LAST: Final = b"3"
_WHOLE: Final = "parameters"
_COUNT_DIGITS: Final = 2

ParameterName = Literal[
    "parameters", "ca-keys", "sm-keys", "chip", "contactless", "bins", "bin-blacklist", "bin-table"
]


class ParameterItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part of a set."""

    name: str = ""
    """By which it is fetched, hexadecimal: tags, lengths and values."""
    hex: str = ""
    text: str = ""
    """Its data, as hexadecimal digits or as a text."""

    @property
    def data(self) -> bytes:
        """What terminals get.  Raises ValueError."""
        return bytes.fromhex(self.hex) or self.text.encode("latin-1")


class ParameterSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters that terminals are to have."""

    name: ParameterName
    version: int = 1
    """Terminals with a lower one are asked to fetch it."""
    items: tuple[ParameterItem, ...] = ()

    def problems(self) -> Iterable[str]:
        """What is wrong with it: key and why."""
        if self.version < 1:
            yield f"version = {self.version}: counts from 1"
        for number, each in enumerate(self.items):
            try:
                size = len(each.data)
                bytes.fromhex(each.name)
            except ValueError:
                yield f"items.{number}: not hexadecimal, or not Latin-1"
                continue
            if not 0 < size < FIELD_BYTES_MAX:
                yield f"items.{number}: 1 to {FIELD_BYTES_MAX - 1} bytes fit into one message"


class _Held(NamedTuple):
    """A set as it is handed out."""

    version: int
    names: tuple[bytes, ...]
    parts: tuple[bytes, ...]


class Downloads:
    """All sets of parameters."""

    def __init__(self, sets: Iterable[ParameterSet]) -> None:
        self._sets: dict[str, _Held] = {
            each.name: _Held(
                each.version,
                tuple(bytes.fromhex(item.name) for item in each.items),
                tuple(item.data for item in each.items),
            )
            for each in sets
        }

    def due(self, fetched: Mapping[str, int]) -> set[str]:
        """Digits of the sets of which a terminal has an older version, or none."""
        return {
            PARAMETERS[name].digit
            for name, held in self._sets.items()
            if held.version > fetched.get(name, 0)
        }

    @staticmethod
    def digit(name: str) -> str:
        """By which the header of an answer asks for a set."""
        return PARAMETERS[name].digit

    def ended(self, name: str) -> dict[str, int]:
        """Versions that a terminal has which says that it came to the end of `name`."""
        shared = PARAMETERS[name].digit
        names = [name, *(n for n, c in PARAMETERS.items() if c.digit == shared and not c.end)]
        return {each: self._sets[each].version for each in names if each in self._sets}

    def listed(self, name: str, said: bytes) -> bytes:
        """DE 62 of the answer to a query; `said` is the request's."""
        held = self._sets.get(name)
        came = _count(said)
        names = () if held is None else held.names[came:]
        if not names:
            return _NONE
        body = b""
        for at, each in enumerate(names):
            if len(body) + len(each) >= FIELD_BYTES_MAX:
                return _MORE + b"".join(names[:at])
            body += each
        return (_LAST if came else _ALL) + body

    def fetched(self, name: str, said: bytes) -> bytes:
        """DE 62 of the answer to a fetch."""
        held = self._sets.get(name)
        if held is None or not held.parts:
            return _NONE
        if name == _WHOLE:
            return b"".join(held.parts)[:FIELD_BYTES_MAX]
        if PARAMETERS[name].query:
            return _ALL + held.parts[held.names.index(said)] if said in held.names else _NONE
        came = _count(said)
        if came >= len(held.parts):
            return _NONE
        last = came + 1 == len(held.parts)
        flag = _MORE if not last else _LAST if came else _ALL
        return flag + held.parts[came]


def _count(said: bytes) -> int:
    """How many parts the terminal has: the digits after the first one of what it says."""
    digits = said[1 : 1 + _COUNT_DIGITS + 1]
    return int(digits) if digits.isdigit() else 0
