"""The rules of a terminal for one sale: what it sends next, what an answer or silence means.

Pure: the program in `terminals` sends what `due` names, and tells `answered` or `unanswered`.

Rule 1.  A sale without an answer is repeated, `REPEATS_MAX` times, or reversed.  Nothing new begins
         before it is settled.
Rule 2.  A reversal is repeated until any answer comes.  A sale under reversal is never served.
Rule 3.  Served at approval: 00 (10 for a part) is the right to serve.  A service that fails is
         reversed.
Rule 4.  Confirmation: 00 or 10 is the right to try.  Served is only what the gateway acknowledged
         with 00 as served; whatever else comes back, the customer gets nothing.
Rule 5.  A served sale may be voided.  00 is a void; any other answer leaves the sale as it was.  A
         void without an answer is repeated as a sale is, and at last reversed: the sale stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from gateway.simulators.terminal_plan import Plan, Service

REPEATS_MAX: Final = 3
_APPROVED: Final = "00"
_APPROVALS: Final = frozenset({_APPROVED, "10"})
"""10: in part; the rest is paid in another way."""
_NOT_NOW: Final = frozenset({"91", "96"})
"""Answers to a reversal or confirmation that settle nothing."""
_NO_ANSWER: Final = frozenset({"68", "98"})
_NEVER_TAKEN: Final = frozenset(
    {"90", "91", "94", "96", "A0", "30", "22", "61", "65", "77", "97", "58", "03"}
)
"""Refusals of the gateway's own: asking again may well be answered in another way."""


class Kind(StrEnum):
    """What a terminal sends."""

    SALE = "sale"
    REVERSAL = "reversal"
    CONFIRMATION = "confirmation"
    VOID = "void"
    VOID_REVERSAL = "reversal of the void"


class Due(NamedTuple):
    """What is to be sent now."""

    kind: Kind
    repeat: bool


class Phase(StrEnum):
    """How far a sale has come."""

    ASKING = "asking"
    ASKING_AGAIN = "asking again"
    REVERSING = "reversing"
    CONFIRMING = "confirming"
    VOIDING = "voiding"
    UNVOIDING = "unvoiding"
    ENDED = "ended"


_KIND_OF: Final = {
    Phase.ASKING: Kind.SALE,
    Phase.ASKING_AGAIN: Kind.SALE,
    Phase.REVERSING: Kind.REVERSAL,
    Phase.CONFIRMING: Kind.CONFIRMATION,
    Phase.VOIDING: Kind.VOID,
    Phase.UNVOIDING: Kind.VOID_REVERSAL,
}


@dataclass(slots=True)
class Sale:
    """One sale from its storing to its end."""

    plan: Plan
    confirms: bool
    """The merchant's class: confirmation, or served at approval."""
    phase: Phase = Phase.ASKING
    tries: int = 0
    """How often the message of this phase was sent."""
    repeats: int = 0
    """How often the sale itself was sent again."""
    told: str | None = None
    rrn: str = ""
    served: bool = False
    voided: bool = False
    reversed_by_me: bool = False
    answers_differ: bool = False
    how: str = "unresolved"
    """How it ended, in words."""

    @property
    def stands(self) -> bool:
        """Whether the customer has the service, and owes the money."""
        return self.served and not self.voided

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.phase is Phase.ENDED

    @property
    def due(self) -> Due:
        """What is to be sent now; only while it has not ended."""
        return Due(_KIND_OF[self.phase], self.tries > 0 or self.phase is Phase.ASKING_AGAIN)

    @property
    def failure(self) -> str:
        """Why the service was not given; '' if it is."""
        return self.plan.reason if self.plan.service is Service.FAILS else ""

    def sent(self) -> None:
        """What was due was handed to the connection."""
        self.repeats += self.due == (Kind.SALE, True)
        self.tries += 1

    # What comes back

    def answered(self, code: str, rrn: str = "") -> None:
        """DE 39 and DE 37 of the answer to what was sent last."""
        match self.phase:
            case Phase.ASKING:
                self._told(code, rrn)
            case Phase.ASKING_AGAIN:
                self.answers_differ |= (code, rrn) != (self.told, self.rrn)
                self._act_on_answer()
            case Phase.REVERSING if code not in _NOT_NOW:
                self.reversed_by_me = True
                self._end(self.how)
            case Phase.CONFIRMING if code not in _NOT_NOW:
                self._confirmation_answered(code)
            case Phase.VOIDING:
                self.voided = code == _APPROVED
                self._end("voided" if self.voided else "served; its void was refused")
            case Phase.UNVOIDING if code not in _NOT_NOW:
                self._end("served; its void was reversed")

    def unanswered(self) -> None:
        """No answer in time, or the connection was lost before it."""
        if self.phase is Phase.ASKING:
            if self.plan.vanishes_for_good:
                self._end("vanished for good")
            elif self.plan.reverses or self.repeats >= REPEATS_MAX:
                self._begin(Phase.REVERSING, "reversed: no answer")
        elif self.phase is Phase.ASKING_AGAIN:
            self._act_on_answer()
        elif self.phase is Phase.VOIDING and (self.plan.reverses or self.tries > REPEATS_MAX):
            self._begin(Phase.UNVOIDING, self.how)

    # What follows

    def _told(self, code: str, rrn: str) -> None:
        self.told, self.rrn = code, rrn
        if self.plan.asks_again and code not in _NEVER_TAKEN | _NO_ANSWER:
            self._begin(Phase.ASKING_AGAIN, self.how)
        else:
            self._act_on_answer()

    def _act_on_answer(self) -> None:
        if self.told in _NO_ANSWER:
            self._end("no answer from the host")
        elif self.told in _NEVER_TAKEN:
            self._end("refused by the gateway")
        elif self.told not in _APPROVALS:
            self._end("declined")
        elif self.confirms:
            self._try_to_serve()
        elif self.plan.service is Service.FAILS:
            self._begin(Phase.REVERSING, "reversed: service failed")
        else:
            self._serve()

    def _serve(self) -> None:
        self.served = True
        if self.plan.voids and self.told == _APPROVED:
            self._begin(Phase.VOIDING, "served")
        else:
            self._end("served")

    def _try_to_serve(self) -> None:
        if self.plan.service is Service.NEVER_CONFIRMS:
            self._end("never confirmed")
        else:
            self._begin(Phase.CONFIRMING, self.how)

    def _confirmation_answered(self, code: str) -> None:
        if self.plan.service is Service.FAILS:
            self._end(f"not served: {self.plan.reason}")
        elif code == _APPROVED:
            self._serve()
        else:
            self._end("confirmation came too late")

    def _begin(self, phase: Phase, how: str) -> None:
        self.phase, self.how, self.tries = phase, how, 0

    def _end(self, how: str) -> None:
        self.phase, self.how = Phase.ENDED, how
