"""Cancelling an account: a merchant's, or that of one of its terminals.

Rule 1.  Whoever enquires is told every obstacle at once, and gets the token that the request needs.
Rule 2.  What an obstructed request lacks can come: it is looked at again when something is handed
         in, when a window opens, when money came to its end, when a grant was given.
Rule 3.  Another person than the maker reviews; with a risk that the rules name, two do.
Rule 4.  Once approved, new business is refused (03, of a terminal 58) while what is under way comes
         to its end: charges, reversals and cases, then the batch.  Nothing is cancelled over money.
Rule 5.  Whoever is refused may appeal to another party than the refuser; what that one waives stays
         waived.  A contract's end may be negotiated.
Rule 6.  Cancelled is cancelled: what comes back is a new application.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from routing.accounts import closing
from routing.accounts.asked import Asked, File, Reply
from routing.accounts.case import Case
from routing.accounts.machine import (
    APPEAL_PLACES,
    APPEALED,
    REFUSED,
    Event,
    Kind,
    Machine,
    Place,
    Step,
)
from routing.accounts.obstacles import EVERY, contract, lock, permission, regulation
from routing.accounts.people import GATEWAY, May, Role
from routing.accounts.refusals import Code, Obstacle, Words
from routing.response_codes import INVALID_MERCHANT, TERMINAL_BARRED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routing.accounts.office import Office
    from routing.accounts.request import AccountRequest
    from routing.clock import Now

CANCEL_REQUESTED: Final = "CANCEL_REQUESTED"
PRECHECK_FAILED: Final = "PRECHECK_FAILED"
UNDER_REVIEW: Final = "UNDER_REVIEW"
NEGOTIATING: Final = "NEGOTIATING"
APPROVED: Final = "APPROVED"
CLOSING: Final = "CLOSING"
CANCELLED: Final = "CANCELLED"
REJECTED: Final = "REJECTED"
WITHDRAWN: Final = "WITHDRAWN"

TELL_REGISTRY: Final = "tell the registry"
REVOKE_KEYS: Final = "revoke its keys"
CONSENT: Final = "note the consent to an early end"

_E = Event
_WAY_OUT: Final = {_E.WITHDRAWN: Step(WITHDRAWN)}
MACHINE: Final = Machine(
    Kind.CANCELLATION,
    Words("cancellation of an account", "账户注销"),
    CANCEL_REQUESTED,
    {
        CANCEL_REQUESTED: Place(
            Words("asked for", "已申请"),
            next=Words("Send the request with its token.", "请携带确认码提交申请。"),
        ),
        PRECHECK_FAILED: Place(
            Words("obstructed", "预检未通过"),
            Role.MERCHANT,
            "fix",
            Words("Remove the named obstacles; then it goes on.", "请消除所列障碍, 申请将继续。"),
        ),
        UNDER_REVIEW: Place(
            Words("under review", "审核中"),
            Role.REVIEWER,
            "review",
            Words("Another person approves or rejects it.", "由另一人审核。"),
        ),
        NEGOTIATING: Place(
            Words("a counter-proposal was made", "协商中"),
            Role.MERCHANT,
            "fix",
            Words("Accept the proposal, or withdraw.", "请接受方案或撤回申请。"),
        ),
        APPROVED: Place(
            Words("approved", "已批准"), next=Words("Closing begins by itself.", "将自动开始关闭。")
        ),
        CLOSING: Place(
            Words("closing: no new business", "关闭中, 停止新交易"),
            Role.CLERK,
            "work",
            Words(
                "Settle the batch; reversals end by themselves.", "请执行批结算, 冲正将自动完成。"
            ),
            INVALID_MERCHANT,
        ),
        CANCELLED: Place(
            Words("cancelled", "已注销"),
            next=Words("Apply anew to come back.", "如需恢复请重新申请。"),
            bars=INVALID_MERCHANT,
        ),
        REJECTED: Place(
            Words("rejected", "已拒绝"),
            Role.MERCHANT,
            "fix",
            Words("Mend what was named and ask anew, or appeal.", "请整改后重新申请或申诉。"),
        ),
        **APPEAL_PLACES,
        WITHDRAWN: Place(Words("withdrawn", "已撤回")),
    },
    {
        CANCEL_REQUESTED: {
            _E.PASSED: Step(UNDER_REVIEW),
            _E.OBSTRUCTED: Step(PRECHECK_FAILED),
        },
        PRECHECK_FAILED: {
            _E.RESUMED: Step(CANCEL_REQUESTED),
            _E.APPEALED: Step(APPEALED),
            **_WAY_OUT,
        },
        UNDER_REVIEW: {
            _E.APPROVED: Step(APPROVED),
            _E.REJECTED: Step(REJECTED),
            _E.COUNTERED: Step(NEGOTIATING),
            _E.OBSTRUCTED: Step(PRECHECK_FAILED),
            **_WAY_OUT,
        },
        NEGOTIATING: {_E.ACCEPTED: Step(UNDER_REVIEW, (CONSENT,)), **_WAY_OUT},
        APPROVED: {_E.BEGUN: Step(CLOSING, (TELL_REGISTRY,)), **_WAY_OUT},
        CLOSING: {
            _E.CLEARED: Step(CANCELLED, (TELL_REGISTRY, REVOKE_KEYS)),
            _E.STEP_FAILED: Step(CLOSING),
        },
        REJECTED: {_E.APPEALED: Step(APPEALED), **_WAY_OUT},
        APPEALED: {_E.OVERTURNED: Step(UNDER_REVIEW), _E.UPHELD: Step(REFUSED)},
    },
)


class Cancellation(Case):
    """The case."""

    machine: ClassVar = MACHINE
    may: ClassVar = May.CANCEL
    rules: ClassVar = EVERY
    at_approval: ClassVar = (permission, lock, contract, regulation)
    watched: ClassVar = {PRECHECK_FAILED: 5.0, APPROVED: 0.0, CLOSING: 0.0}

    def __init__(self, office: Office) -> None:
        super().__init__(office)
        self.acts = {
            CONSENT: self._consent,
            TELL_REGISTRY: self._tell_registry,
            REVOKE_KEYS: self._revoke_keys,
        }

    def bars(self, request: AccountRequest) -> str:
        """03 of a merchant's business, 58 of a terminal's."""
        code = super().bars(request)
        return TERMINAL_BARRED if code and request.is_about_terminal else code

    def takes(self, asked: Asked) -> Kind | None:
        """An enquiry about a terminal may be about this, too."""
        is_meant = asked.file is File.TERMINAL and asked.record.state == CANCELLED
        return Kind.CANCELLATION if is_meant else None

    def begin(self, request: AccountRequest, asked: Asked) -> tuple[str, ...]:
        """An end needs a reason."""
        del asked
        return () if request.reason else ("reason",)

    def against(self, request: AccountRequest, wall: float) -> Iterator[Obstacle]:
        """P8: the bank is being told this merchant's settlement card."""
        del wall
        if self.office.settlement.cards.of(request.merchant).to_send:
            yield Obstacle(Code.SYNC_PENDING, "settlement card")

    def look(self, request: AccountRequest, now: Now) -> None:
        """What was missing may be there; what was open may have ended."""
        if request.state == PRECHECK_FAILED:
            self.office.check(
                request, lambda o, at: self.office.rejudge(request, o, GATEWAY, at), now
            )
        elif request.state == APPROVED:
            self.office.progress.apply(request, Event.BEGUN, GATEWAY, now)
        elif request.state == CLOSING:
            closing.look(self.office, request, now)

    def _tell_registry(self, request: AccountRequest, who: str, now: Now) -> None:
        registered = self.office.registered
        if request.is_about_terminal:
            subject = (request.merchant, request.terminal)
            registered.terminal_is(subject, request.state, "", who, now)
        else:
            registered.merchant_is(request.merchant, request.state, who, now)

    def _revoke_keys(self, request: AccountRequest, who: str, now: Now) -> None:
        only = [request.terminal] if request.is_about_terminal else None
        for terminal in only or self.office.registered.terminals(request.merchant):
            how = {"master": True, "at_once": False}
            closing.revoke_keys(self.office, request, terminal, who, now, **how)

    def _consent(self, request: AccountRequest, who: str, now: Now) -> None:
        """Both sides agreed: the contract's term stands against it no more."""
        del who, now
        waived = set(request.facts.get("waived", []))
        request.facts["waived"] = sorted(waived | {Code.CONTRACT_TERM})

    def report(self, request: AccountRequest, asked: Asked, now: Now) -> Reply:
        """A dead terminal's batch was settled by hand, with what shows it."""
        if asked.record.what != closing.SETTLED_BY_HAND or request.state != CLOSING:
            return self.office.progress.out_of_turn(request, asked.record.what or "report")
        return closing.settle_by_hand(self.office, request, asked, now)
