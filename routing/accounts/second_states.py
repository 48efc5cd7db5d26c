"""The states of a request for a second account, and the table that ties them; rules: `second`."""

from __future__ import annotations

from typing import Final

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
from routing.accounts.people import Role
from routing.accounts.refusals import Code, Words

APPLIED: Final = "APPLIED"
DOCS: Final = "DOCS"
QUALIFICATION_REVIEW: Final = "QUALIFICATION_REVIEW"
CAPABILITY_CHECK: Final = "CAPABILITY_CHECK"
AGREEMENT: Final = "AGREEMENT"
TESTING: Final = "TESTING"
TESTED: Final = "TESTED"
OPEN: Final = "OPEN"
REJECTED: Final = "REJECTED"
ABANDONED: Final = "ABANDONED"
WITHDRAWN: Final = "WITHDRAWN"
THE_WAY: Final = (
    *(APPLIED, DOCS, QUALIFICATION_REVIEW, CAPABILITY_CHECK, AGREEMENT, TESTING, TESTED, OPEN),
)
"""In this order a request goes that is not refused; see `funnel`."""

MARK: Final = "mark what the books show"
FORGET_MARKS: Final = "forget the marks of the review"
QUALIFIED: Final = "note that it is qualified"
BEGIN_TEST: Final = "begin its test"
OPEN_ACCOUNT: Final = "open the account"

_E = Event
_AWAY: Final = {_E.ABANDONED: Step(ABANDONED), _E.WITHDRAWN: Step(WITHDRAWN)}
MACHINE: Final = Machine(
    Kind.SECOND,
    Words("opening of a second account", "开通商户二"),
    APPLIED,
    {
        APPLIED: Place(
            Words("applied for", "已申请"),
            next=Words("Send the request with its token.", "请携带确认码提交申请。"),
        ),
        DOCS: Place(
            Words("papers or particulars are missing", "待补材料"),
            Role.MERCHANT,
            "fix",
            Words("Hand in what is named; then it goes on.", "请补交所列材料, 申请将继续。"),
        ),
        QUALIFICATION_REVIEW: Place(
            Words("its qualification is reviewed", "资质审核中"),
            Role.REVIEWER,
            "review",
            Words("Another person marks and approves it.", "由另一人评分并审核。"),
        ),
        CAPABILITY_CHECK: Place(
            Words("waits for a terminal that can use it", "终端能力检查"),
            Role.TECHNICIAN,
            "repair",
            Words("Update the named terminals and sign in.", "请升级所列终端并签到。"),
        ),
        AGREEMENT: Place(
            Words("waits for the agreement", "待签约"),
            Role.MERCHANT,
            "fix",
            Words("Sign the agreement and hand it in.", "请签署协议并提交。"),
        ),
        TESTING: Place(
            Words("waits for a test charge", "待测试交易"),
            Role.MERCHANT,
            "work",
            Words(
                "Make a small charge on this account; it is reversed.",
                "请用该账户做一笔小额交易, 系统将冲正。",
            ),
        ),
        TESTED: Place(
            Words("tested; waits for the safety check", "测试通过, 待安全检查"),
            Role.TECHNICIAN,
            "work",
            Words("Check the place of business and report it.", "请检查经营场所并上报。"),
        ),
        OPEN: Place(Words("open", "已开通")),
        REJECTED: Place(
            Words("rejected", "已拒绝"),
            Role.MERCHANT,
            "fix",
            Words("Mend what was named and ask again, or appeal.", "请整改后重新申请或申诉。"),
        ),
        **APPEAL_PLACES,
        ABANDONED: Place(
            Words("given up, can go on", "已中止, 可恢复"),
            next=Words("Ask again: it goes on where it was.", "重新提交即可继续。"),
        ),
        WITHDRAWN: Place(Words("withdrawn", "已撤回")),
    },
    {
        APPLIED: {_E.PASSED: Step(QUALIFICATION_REVIEW, (MARK,)), _E.OBSTRUCTED: Step(DOCS)},
        DOCS: {_E.RESUMED: Step(APPLIED), **_AWAY},
        QUALIFICATION_REVIEW: {
            _E.APPROVED: Step(CAPABILITY_CHECK, (QUALIFIED,)),
            _E.REJECTED: Step(REJECTED),
            _E.WITHDRAWN: Step(WITHDRAWN),
        },
        CAPABILITY_CHECK: {
            _E.RESUMED: Step(CAPABILITY_CHECK),
            _E.PASSED: Step(AGREEMENT),
            _E.OBSTRUCTED: Step(CAPABILITY_CHECK),
            **_AWAY,
        },
        AGREEMENT: {
            _E.RESUMED: Step(AGREEMENT),
            _E.PASSED: Step(TESTING, (BEGIN_TEST,)),
            _E.OBSTRUCTED: Step(AGREEMENT),
            **_AWAY,
        },
        TESTING: {_E.TESTED: Step(TESTED), **_AWAY},
        TESTED: {
            _E.VERIFIED: Step(OPEN, (OPEN_ACCOUNT,)),
            _E.TEST_FAILED: Step(TESTED),
            **_AWAY,
        },
        REJECTED: {
            _E.RESUMED: Step(APPLIED, (FORGET_MARKS,)),
            _E.APPEALED: Step(APPEALED),
            **_AWAY,
        },
        APPEALED: {_E.OVERTURNED: Step(QUALIFICATION_REVIEW, (MARK,)), _E.UPHELD: Step(REFUSED)},
        ABANDONED: {
            _E.RESUMED: Step(APPLIED),
            _E.ENDED: Step(WITHDRAWN),
            _E.WITHDRAWN: Step(WITHDRAWN),
        },
    },
)
WAITS_FOR: Final = {
    APPLIED: Code.DOCUMENTS_MISSING,
    DOCS: Code.DOCUMENTS_MISSING,
    QUALIFICATION_REVIEW: Code.NOT_VERIFIED,
    CAPABILITY_CHECK: Code.NOT_CAPABLE,
    AGREEMENT: Code.NO_AGREEMENT,
    TESTING: Code.DEVICE_FAULT,
    TESTED: Code.DEVICE_FAULT,
    REJECTED: Code.REVIEW_FAILED,
    APPEALED: Code.REVIEW_FAILED,
    ABANDONED: Code.NO_AGREEMENT,
}
"""Why the account is not open, where nothing more exact is known."""
