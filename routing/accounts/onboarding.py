"""Letting a merchant or a terminal in: applied for, checked by phone, shipped, registered, used.

Rule 1.  Who applied is called back by another person before anything is shipped.
Rule 2.  A terminal is registered with its serial number, and is in use from its first sign-in on.
Rule 3.  Whoever was cancelled comes back only this way; the old bars end with the first sign-in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from routing.accounts.asked import Asked, Outcome, Reply, refused
from routing.accounts.case import Case
from routing.accounts.device_tests import SIGN_IN
from routing.accounts.machine import Event, Kind, Machine, Place, Step
from routing.accounts.obstacles import OF_ANYBODY, documents
from routing.accounts.people import GATEWAY, May, Role
from routing.accounts.refusals import Code, Refusal, Words

if TYPE_CHECKING:
    from routing.accounts.office import Office
    from routing.accounts.request import AccountRequest
    from routing.clock import Now

APPLIED: Final = "APPLIED"
PRECHECK_FAILED: Final = "PRECHECK_FAILED"
VERIFIED: Final = "VERIFIED"
ACCEPTED: Final = "ACCEPTED"
SHIPPED: Final = "SHIPPED"
REGISTERED: Final = "REGISTERED"
ACTIVE: Final = "ACTIVE"
REJECTED: Final = "REJECTED"
WITHDRAWN: Final = "WITHDRAWN"

OPEN_ACCOUNT: Final = "register the merchant"
LIFT_BARS: Final = "lift the bars of earlier ends"
REGISTER: Final = "register the terminal"

_E = Event
_WAY_OUT: Final = {_E.WITHDRAWN: Step(WITHDRAWN), _E.REJECTED: Step(REJECTED)}
MACHINE: Final = Machine(
    Kind.ONBOARDING,
    Words("application of a merchant or terminal", "商户或终端入网"),
    APPLIED,
    {
        APPLIED: Place(
            Words("applied for", "已申请"),
            Role.CLERK,
            "review",
            Words("Another person calls the applicant back.", "由另一人电话核实。"),
        ),
        PRECHECK_FAILED: Place(
            Words("obstructed", "预检未通过"),
            Role.MERCHANT,
            "fix",
            Words("Remove the named obstacles; then resume.", "请消除所列障碍后继续。"),
        ),
        VERIFIED: Place(
            Words("checked by phone", "已电话核实"),
            Role.REVIEWER,
            "review",
            Words("Another person approves or rejects it.", "由另一人审核。"),
        ),
        ACCEPTED: Place(
            Words("accepted", "已批准"),
            Role.CLERK,
            "work",
            Words("Ship the device.", "请寄出设备。"),
        ),
        SHIPPED: Place(
            Words("shipped", "已寄出"),
            Role.TECHNICIAN,
            "repair",
            Words("Register the device with its serial number.", "请用序列号注册设备。"),
        ),
        REGISTERED: Place(
            Words("registered", "已注册"),
            Role.MERCHANT,
            "repair",
            Words("Sign in at the terminal.", "请在终端签到。"),
        ),
        ACTIVE: Place(Words("in use", "已启用")),
        REJECTED: Place(Words("rejected", "已拒绝")),
        WITHDRAWN: Place(Words("withdrawn", "已撤回")),
    },
    {
        APPLIED: {
            _E.PASSED: Step(APPLIED),
            _E.OBSTRUCTED: Step(PRECHECK_FAILED),
            _E.VERIFIED: Step(VERIFIED),
            **_WAY_OUT,
        },
        PRECHECK_FAILED: {_E.RESUMED: Step(APPLIED), _E.WITHDRAWN: Step(WITHDRAWN)},
        VERIFIED: {_E.APPROVED: Step(ACCEPTED, (OPEN_ACCOUNT,)), **_WAY_OUT},
        ACCEPTED: {
            _E.SHIPPED: Step(SHIPPED),
            _E.ENDED: Step(ACTIVE, (LIFT_BARS,)),
            _E.WITHDRAWN: Step(WITHDRAWN),
        },
        SHIPPED: {_E.REGISTERED: Step(REGISTERED, (REGISTER,))},
        REGISTERED: {_E.SIGNED_IN: Step(ACTIVE, (LIFT_BARS,))},
    },
)
_REPORTS: Final = {
    "called": (_E.VERIFIED, May.VERIFY),
    "shipped": (_E.SHIPPED, May.FILE),
    "registered": (_E.REGISTERED, May.TEST),
}
"""What a person may report, what that makes happen, and the right that it takes."""


class Onboarding(Case):
    """The case."""

    machine: ClassVar = MACHINE
    may: ClassVar = May.ONBOARD
    rules: ClassVar = (*OF_ANYBODY, documents)
    needs_token: ClassVar = False
    asks_journal: ClassVar = False

    def __init__(self, office: Office) -> None:
        super().__init__(office)
        self.acts = {
            OPEN_ACCOUNT: self._open_account,
            LIFT_BARS: self._lift_bars,
            REGISTER: self._register,
        }

    def knows(self, request: AccountRequest) -> bool:
        """A terminal's merchant must be there already; and nobody who is in comes in again."""
        registered = self.office.registered
        if request.is_about_terminal and not registered.knows(request.merchant, ""):
            return False
        barred = self.office.gate.code(request.merchant, request.terminal)
        return bool(barred) or not registered.is_active(request.merchant, request.terminal)

    def begin(self, request: AccountRequest, asked: Asked) -> tuple[str, ...]:
        """Who applies, and how to reach them."""
        del asked
        return tuple(name for name in ("merchant", "name", "contact") if not getattr(request, name))

    def report(self, request: AccountRequest, asked: Asked, now: Now) -> Reply:
        """Called back, shipped, registered."""
        progress, record = self.office.progress, asked.record
        event, may = _REPORTS.get(record.what, (None, May.FILE))
        if event is None or self.machine.step(request.state, event) is None:
            return progress.out_of_turn(request, record.what or "report")
        own = event is Event.VERIFIED and asked.who == request.maker
        if own or not self.office.people.may(asked.who, may, now.wall):
            self.office.denied(asked, record.what, now)
            refusal = Refusal.of(Code.NO_PERMISSION, "another person" if own else may)
            return refused(refusal, request=request.id, state=request.state)
        if event is Event.REGISTERED:
            if not self.office.devices.serial_is_good(request, record.serial, now):
                return Reply(outcome=Outcome.WRONG_FIELD, wrong=("serial",), request=request.id)
            request.facts["serial"] = record.serial
        remark = record.serial or record.evidence or record.reason
        progress.apply(request, event, asked.who, now, remark=remark)
        return progress.reply(request)

    def heard(self, subject: str, what: str, now: Now) -> None:
        """Its first sign-in puts a registered terminal into use."""
        request = self.office.shelf.under_way(Kind.ONBOARDING, subject)
        if request is not None and request.state == REGISTERED and what == SIGN_IN:
            self.office.progress.apply(request, Event.SIGNED_IN, GATEWAY, now)

    def _open_account(self, request: AccountRequest, who: str, now: Now) -> None:
        if not request.is_about_terminal:
            self.office.registered.enter_merchant(request.merchant, request.name, who, now)
            self.office.progress.apply(request, Event.ENDED, GATEWAY, now)

    def _register(self, request: AccountRequest, who: str, now: Now) -> None:
        subject = (request.merchant, request.terminal)
        serial = str(request.facts["serial"])
        self.office.registered.enter_terminal(subject, serial, who, now)

    def _lift_bars(self, request: AccountRequest, who: str, now: Now) -> None:
        if request.is_about_terminal:
            subject = (request.merchant, request.terminal)
            self.office.registered.terminal_is(subject, ACTIVE, "", who, now)
        for each in list(self.office.shelf.all()):
            case = self.office.cases[each.kind]
            ended = case.bars(each) and case.machine.is_end(each.state)
            if ended and each.subject == request.subject:
                each.facts["superseded"] = request.id
                self.office.gate.set(each.subject, each.id, "")
                self.office.progress.note(each, who, "SUPERSEDED", now, remark=request.id)
