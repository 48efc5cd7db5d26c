"""From one dialect to another and back: a table per pair, read from `mappings/`.

Each field of the source dialect has exactly one rule, so that nothing is dropped unawares:
`copy`, `drop`, `clip` (copy, cut to a length) or, in answers, `echo` (take the value of the
terminal's own request).  `fill` names what is added where it is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from codec import BuildError, Message, build, dialect
from routing.clock import de7
from routing.conventions import CONVENTIONS
from routing.conventions.base import answer_mti

if TYPE_CHECKING:
    from collections.abc import Callable

    from routing.clock import Now


class Direction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules of one direction; field numbers, and for `clip` and `fill` field to argument."""

    copy: tuple[int, ...] = ()
    drop: tuple[int, ...] = ()
    echo: tuple[int, ...] = ()
    clip: dict[int, int] = {}
    fill: dict[int, str] = {}

    def covered(self) -> frozenset[int]:
        """Every field that has a rule."""
        return frozenset((*self.copy, *self.drop, *self.echo, *self.clip))


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole mapping file: requests go one way, answers the other."""

    terminal: str
    host: str
    request: Direction
    answer: Direction


_FILLS: Final[dict[str, Callable[[Now], str]]] = {
    "transmission-time": de7,
    "local-time": lambda now: now.local().strftime("%H%M%S"),
    "local-date": lambda now: now.local().strftime("%m%d"),
}


def _filled(rules: dict[int, str], now: Now) -> dict[int, str]:
    """Values for what is missing: a named reading of the clock, or `=` and a constant."""
    return {
        de: rule[1:] if rule.startswith("=") else _FILLS[rule](now) for de, rule in rules.items()
    }


class MappingError(ValueError):
    """A mapping file that leaves a field without a rule, or gives it two, or fills in nonsense."""


def check(mapping: Mapping) -> None:
    """Raise MappingError unless every field of each source dialect has exactly one rule."""
    for name, direction in ((mapping.terminal, mapping.request), (mapping.host, mapping.answer)):
        rules = (*direction.copy, *direction.drop, *direction.clip)
        twice = sorted({de for de in rules if rules.count(de) > 1})
        missing = sorted(set(dialect(name).fields) - direction.covered())
        unknown = sorted(f for f in direction.fill.values() if f[:1] != "=" and f not in _FILLS)
        if twice or missing or unknown:
            message = f"{name}: two rules for {twice}, none for {missing}, unknown fills {unknown}"
            raise MappingError(message)


class Translator:
    """Carries out one mapping."""

    def __init__(self, mapping: Mapping) -> None:
        check(mapping)
        self._mapping = mapping
        self._host = CONVENTIONS[mapping.host]
        self._terminal = CONVENTIONS[mapping.terminal]

    def request(self, message: Message, now: Now) -> Message:
        """The terminal's request in the host's dialect."""
        rules = self._mapping.request
        fields = _filled(rules.fill, now) | _taken(rules, message)
        return build(self._host.dialect, message.mti[:3] + "0", fields, self._host.request_header)

    def answer(self, answer: Message, request: Message, now: Now) -> Message:
        """The host's answer in the terminal's dialect, for `request` as the terminal sent it.

        What does not fit there is left out: no approval is lost for a line of small print.
        """
        rules = self._mapping.answer
        echoed = request.pick(rules.echo)
        fields = _filled(rules.fill, now) | _taken(rules, answer) | echoed
        header = self._terminal.answer_header(request)
        while True:
            try:
                return build(self._terminal.dialect, answer_mti(request.mti), fields, header)
            except BuildError as error:
                if error.field not in fields:
                    raise
                del fields[error.field]


def _taken(rules: Direction, message: Message) -> dict[int, str]:
    taken = message.pick(rules.copy)
    return taken | {de: message[de][:n] for de, n in rules.clip.items() if message.has(de)}
