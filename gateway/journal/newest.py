"""By terminal, where no charge has an identity yet: what lies there is new.

An identity begins with merchant, terminal and STAN, and a terminal counts its STANs up: so of
nearly every new charge one look here says that the journal, however large, has no other like it.
At first the gap is all that comes after the terminal's greatest identity.  Once its STANs begin
anew, or it is another device that counts otherwise, one look at the journal finds the gap in which
the new ones lie.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.journal import _identity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routing.records import Opened

TERMINALS_MAX: Final = 100_000
"""Terminals that are remembered, some 300 bytes each; of all others the tables are asked."""
_TERMINAL: Final = 2
"""Bars up to the end of what all identities of a terminal begin with."""
_STAN: Final = 3
"""The same of the STAN."""


def terminal_of(identity: str) -> str:
    """What all identities of its terminal begin with, up to the second `|` and without it."""
    return _identity.cut(identity, _TERMINAL, 0)


class _Gap:
    """No charge has an identity between these two, or none with a STAN of this length."""

    def __init__(self, after: str) -> None:
        self.after = after
        self.before = ""
        """'': there is no end."""
        self.stan_end = 0
        """Where STANs end of which it is true, if it has an end; identities with longer and shorter
        ones lie among these, but are not looked up with them."""

    def holds(self, identity: str) -> bool:
        """Whether it lies in here."""
        if identity <= self.after:
            return False
        if not self.before:
            return True
        return identity < self.before and _identity.bar(identity, _STAN) == self.stan_end


class Newest:
    """Holds of each terminal in it: no charge has an identity in this gap."""

    def __init__(self) -> None:
        self._gaps: dict[str, _Gap] = {}

    def is_past(self, identity: str) -> bool:
        """Whether there is certainly none like it."""
        gap = self._gaps.get(terminal_of(identity))
        return gap is not None and gap.holds(identity)

    def is_new(self, record: Opened) -> bool:
        """The same of a charge that is opened."""
        charge = record.charge
        gap = self._gaps.get(_identity.terminal(charge.identity, charge.till))
        return gap is not None and gap.holds(charge.identity)

    def lacks(self, identity: str) -> bool:
        """Whether its terminal is to be looked up, and remembered."""
        return len(self._gaps) < TERMINALS_MAX and terminal_of(identity) not in self._gaps

    def remember(self, identity: str, greatest: str) -> None:
        """The greatest of its terminal; '' if there is none yet."""
        self._gaps[terminal_of(identity)] = _Gap(greatest)

    def goes_on(self, identity: str, before: str) -> None:
        """It was looked up: there is none like it, nor, with a STAN as long, between it and
        `before`.
        """
        gap = self._gaps.get(terminal_of(identity))
        if gap is not None:
            gap.after, gap.before = identity, before
            gap.stan_end = _identity.bar(identity, _STAN)

    def note(self, opened: Iterable[Opened]) -> None:
        """These charges are new."""
        for record in opened:
            identity = record.charge.identity
            gap = self._gaps.get(_identity.terminal(identity, record.charge.till))
            if gap is not None and gap.holds(identity):
                gap.after = identity
