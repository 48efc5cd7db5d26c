"""The simulated bank's money: what was charged, what was given back.  Pure; no message, no socket.

Rule 1.  What is approved, in full or in part, is charged, whether or not its answer is ever sent.
Rule 2.  The same charge again gets the stored answer and is not charged again.
Rule 3.  A reversal gives the amount of an approved original back, once for each identity of its
         own: a second identity for one original gives the money back twice, so that it shows.
Rule 4.  A repeat of a known reversal gets the stored answer.  A declined original gives 12, an
         unknown one 25; neither is remembered, because the original may still be on its way.
Rule 5.  A void or refund gives back what is left of an approved original, whole or in part; more
         gives 61 (a void: 22).  Reversing it takes the money again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

APPROVED: Final = "00"
PARTIAL: Final = "10"
_TAKES_MONEY: Final = frozenset({APPROVED, PARTIAL})
DECLINED_ORIGINAL: Final = "12"
UNKNOWN_ORIGINAL: Final = "25"
ALREADY_REVERSED: Final = "22"
TOO_MUCH: Final = "61"
_APPROVAL_CODES: Final = 1_000_000
_SPREAD: Final = 7_919
"""A prime that no approval code's range shares a factor with: codes look unlike the numbers."""


class ChargeRequest(NamedTuple):
    """What the bank needs to know of a sale or an authorisation."""

    identity: str
    merchant: str
    terminal: str
    amount: int


@dataclass(slots=True)
class Charge:
    """A decided charge."""

    request: ChargeRequest
    code: str
    rrn: str
    approval_code: str
    taken: int = 0
    """Minor units: less than was asked for after a partial approval, nothing after a decline."""
    given_back: int = 0
    """Minor units, over all reversals, voids and refunds."""
    undoes: Charge | None = None
    """What this void or refund gives back."""


class Reversed(NamedTuple):
    """What became of a reversal."""

    code: str
    gave_back: int
    repeat: bool
    charge: Charge | None


class Bank:
    """Charges and reversals by their identities.  `first_rrn` keeps runs apart."""

    def __init__(self, first_rrn: int = 1) -> None:
        self._next_rrn = first_rrn
        self._charges: dict[str, Charge] = {}
        self._reversals: dict[str, Charge] = {}

    def known(self, identity: str) -> Charge | None:
        """The charge with this identity, if it was decided before."""
        return self._charges.get(identity)

    def undo(self, request: ChargeRequest, original: str, *, whole: bool) -> Charge:
        """Decide a void (`whole`) or a refund of the charge `original`."""
        charge = self._charges.get(original)
        code = self._why_not_undone(charge, request.amount, whole=whole)
        undoing = self.decide(request, code or APPROVED)
        if not code and charge is not None:
            undoing.undoes = charge
            charge.given_back += request.amount
        return undoing

    @staticmethod
    def _why_not_undone(charge: Charge | None, amount: int, *, whole: bool) -> str:
        if charge is None:
            return UNKNOWN_ORIGINAL
        if charge.code not in _TAKES_MONEY:
            return DECLINED_ORIGINAL
        if whole:
            untouched = not charge.given_back and amount == charge.taken
            return "" if untouched else ALREADY_REVERSED
        return TOO_MUCH if amount > charge.taken - charge.given_back else ""

    def decide(self, request: ChargeRequest, code: str, part: int | None = None) -> Charge:
        """Charge (`code` 00, or 10 and the `part` in minor units) or decline what was not decided
        before.
        """
        number = self._next_rrn
        self._next_rrn += 1
        takes = code in _TAKES_MONEY
        approval = f"{number * _SPREAD % _APPROVAL_CODES:06d}" if takes else ""
        taken = (request.amount if part is None else part) if takes else 0
        charge = Charge(request, code, f"{number:012d}", approval, taken)
        self._charges[request.identity] = charge
        return charge

    def reverse(self, identity: str, original: str, keeps: int = 0) -> Reversed:
        """Give the money of `original` back but for `keeps`, unless this reversal did so before."""
        done = self._reversals.get(identity)
        if done is not None:
            return Reversed(APPROVED, 0, repeat=True, charge=done)
        charge = self._charges.get(original)
        if charge is None:
            return Reversed(UNKNOWN_ORIGINAL, 0, repeat=False, charge=None)
        if charge.code not in _TAKES_MONEY:
            return Reversed(DECLINED_ORIGINAL, 0, repeat=False, charge=charge)
        self._reversals[identity] = charge
        gives = charge.taken - keeps
        charge.given_back += gives
        if charge.undoes is not None:
            charge.undoes.given_back -= gives
            gives = -gives
        return Reversed(APPROVED, gives, repeat=False, charge=charge)

    def has_reversed(self, identity: str) -> bool:
        """Whether the reversal of this identity gave money back before."""
        return identity in self._reversals

    def confirm(self, original: str) -> str:
        """A word on the service of `original`, as terminals send it when no gateway is between."""
        charge = self._charges.get(original)
        if charge is None or charge.code not in _TAKES_MONEY:
            return UNKNOWN_ORIGINAL
        return ALREADY_REVERSED if charge.given_back else APPROVED
