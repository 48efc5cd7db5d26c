"""Limits changed while the gateway runs: one person proposes, another confirms.

What persons set holds, over restarts too, until the configuration file says something new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from routing.docket import Answer, Docket, Entry, Proposal
from routing.limits import LimitSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routing.clock import Now
    from routing.effects import Noted
    from routing.limits import Limits


class LimitChanges:
    """The limits in force, and those that somebody wants."""

    def __init__(self, limits: Limits, docket: Docket) -> None:
        self._limits = limits
        self._configured = _packed(limits.settings)
        self._docket = docket
        self.proposed: Proposal | None = None
        """`how` holds the limits as JSON."""

    def configure(self, limits: LimitSettings) -> None:
        """The configuration was read anew; what persons set holds until it says something new."""
        if _packed(limits) != self._configured:
            self._configured = _packed(limits)
            self._limits.change(limits)

    def propose(self, limits: LimitSettings, who: str, now: Now) -> Answer:
        """A person wants other limits; they are in force when another one agrees."""
        if not who:
            return Answer.NO_NAME
        if self.proposed is not None:
            return Answer.OTHERWISE
        self.proposed = Proposal(_packed(limits), who, now.wall)
        self._docket.note(Entry.LIMITS_PROPOSED, now, who=who, said={"limits": _packed(limits)})
        return Answer.PROPOSED

    def confirm(self, who: str, now: Now) -> Answer:
        """The second person agrees: the proposed limits are in force."""
        known = self.proposed
        if known is None:
            return Answer.NOT_PROPOSED
        if not who:
            return Answer.NO_NAME
        if who == known.who:
            return Answer.OWN
        self._note(known.how, who, now, known.who)
        self._limits.change(msgspec.json.decode(known.how, type=LimitSettings))
        return Answer.DECIDED

    def withdraw(self, who: str, now: Now) -> Answer:
        """Somebody takes the proposal back; the limits stay as they are."""
        if self.proposed is None:
            return Answer.NOT_PROPOSED
        self._note(_packed(self._limits.settings), who, now, "")
        return Answer.WITHDRAWN

    def _note(self, limits: str, who: str, now: Now, proposed_by: str) -> None:
        self.proposed = None
        said = {"limits": limits, "configured": self._configured, "proposed_by": proposed_by}
        self._docket.note(Entry.LIMITS_CHANGED, now, who=who, said=said)

    def restore(self, entries: Iterable[Noted]) -> None:
        """What persons said in earlier lives, oldest first."""
        self.proposed = pending_limits(self._limits, entries)


def pending_limits(limits: Limits, entries: Iterable[Noted]) -> Proposal | None:
    """Put into force what persons set; returns what is proposed and not confirmed."""
    configured, proposed = _packed(limits.settings), None
    for entry in entries:
        if entry.kind == Entry.LIMITS_PROPOSED:
            proposed = Proposal(str(entry.said["limits"]), entry.who, entry.at)
        elif entry.kind == Entry.LIMITS_CHANGED:
            proposed = None
            held = entry.said["configured"] == configured
            wanted = str(entry.said["limits"]) if held else configured
            limits.change(msgspec.json.decode(wanted, type=LimitSettings))
    return proposed


def _packed(limits: LimitSettings) -> str:
    return msgspec.json.encode(limits).decode()
