"""Who may do new business: terminals and merchants that a request bars, and what they are told.

Barred is new business only: sales, voids, refunds, sign-in.  Reversals, confirmations, batch
upload, settlement and sign-off are never barred, or money would be stranded.
"""

from __future__ import annotations

from collections import defaultdict


class Gate:
    """The bars in force."""

    def __init__(self) -> None:
        self._bars: defaultdict[str, dict[str, str]] = defaultdict(dict)
        """By subject (merchant|terminal, or merchant|): DE 39 by request."""
        self.refused = 0

    def set(self, subject: str, request: str, code: str) -> None:
        """A request bars its subject with this DE 39; '' for no more."""
        if code:
            self._bars[subject][request] = code
        else:
            bars = self._bars.get(subject)
            if bars is not None:
                bars.pop(request, None)
                if not bars:
                    del self._bars[subject]

    def code(self, merchant: str, terminal: str) -> str:
        """DE 39 for new business; '' if nothing bars it."""
        if not self._bars:
            return ""
        for subject in (f"{merchant}|", f"{merchant}|{terminal}"):
            bars = self._bars.get(subject)
            if bars:
                return next(iter(bars.values()))
        return ""

    def refusal(self, merchant: str, terminal: str) -> str:
        """The same, counted as a refusal of somebody's business."""
        code = self.code(merchant, terminal) if self._bars else ""
        self.refused += bool(code)
        return code

    def __len__(self) -> int:
        return len(self._bars)
