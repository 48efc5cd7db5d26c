"""By terminal, the greatest identity that any charge has: what is greater is new.

An identity begins with merchant, terminal and STAN, and a terminal counts its STANs up: so of
nearly every new charge one look here says that the journal, however large, has no other like it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routing.records import Opened

TERMINALS_MAX: Final = 100_000
"""Terminals that are remembered, some 250 bytes each; of all others the tables are asked."""


def terminal_of(identity: str) -> str:
    """What all identities of its terminal begin with, up to the second `|`."""
    return identity[: identity.find("|", identity.find("|") + 1) + 1]


class Newest:
    """Holds of each terminal in it: no charge has an identity greater than this."""

    def __init__(self) -> None:
        self._greatest: dict[str, str] = {}

    def is_past(self, identity: str) -> bool:
        """Whether it is greater than all of its terminal that there are."""
        greatest = self._greatest.get(terminal_of(identity))
        return greatest is not None and identity > greatest

    def lacks(self, identity: str) -> bool:
        """Whether its terminal is to be looked up, and remembered."""
        return len(self._greatest) < TERMINALS_MAX and terminal_of(identity) not in self._greatest

    def remember(self, identity: str, greatest: str) -> None:
        """The greatest of its terminal; '' if there is none yet."""
        self._greatest[terminal_of(identity)] = greatest

    def note(self, opened: Iterable[Opened]) -> None:
        """These charges are new."""
        for record in opened:
            identity = record.charge.identity
            terminal = terminal_of(identity)
            greatest = self._greatest.get(terminal)
            if greatest is not None and identity > greatest:
                self._greatest[terminal] = identity
