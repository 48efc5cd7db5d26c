"""One log line for each decision: on a charge, what happened, from which state to which, and why;
on an account request, by whom, and where it stands; on keys, entries, grants, that they changed.

Steps that a charge takes when all goes well are written at level `debug`, like what terminals make
happen by themselves all day (keys issued, findings); what an operator should see (something is
undone, a person decided, a person is needed) at `info`, whatever else is switched off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing.keeper import AuditKind
from routing.states import Event, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.log import Log
    from routing.charge import Charge
    from routing.clock import Now
    from routing.effects import Audited
    from routing.switch import Switch

_NOTEWORTHY: Final = frozenset({State.REVERSAL_DUE, State.CASE, State.NOTHING_TO_REVERSE})
"""A charge that comes here, or leaves from here, has a story that somebody may ask for."""
_ORDINARY: Final = frozenset(State) - _NOTEWORTHY
_OF_ALL_DAY: Final = frozenset(
    {AuditKind.KEYS_ISSUED, AuditKind.TERMINAL_FOUND, AuditKind.TERMINAL_ASKED}
)
"""Audited, and no news."""
_SHOWN: Final = ("kind", "codes", "rules", "check", "how", "verb", "why", "channel", "changed")
"""Of what an audit record says; free texts stay in it."""


class DecisionLog:
    """Writes what `routing` decided."""

    def __init__(self, switch: Switch, log: Log) -> None:
        self._log = log
        watchers = switch.life.watchers
        steps = watchers.add(self._step, before=_ORDINARY, after=_ORDINARY, looks=log.explains)
        log.watchers.append(lambda: watchers.look(steps, log.explains))
        watchers.add(self._noteworthy, before=_ORDINARY, after=_NOTEWORTHY)
        watchers.add(self._noteworthy, before=_NOTEWORTHY)
        switch.life.keeper.watchers.append(self._audited)

    # A line carries the time at which it is written.

    def _step(self, charge: Charge, before: State, event: Event, now: Now) -> None:
        del now
        self._write(self._log.debug, charge, before, event)

    def _noteworthy(self, charge: Charge, before: State, event: Event, now: Now) -> None:
        del now
        self._write(self._log.info, charge, before, event)

    def _write(
        self, write: Callable[..., None], charge: Charge, before: State, event: Event
    ) -> None:
        write(
            f"charge: {event.replace('_', ' ').lower()}",
            charge=charge.id,
            before=before,
            state=charge.state,
            reason=charge.reason or None,
            code=charge.code or None,
            host=charge.host,
            terminal=charge.terminal,
        )

    def _audited(self, record: Audited) -> None:
        """A decision that is in the audit log, too: of a request, it is told by its number."""
        kind, said = AuditKind(record.kind), record.said
        write = self._log.debug if kind in _OF_ALL_DAY else self._log.info
        shown = {name: str(said[name]) for name in _SHOWN if said.get(name)}
        if kind is not AuditKind.ACCOUNT_STEP:
            write(str(kind), subject=record.subject, who=record.who or None, **shown)
            return
        write(
            f"account: {str(said['what']).replace('_', ' ').lower()}",
            request=record.subject,
            state=said["state"],
            who=record.who or None,
            subject=said["subject"],
            **shown,
        )
