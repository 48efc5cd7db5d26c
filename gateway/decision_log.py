"""One log line for each decision on a charge: what happened, from which state to which, and why.

Steps that a charge takes when all goes well are written at level `debug`; those that an operator
should see (something is undone, a person is needed) at `info`, whatever else is switched off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing.states import Event, State

if TYPE_CHECKING:
    from gateway.log import Log
    from routing.charge import Charge
    from routing.clock import Now
    from routing.switch import Switch

_NOTEWORTHY: Final = frozenset({State.REVERSAL_DUE, State.CASE, State.NOTHING_TO_REVERSE})
"""A charge that comes here, or leaves from here, has a story that somebody may ask for."""


class DecisionLog:
    """Writes what `routing` decided about charges."""

    def __init__(self, switch: Switch, log: Log) -> None:
        self._log = log
        switch.life.watchers.append(self._moved)

    def _moved(self, charge: Charge, before: State, event: Event, now: Now) -> None:
        del now  # a line carries the time at which it is written
        noteworthy = charge.state in _NOTEWORTHY or before in _NOTEWORTHY
        if not noteworthy and not self._log.writes("debug"):
            return
        write = self._log.info if noteworthy else self._log.debug
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
