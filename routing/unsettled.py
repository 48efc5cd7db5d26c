"""Batches that nobody settles: when to look what their terminals never vouched for.

An approval that a terminal's machine has counts as served, because a terminal keeps a reversal
until it has served, and settles its batch.  One that died before it served does neither.  Nobody
but a person can find out; so its sales become cases, and are told like any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from routing.clock import Now
    from routing.lifecycle import Lifecycle
    from routing.sign_in import Session, Till
    from routing.sign_ins import SignIns

LOOK_EVERY_S: Final = 3_600.0
AT_ONCE_MAX: Final = 20
"""Batches that the journal is asked for at each tick; the others come after them."""


class Unsettled:
    """Looks through the batches in force; `question` is told of each that is too old, and how old
    its sales may be.
    """

    def __init__(
        self, life: Lifecycle, sign_ins: SignIns, question: Callable[[Till, str, float], None]
    ) -> None:
        self._life, self._sign_ins, self._question = life, sign_ins, question
        self._look_at = 0.0
        self._due: list[tuple[Session, float]] = []

    def tick(self, now: Now) -> None:
        """Some batches, if it is time."""
        if now.monotonic >= self._look_at:
            self._look_at = now.monotonic + LOOK_EVERY_S
            self._due = self._too_old(now)
        for session, age_max_s in self._due[:AT_ONCE_MAX]:
            self._question(session.till, f"{session.batch:06d}", age_max_s)
        del self._due[:AT_ONCE_MAX]

    def _too_old(self, now: Now) -> list[tuple[Session, float]]:
        listeners = self._life.settings.listeners
        ages = {each.name: each.sign_in.settles_within_s for each in listeners}
        return [
            (each, ages[each.listener])
            for each in self._sign_ins.all()
            if 0.0 < ages.get(each.listener, 0.0) < now.wall - each.batch_since
        ]
