"""What a case of account services is made of: places, events, and the table that ties them.

Every case has one file, which opens with its rules and its table.  Whatever is not in the table
can't happen: it is refused (P18, out of turn) and changes nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from routing.accounts.people import Role
from routing.accounts.refusals import Words

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(StrEnum):
    """What a request is about."""

    CANCELLATION = "cancellation"
    DEACTIVATION = "deactivation"
    ONBOARDING = "onboarding"
    SECOND = "second"
    """Another account beside the main one."""
    COMPLAINT = "complaint"
    SETTLEMENT = "settlement"
    """The card that a merchant's money goes to."""
    CHANGE = "change"
    """Of who may do what, of rules, of locks."""


class Event(StrEnum):
    """What can happen to a request.  All cases speak of it in the same words."""

    OBSTRUCTED = "OBSTRUCTED"
    PASSED = "PASSED"
    RESUMED = "RESUMED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    COUNTERED = "COUNTERED"
    ACCEPTED = "ACCEPTED"
    WITHDRAWN = "WITHDRAWN"
    APPEALED = "APPEALED"
    UPHELD = "UPHELD"
    OVERTURNED = "OVERTURNED"
    BEGUN = "BEGUN"
    DRAINED = "DRAINED"
    SETTLED = "SETTLED"
    CLEARED = "CLEARED"
    BACKED_UP = "BACKED_UP"
    STEP_FAILED = "STEP_FAILED"
    SUSPENDED = "SUSPENDED"
    REPAIR_BEGUN = "REPAIR_BEGUN"
    REMEDY_BEGUN = "REMEDY_BEGUN"
    REPAIRED = "REPAIRED"
    CAUSE_LIFTED = "CAUSE_LIFTED"
    TESTED = "TESTED"
    TEST_FAILED = "TEST_FAILED"
    RETIRED = "RETIRED"
    VERIFIED = "VERIFIED"
    SHIPPED = "SHIPPED"
    REGISTERED = "REGISTERED"
    SIGNED_IN = "SIGNED_IN"
    ABANDONED = "ABANDONED"
    ANSWERED = "ANSWERED"
    PAPERS_MISSING = "PAPERS_MISSING"
    CARD_REFUSED = "CARD_REFUSED"
    SENT_TO_BANK = "SENT_TO_BANK"
    SYNC_FAILED = "SYNC_FAILED"
    SYNCED = "SYNCED"
    BANK_REFUSED = "BANK_REFUSED"
    CUT_OVER = "CUT_OVER"
    ENDED = "ENDED"


class Step(NamedTuple):
    """What an event does in a place: where to, and what is carried out."""

    next: str
    acts: tuple[str, ...] = ()


class Place(NamedTuple):
    """A state of a request: who must act, within which time, what the applicant is told."""

    title: Words
    owner: Role = Role.GATEWAY
    due: str = ""
    """Which time of `rules.RuleSet.due_h` it may take; '': none, it waits for no person."""
    next: Words = Words("Nothing to do.", "无需操作。")
    bars: str = ""
    """DE 39 for new business of the subject while a request stands here; '': none."""
    signs_in: bool = False
    """Though barred, it may sign in: it is being tested."""


APPEALED: Final = "APPEALED"
REFUSED: Final = "REFUSED"
APPEAL_PLACES: Final = {
    APPEALED: Place(
        Words("appealed", "申诉中"),
        Role.APPEALS,
        "review",
        Words("Another party than the refuser decides.", "由拒绝方以外的人裁定。"),
    ),
    REFUSED: Place(Words("refused after an appeal", "申诉后维持拒绝")),
}
"""Of every case that can be appealed."""


class Machine(NamedTuple):
    """One case's states and what may happen in each."""

    kind: Kind
    title: Words
    first: str
    places: Mapping[str, Place]
    table: Mapping[str, Mapping[Event, Step]]

    def step(self, state: str, event: Event) -> Step | None:
        """The cell of the table, None if this can't happen there."""
        return self.table.get(state, {}).get(event)

    def is_end(self, state: str) -> bool:
        """Nothing can happen any more."""
        return not self.table.get(state)
