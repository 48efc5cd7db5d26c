"""One connection to a host, as far as routing knows it; its life stands in `link_states`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing.link_states import Health, LinkState

if TYPE_CHECKING:
    from routing.purpose import Purpose

_NEVER = float("-inf")


class Link:
    """One connection; times are monotonic."""

    def __init__(self, conn: int, heard_at: float) -> None:
        self.id = conn
        self.heard_at = heard_at
        self.state = LinkState.DISCONNECTED
        self.asked_at = 0.0
        self.asked: dict[Purpose, str] = {}
        """The STAN of the last request for each purpose: only its answer counts."""
        self.misses = 0
        self.refusals = 0
        """Sign-ons refused in a row."""
        self.sign_on_at = 0.0
        """When a refused sign-on is asked again; 0: none was refused."""
        self.started_at = _NEVER
        """When it began to carry messages."""
        self.told_off = False
        """Whether the host's last word over this very link was a sign-off."""
        self.on_at = 0.0
        """When a sign-on that came over another link counts here, too; 0: none came."""
        self.silences = 0
        """Charges in a row that had no answer here."""
        self.silent_since = 0.0
        """When the first of them was sent."""
        self.answered_at = _NEVER
        self.aside_until = 0.0
        self.replaced = False
        """Another link takes over: it carries nothing new, see `departures`."""

    def health(self, now: float, slow_start_s: float) -> Health:
        """UP, DEGRADED or DOWN."""
        if self.state is not LinkState.SIGNED_ON:
            return Health.DOWN
        starts = now - self.started_at < slow_start_s
        troubled = self.misses > 1 or now < self.aside_until or starts
        return Health.DEGRADED if troubled else Health.UP
