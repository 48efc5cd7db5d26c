"""Settings of what runs beside the charges: customers' notices and test charges."""

from __future__ import annotations

import msgspec


class NoticeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where customers' notices go: each is posted until somebody took it."""

    url: str = ""
    """'' writes none."""
    timeout_s: float = 5.0
    retry_s: float = 5.0
    """Pause after a failure; doubled each time, up to `retry_max_s`."""
    retry_max_s: float = 300.0
    age_max_s: float = 86_400.0
    """After this a notice is given up, and counted."""


class CanarySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A test charge and its reversal, each day, through each host that has a card."""

    at: str = ""
    """HH:MM in UTC; '' only when somebody asks."""
    listener: str = ""
    """The listener that it comes in by; '' the first."""
    merchant: str = "CANARY000000001"
    terminal: str = "CANARY01"
    amount: int = 1
    currency: str = "156"
    card_files: dict[str, str] = {}
    """By host: a file whose one line is the number of a card that a route leads to that host."""
    timeout_s: float = 60.0
    """For the approval, and again for its reversal."""

    @property
    def identity(self) -> tuple[str, str]:
        """Merchant and terminal of the test charges, which are nobody's sales."""
        return (self.merchant, self.terminal) if self.card_files else ("", "")
