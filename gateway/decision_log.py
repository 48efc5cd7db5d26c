"""One log line for each decision on a charge: what happened, from which state to which, and why.

Steps that a charge takes when all goes well are written at level `debug`; those that an operator
should see (something is undone, a person is needed) at `info`, whatever else is switched off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing.states import Event, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.log import Log
    from routing.charge import Charge
    from routing.clock import Now
    from routing.switch import Switch

_NOTEWORTHY: Final = frozenset({State.REVERSAL_DUE, State.CASE, State.NOTHING_TO_REVERSE})
"""A charge that comes here, or leaves from here, has a story that somebody may ask for."""
_ORDINARY: Final = frozenset(State) - _NOTEWORTHY


class DecisionLog:
    """Writes what `routing` decided about charges."""

    def __init__(self, switch: Switch, log: Log) -> None:
        self._log = log
        watchers = switch.life.watchers
        watchers.add(self._step, before=_ORDINARY, after=_ORDINARY)
        watchers.add(self._noteworthy, before=_ORDINARY, after=_NOTEWORTHY)
        watchers.add(self._noteworthy, before=_NOTEWORTHY)

    # A line carries the time at which it is written.

    def _step(self, charge: Charge, before: State, event: Event, now: Now) -> None:
        del now
        if self._log.explains:
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
