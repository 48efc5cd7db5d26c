"""Requests that must never become charges, although no charge stands for them.

Rule 1.  A reversal that came before its original: the original, if it still comes, is refused.
Rule 2.  A refusal ends a sale for its terminal.  The same sale may still be on its way on an
         older, slow connection; if it were charged, the terminal would never hear of it.
         Connections are numbered as they come, so what was refused on one is refused on all
         before it.  On the same or a newer one it is the terminal that asks again.
         Its next sales may be refused as well while the first still sits there: each counts.

Neither has to outlive the process: whatever was under way to it ended with its connections.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from routing import response_codes as rc
from routing.book import prefix_of

if TYPE_CHECKING:
    from routing.conventions import Original

_Value = TypeVar("_Value")


class _Refusal(NamedTuple):
    conn: int
    code: str


class Tombstones:
    """The latest `tombstones_max` reversals of unseen charges, and as many refusals."""

    def __init__(self, tombstones_max: int) -> None:
        self._max = tombstones_max
        self._reversed: OrderedDict[str, Original] = OrderedDict()
        self._refused: OrderedDict[str, _Refusal] = OrderedDict()
        self.evicted = 0

    def __len__(self) -> int:
        return max(len(self._reversed), len(self._refused))

    def reversed(self, original: Original) -> None:
        """A terminal reversed what never came."""
        self._keep(self._reversed, original.prefix, original)

    def refused(self, identity: str, conn: int, code: str) -> None:
        """A terminal was told DE 39 = `code` for a charge that was not taken."""
        self._keep(self._refused, identity, _Refusal(conn, code))

    def verdict(self, identity: str, conn: int, batch: str, de7: str) -> str:
        """DE 39 for a charge that must not be taken; '' if nothing speaks against it."""
        original = self._reversed.get(prefix_of(identity))
        if original is not None and original.batch == batch and original.de7 in ("", de7):
            return rc.STATE_CONFLICT
        refusal = self._refused.get(identity)
        if refusal is not None and conn < refusal.conn:
            return refusal.code
        return ""

    def _keep(self, graves: OrderedDict[str, _Value], key: str, value: _Value) -> None:
        graves[key] = value
        graves.move_to_end(key)
        if len(graves) > self._max:
            graves.popitem(last=False)
            self.evicted += 1
