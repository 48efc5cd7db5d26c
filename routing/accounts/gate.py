"""Who may do new business: terminals and merchants that a request bars, and what they are told.

Barred is new business only: sales, voids, refunds, sign-in.  Reversals, confirmations, batch
upload, settlement and sign-off are never barred, or money would be stranded.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from routing.accounts.collecting import Collecting


def _no_test(subject: str, amount: int) -> bool:
    del subject, amount
    return False


class Gate:
    """The bars in force."""

    def __init__(self) -> None:
        self._bars: defaultdict[str, dict[str, tuple[str, bool]]] = defaultdict(dict)
        """By subject (merchant|terminal, or merchant|): DE 39 by request."""
        self.bars_some = False
        """Whether anybody is barred at all."""
        self.collecting: Collecting | None = None
        """The accounts of merchants; None where nobody can have another than the main one."""
        self.refused = 0
        self.lets_test: Callable[[str, int], bool] = _no_test
        """Whether a barred terminal (merchant|terminal) may make a sale of this amount: a test."""

    def set(self, subject: str, request: str, code: str, *, signs_in: bool = False) -> None:
        """A request bars its subject with this DE 39; '' for no more.  Who is to be tested still
        `signs_in`.
        """
        if code:
            self._bars[subject][request] = code, signs_in
        else:
            bars = self._bars.get(subject)
            if bars is not None:
                bars.pop(request, None)
                if not bars:
                    del self._bars[subject]
        self.bars_some = bool(self._bars)

    def code(self, merchant: str, terminal: str) -> str:
        """DE 39 for a sign-in; '' if nothing bars it."""
        return next((code for code, tested in self._of(merchant, terminal) if not tested), "")

    def _of(self, merchant: str, terminal: str) -> list[tuple[str, bool]]:
        if not self._bars:
            return []
        subjects = (f"{merchant}|", f"{merchant}|{terminal}")
        return [each for subject in subjects for each in self._bars.get(subject, {}).values()]

    def because_of(self, merchant: str, terminal: str) -> str:
        """The request that bars them; '' if none does."""
        for subject in (f"{merchant}|", f"{merchant}|{terminal}"):
            bars = self._bars.get(subject)
            if bars:
                return next(iter(bars))
        return ""

    def refusal(self, merchant: str, terminal: str) -> str:
        """DE 39 for new business of DE 42 and DE 41, counted; '' if nothing bars it."""
        bars = self._of(merchant.rstrip(), terminal.rstrip())
        self.refused += bool(bars)
        return bars[0][0] if bars else ""

    def lets(self, merchant: str, terminal: str, amount: int) -> bool:
        """Whether this sale is a test that is let through: nothing else bars its terminal."""
        merchant, terminal = merchant.rstrip(), terminal.rstrip()
        if not self._bars or self.code(merchant, terminal):
            return False
        return self.lets_test(f"{merchant}|{terminal}", amount)

    def __len__(self) -> int:
        return len(self._bars)
