"""A simulated terminal with keys of its own: when it signs in, settles and signs off.

Pure: the program in `terminals` sends what this file words, and tells it the answers.

Rule 1.  It signs in before its first sale, and again when it was told 77 or A0.  A0 settles
         nothing, since whoever says it may lack the key: the same is asked again.
Rule 2.  Keys whose check values do not fit are no keys: it signs in again.
Rule 3.  When all its sales are settled it closes its batch with its totals.  If they are not the
         gateway's it uploads what it holds; whatever comes back, it then signs off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from codec import CodecError, MacKey
from codec.keys import working_keys
from gateway.simulators.terminal_management import MANAGEMENT, Holding, Who

if TYPE_CHECKING:
    from codec import Message
    from codec.keys import Secret
    from codec.mac import Algorithm
    from gateway.simulators.terminal_rules import Sale

_SIGN_IN_AGAIN: Final = frozenset({"77", "A0"})
_FIRST_BATCH: Final = "000001"


class Keyed(NamedTuple):
    """What all terminals of a fleet know of their keys."""

    dialect: str
    algorithm: Algorithm
    master: Secret
    """The TMK."""
    code: str
    """The number of the sign-in."""


class Session:
    """One terminal's."""

    def __init__(self, keyed: Keyed) -> None:
        self._keyed = keyed
        self.speech = MANAGEMENT[keyed.dialect]
        self.key: MacKey | None = None
        self.batch = _FIRST_BATCH
        self.due = True
        """It has to sign in before its next sale."""
        self.used = False
        """An answer under its key was good."""
        self._sales: dict[str, int] = {}
        self._voids: list[int] = []

    def sign_in(self, who: Who) -> Message:
        """The request."""
        return self.speech.sign_in(who, self._keyed.code)

    def answered(self, answer: Message) -> bool:
        """What came back to a sign-in; whether the terminal is in."""
        if answer[39] != "00":
            return False
        try:
            keys = working_keys(self._keyed.master, self.speech.keys_in(answer))
        except (CodecError, ValueError):
            return False
        self.key, self.used = MacKey(self._keyed.algorithm, keys.mak), False
        batch = self.speech.batch_in(answer) or self.batch
        if batch != self.batch:
            self.batch, self._sales, self._voids = batch, {}, []
        self.due = False
        return True

    def sold(self, sale: Sale, stan: str, amount: int) -> None:
        """A sale came to its end."""
        self.due |= sale.told in _SIGN_IN_AGAIN
        if sale.served:
            self._sales[stan] = amount
        if sale.voided:
            self._voids.append(amount)

    @property
    def held(self) -> Holding:
        """What it holds of its batch."""
        return Holding(dict(self._sales), tuple(self._voids))
