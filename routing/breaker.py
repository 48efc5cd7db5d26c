"""A host that answers nothing gets nothing new: its charges are refused with 91, unsent.

Closed: all goes.  After so many charges in a row without an answer it opens: nothing new goes for a
pause, then one charge goes to see; its answer closes the breaker, its silence opens it again.
Reversals go on by their own schedule, and any answer of the host's closes it.
"""

from __future__ import annotations


class Breaker:
    """One host's breaker; monotonic seconds."""

    def __init__(self, *, silences_max: int, pause_s: float, answer_timeout_s: float) -> None:
        """`silences_max` of 0: never opens."""
        self._silences_max = silences_max
        self._pause_s = pause_s
        self._answer_timeout_s = answer_timeout_s
        self._silences = 0
        self._until = 0.0
        self.opened = 0
        """How often it opened."""

    def change(self, silences_max: int, pause_s: float, answer_timeout_s: float) -> None:
        """Other bounds from now on; what was counted stays."""
        self._silences_max = silences_max
        self._pause_s = pause_s
        self._answer_timeout_s = answer_timeout_s

    @property
    def is_open(self) -> bool:
        """Whether the host is taken for silent."""
        return bool(self._silences_max) and self._silences >= self._silences_max

    def admits(self, now: float) -> bool:
        """Whether a new charge may go."""
        return not self._silences or not self.is_open or now >= self._until

    def sent(self, now: float) -> None:
        """A charge goes; if it goes to see, no other does until it had its time."""
        if self._silences and self.is_open:
            self._until = now + self._answer_timeout_s + self._pause_s

    def answered(self) -> None:
        """The host answered something."""
        self._silences = 0

    def silent(self, now: float) -> None:
        """A charge had no answer in its time."""
        was_open = self.is_open
        self._silences += 1
        if self.is_open:
            self._until = now + self._pause_s
            self.opened += not was_open
