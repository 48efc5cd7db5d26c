"""How much and how often a terminal may charge; checked before anything is sent."""

from __future__ import annotations

from typing import Final

import msgspec

from routing.response_codes import AMOUNT_LIMIT, COUNT_LIMIT

_SECONDS_A_DAY: Final = 86_400


class LimitSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits in minor units and counts; 0 means none.  A day is a UTC day."""

    amount_max: int = 0
    terminal_day_amount_max: int = 0
    terminal_day_count_max: int = 0

    @property
    def by_day(self) -> bool:
        """Whether anything must be counted at all."""
        return bool(self.terminal_day_amount_max or self.terminal_day_count_max)


class Limits:
    """What each terminal has charged today, less what was declined or given back."""

    def __init__(self, settings: LimitSettings) -> None:
        self._settings = settings
        self._day = -1
        self._used: dict[str, tuple[int, int]] = {}

    def refusal(self, terminal: str, amount: int, wall: float) -> str | None:
        """DE 39 for a charge that would pass a limit (61 amount, 65 count); None if it may go."""
        limits = self._settings
        if limits.amount_max and amount > limits.amount_max:
            return AMOUNT_LIMIT
        if not limits.by_day:
            return None
        self._turn_day(wall)
        used_amount, used_count = self._used.get(terminal, (0, 0))
        if limits.terminal_day_amount_max and used_amount + amount > limits.terminal_day_amount_max:
            return AMOUNT_LIMIT
        if limits.terminal_day_count_max and used_count >= limits.terminal_day_count_max:
            return COUNT_LIMIT
        return None

    def add(self, terminal: str, amount: int, opened_at: float, wall: float) -> None:
        """A charge of `amount` was opened at `opened_at`."""
        self._change(terminal, amount, 1, opened_at, wall)

    def give_back(self, terminal: str, amount: int, opened_at: float, wall: float) -> None:
        """A charge was declined, never left or was reversed: it counts no more."""
        self._change(terminal, -amount, -1, opened_at, wall)

    def _change(self, terminal: str, amount: int, count: int, opened: float, wall: float) -> None:
        if not self._settings.by_day:
            return
        self._turn_day(wall)
        if int(opened) // _SECONDS_A_DAY != self._day:
            return
        used_amount, used_count = self._used.get(terminal, (0, 0))
        self._used[terminal] = (used_amount + amount, used_count + count)

    def _turn_day(self, wall: float) -> None:
        day = int(wall) // _SECONDS_A_DAY
        if day != self._day:
            self._day = day
            self._used.clear()
