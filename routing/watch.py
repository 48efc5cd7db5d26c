"""What operators want to see of charges that move: counts and times, no decisions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from routing.reason import Reason
from routing.states import Event, State
from routing.tally import Tally
from routing.transaction import Transaction

if TYPE_CHECKING:
    from routing.charge import Charge
    from routing.clock import Now
    from routing.lifecycle import Lifecycle

NOT_SERVED_REASONS: Final = ("GOODS_NOT_SOLD", "SERVICE_NOT_PROVIDED", "ORDER_CANCELLED")
OTHER: Final = "other"
_ACKNOWLEDGED: Final = frozenset({State.REVERSED, State.NOTHING_TO_REVERSE})
_WATCHED: Final = _ACKNOWLEDGED | {State.DECLINED, State.REVERSAL_DUE, State.CASE}
"""Nothing is counted of a charge that comes to another state."""
_DELIVERED: Final = frozenset({State.DELIVERED, State.PRESUMED_SERVED})
_CODE_LENGTH: Final = 2
_SENT, _REVERSAL_DUE = State.SENT, State.REVERSAL_DUE
_DECLINE, _RESTART = Event.DECLINE, Event.RESTART


class Watch:
    """Counters of this process's life; every label is of a closed set."""

    def __init__(self, life: Lifecycle) -> None:
        self.reversals: Counter[str] = Counter()
        """Begun, by reason."""
        self.not_served: Counter[str] = Counter()
        """What terminals and tills gave as their reason."""
        self.declined: Counter[tuple[str, str]] = Counter()
        """By host and its DE 39."""
        self.refunds_blocked = 0
        """Refunds that a host declined: the merchant's balance, or the host's rules."""
        self.silent = 0
        """Windows of confirmation that were over without a word."""
        self.taken_back = 0
        """Charges undone after their approval was delivered."""
        self.orphans = 0
        """Charges that an earlier life had sent and not seen answered."""
        self.reversal_s = Tally()
        """From a reversal's beginning to its acknowledgement."""
        life.watchers.add(self._moved, after=_WATCHED)

    def _moved(self, charge: Charge, before: State, event: Event, now: Now) -> None:
        state = charge.state
        if event is _DECLINE and before is _SENT:
            code = charge.code
            is_code = len(code) == _CODE_LENGTH and code.isascii() and code.isalnum()
            self.declined[charge.host, code if is_code else OTHER] += 1
            self.refunds_blocked += charge.kind is Transaction.REFUND
        if event is _RESTART and before is _SENT:
            self.orphans += 1
        if state is _REVERSAL_DUE:
            self.reversals[charge.reason or OTHER] += 1
            self.taken_back += before in _DELIVERED
            self.silent += event is Event.WINDOW_OVER
            if event is Event.NOT_SERVED and charge.reason == Reason.NOT_SERVED:
                known = charge.remark in NOT_SERVED_REASONS
                self.not_served[charge.remark if known else OTHER] += 1
        elif before is _REVERSAL_DUE and state in _ACKNOWLEDGED:
            self.reversal_s.add(max(now.wall - charge.reversal_since, 0.0))
