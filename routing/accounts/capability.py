"""Whether a merchant's terminals can use a second account: by what they say they can, and by age.

A terminal whose entry lists what it can must list `accounts`; where the rules have a least version
for it (`accounts_software_min`), its software must be no older.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from routing.accounts.refusals import Code, Obstacle
from routing.accounts.request import subject_of
from routing.accounts.signals import NEW_SOFTWARE
from routing.entries import TerminalState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routing.accounts.office import Office
    from routing.clock import Now
    from routing.entries import TerminalEntry

CAPABILITY: Final = "accounts"
_NAMED_MAX: Final = 10
"""Terminals that a refusal names; an enquiry tells how many there are."""


class Capability(NamedTuple):
    """A merchant's terminals that can, and those that must be updated."""

    able: list[str]
    unable: list[str]

    def obstacles(self) -> Iterator[Obstacle]:
        """P19 where not a single one can."""
        if self.unable and not self.able:
            named = ",".join(self.unable[:_NAMED_MAX])
            yield Obstacle(Code.NOT_CAPABLE, named, count=len(self.unable))


def of(office: Office, merchant: str, wall: float) -> Capability:
    """What is known of a merchant's terminals now."""
    least, found = office.book.at(wall).accounts_software_min, Capability([], [])
    for entry in office.life.registry.terminals(merchant):
        if entry.state is not TerminalState.RETIRED:
            software = office.signals.health_of(entry.till).software or entry.software
            (found.able if _can(entry, software, least) else found.unable).append(entry.id)
    return found


def _can(entry: TerminalEntry, software: str, least: str) -> bool:
    if entry.capabilities and CAPABILITY not in entry.capabilities:
        return False
    return not least or software >= least


def ask_to_update(office: Office, merchant: str, terminal: str, now: Now) -> None:
    """The next answer to this terminal asks it to fetch new software."""
    office.signals.ask(subject_of(merchant, terminal), NEW_SOFTWARE, now)
