"""What looks like a mistake or an attack of a terminal: counted always, audited once in a while.

Most of it comes in messages that carry no MAC, from whoever can reach a listener.  So what is
written down of it is bounded, whatever comes: the same finding on the same terminal once in
`AUDIT_AGAIN_S`, and no more than `AUDITS_A_MINUTE_MAX` in all.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from routing.keeper import AuditKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from routing.clock import Now
    from routing.keeper import Keeper

AUDIT_AGAIN_S: Final = 3_600.0
AUDITS_A_MINUTE_MAX: Final = 60
REMEMBERED_MAX: Final = 10_000
"""Findings on terminals whose last audit is remembered; the oldest are forgotten first."""
_MINUTE_S: Final = 60.0


class Finding(StrEnum):
    """The kinds."""

    UNKNOWN_MERCHANT = "unknown merchant"
    UNKNOWN_TERMINAL = "unknown terminal"
    ANOTHER_MERCHANTS = "another merchant's terminal"
    NOT_IN_SERVICE = "not in service"
    CLOCK_SKEW = "clock skew"
    BATCH_MISMATCH = "batch mismatch"
    BAD_MACS = "bad macs"
    REPLAY = "replayed numbers"
    NO_KEYS = "no keys could be issued"
    MALFORMED = "malformed sign-in"
    UNKNOWN_REQUEST = "unknown network management"


class Findings:
    """Counts them all, and has some of them audited."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self.counts: Counter[Finding] = Counter()
        self.unaudited = 0
        """Findings that were counted only, because too many came within a minute."""
        self._last: OrderedDict[tuple[Finding, str], float] = OrderedDict()
        self._minute, self._in_minute = 0.0, 0

    def found(
        self, what: Finding, subject: str, now: Now, said: Mapping[str, str | int] | None = None
    ) -> None:
        """Something was found about a terminal: `subject` is merchant|terminal."""
        self.counts[what] += 1
        key = (what, subject)
        last = self._last.get(key)
        if last is not None and now.monotonic - last < AUDIT_AGAIN_S:
            return
        if now.monotonic - self._minute >= _MINUTE_S:
            self._minute, self._in_minute = now.monotonic, 0
        if self._in_minute >= AUDITS_A_MINUTE_MAX:
            self.unaudited += 1
            return
        self._in_minute += 1
        self._last[key] = now.monotonic
        self._last.move_to_end(key)
        if len(self._last) > REMEMBERED_MAX:
            self._last.popitem(last=False)
        told = {"what": str(what), **(said or {})}
        self._keeper.audit(AuditKind.TERMINAL_FOUND, subject, now, said=told)
