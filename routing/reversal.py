"""When a reversal is sent, how often, and what ends it.

How it is built is a matter of the dialect (`Convention.reversal`); that one is due is decided in
`charge`.  A reversal has one identity (STAN, DE 7) that every repeat reuses, whatever happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from routing.charge import Event

if TYPE_CHECKING:
    from routing.charge import Charge

_GOLDEN_RATIO: Final = 0.618033988749895
"""Multiples of it, without their whole part, spread evenly: numbers in a row lie far apart."""


class ReversalSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The schedule of a reversal; seconds and counts."""

    schedule_s: tuple[float, ...] = (0.0, 5.0, 15.0, 60.0, 300.0, 900.0)
    """Pause before each try; the last one repeats."""
    spread: float = 0.1
    """Each charge's pauses are longer by its own share of up to this: what a host's outage made due
    at once does not come back at once."""
    attempts_max: int = 100
    age_max_s: float = 86_400.0
    """After this a charge that could not be reversed becomes a case."""
    overdue_s: float = 900.0
    """A reversal that is due for longer is overdue: `audit --final` says so."""
    answer_timeout_s: float = 30.0
    reorder_margin_s: float = 60.0
    """How long after it was sent an original may still overtake its reversal."""

    def pause_s(self, attempts: int, charge_id: int) -> float:
        """How long to wait before the next try of this charge's, `attempts` tries being made."""
        pause = self.schedule_s[min(attempts, len(self.schedule_s) - 1)]
        return pause * (1.0 + self.spread * (charge_id * _GOLDEN_RATIO % 1.0))


ACCEPTED: Final = "00"
UNKNOWN: Final = "25"
NOTHING: Final = frozenset({UNKNOWN, "12"})
"""There is nothing to reverse, as far as the host knows."""
_ALREADY: Final = frozenset({"22", "94"})
_TRY_AGAIN: Final = frozenset({"90", "91", "92", "96", "68", "98", "A0", "99", "09"})


def verdict(charge: Charge, code: str, *, may_have_overtaken: bool) -> Event:
    """What the host's DE 39 means for the reversal of `charge`.

    25 and 12 end it only when no approval is held and the try that is answered can't have overtaken
    its original (that an approval came while the try was under way shows that it did); 22 and 94
    only when they answer a repeat of ours.  What is not known as "try again" needs a person.
    """
    if code == ACCEPTED:
        return Event.REVERSAL_ACCEPTED
    if code in _TRY_AGAIN:
        return Event.REVERSAL_UNANSWERED
    if code in NOTHING and may_have_overtaken:
        return Event.REVERSAL_UNANSWERED
    if code in NOTHING and not charge.approval_held:
        return Event.NOTHING_FOUND
    if code in _ALREADY and charge.attempts > 1:
        return Event.REVERSAL_ACCEPTED
    return Event.REVERSAL_REFUSED
