"""Taking a terminal out of service, and bringing it back.

Rule 1.  The steps stand in this order, and none is taken before the one before it is done: no new
         business, charges and reversals at their end and the batch settled, transactions backed up
         and compared, keys revoked, out of service.  What does not match takes no step.
Rule 2.  What looks like an attack suspends at once; a person looks at it afterwards.
Rule 3.  Out of service or suspended, a terminal sells nothing and does not sign in (58); it still
         reverses, confirms, uploads, settles and signs off.  No money is stranded: its keys are
         revoked when all of it is at its end.
Rule 4.  It comes back only when its cause is gone and every test was passed: sign-in, echo, status,
         and a test charge that was reversed.  After a violation a second person approves, too.
Rule 5.  A planned window begins and ends by itself; then come the tests, as for anybody.
Rule 6.  Working keys are revoked, but for last words (reversals, settlement) after a while only;
         those of a device that is opened, exchanged or not trusted at once.  Of such a one, and of
         a retired one, the TMK is revoked, too: another must be loaded before its tests.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, ClassVar, Final

from routing.accounts import closing
from routing.accounts.asked import Asked, Outcome, Reply, refused
from routing.accounts.case import Case
from routing.accounts.device_tests import DeviceTests
from routing.accounts.machine import Event, Kind, Machine, Place, Step
from routing.accounts.obstacles import OF_A_DEVICE, lock, permission, regulation
from routing.accounts.people import GATEWAY, May, Role
from routing.accounts.refusals import Code, Obstacle, Refusal, Words
from routing.accounts.why import Why
from routing.response_codes import TERMINAL_BARRED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routing.accounts.backup import Evidence
    from routing.accounts.office import Office
    from routing.accounts.request import AccountRequest
    from routing.clock import Now

DEACTIVATE_REQUESTED: Final = "DEACTIVATE_REQUESTED"
PRECHECK_FAILED: Final = "PRECHECK_FAILED"
UNDER_REVIEW: Final = "UNDER_REVIEW"
APPROVED: Final = "APPROVED"
DRAINING: Final = "DRAINING"
BACKUP: Final = "BACKUP"
DEACTIVATED: Final = "DEACTIVATED"
SUSPENDED: Final = "SUSPENDED"
UNDER_REPAIR: Final = "UNDER_REPAIR"
REMEDIATION: Final = "REMEDIATION"
TESTING: Final = "TESTING"
RESTORED: Final = "RESTORED"
RETIRED: Final = "RETIRED"
REJECTED: Final = "REJECTED"
WITHDRAWN: Final = "WITHDRAWN"

REVOKE_KEYS: Final = "revoke its keys"
BEGIN_TESTS: Final = "begin its tests"
TELL_REGISTRY: Final = "tell the registry"
_OFF: Final = (TELL_REGISTRY,)

_E = Event
_SUSPEND: Final = {_E.SUSPENDED: Step(SUSPENDED, _OFF)}
_WAY_OUT: Final = {_E.WITHDRAWN: Step(WITHDRAWN)}
_TEST: Final = Step(TESTING, (BEGIN_TESTS, TELL_REGISTRY))
_RETIRE: Final = {_E.RETIRED: Step(RETIRED, (REVOKE_KEYS, TELL_REGISTRY))}
_OFF_NEXT: Final = Words(
    "Repair it or remove the cause, then have it tested.", "请维修或消除原因后进行测试。"
)
MACHINE: Final = Machine(
    Kind.DEACTIVATION,
    Words("deactivation of a terminal", "终端停用"),
    DEACTIVATE_REQUESTED,
    {
        DEACTIVATE_REQUESTED: Place(
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
        APPROVED: Place(
            Words("approved; begins at its time", "已批准, 到时自动开始"),
            next=Words("It begins by itself.", "将自动开始。"),
        ),
        DRAINING: Place(
            Words("no new business; money comes to its end", "停止新交易, 资金收尾"),
            Role.CLERK,
            "work",
            Words(
                "Settle the batch; reversals end by themselves.", "请执行批结算, 冲正将自动完成。"
            ),
            TERMINAL_BARRED,
        ),
        BACKUP: Place(
            Words("its transactions are backed up", "备份交易数据"),
            Role.CLERK,
            "work",
            Words("Wait for the backup.", "请等待备份完成。"),
            TERMINAL_BARRED,
        ),
        DEACTIVATED: Place(
            Words("out of service", "已停用"), Role.TECHNICIAN, "repair", _OFF_NEXT, TERMINAL_BARRED
        ),
        SUSPENDED: Place(
            Words("suspended", "已暂停"),
            Role.REVIEWER,
            "review",
            Words("A reviewer looks at why.", "由审核人员核查原因。"),
            TERMINAL_BARRED,
        ),
        UNDER_REPAIR: Place(
            Words("being repaired", "维修中"), Role.TECHNICIAN, "repair", _OFF_NEXT, TERMINAL_BARRED
        ),
        REMEDIATION: Place(
            Words("a violation is being mended", "违规整改中"),
            Role.MERCHANT,
            "repair",
            Words(
                "Hand in the signed statement; another approves.",
                "请提交签字说明。",
            ),
            TERMINAL_BARRED,
        ),
        TESTING: Place(
            Words("being tested", "测试中"),
            Role.TECHNICIAN,
            "work",
            Words(
                "Load a TMK if it has none; sign in, echo, upload the status, make a small charge"
                " and reverse it.",
                "如无主密钥请先装载; 请签到、回响、上送状态, 并做一笔小额交易后冲正。",
            ),
            TERMINAL_BARRED,
            signs_in=True,
        ),
        RESTORED: Place(Words("back in service", "已恢复")),
        RETIRED: Place(Words("retired", "已报废"), bars=TERMINAL_BARRED),
        REJECTED: Place(Words("rejected", "已拒绝")),
        WITHDRAWN: Place(Words("withdrawn", "已撤回")),
    },
    {
        DEACTIVATE_REQUESTED: {
            _E.PASSED: Step(UNDER_REVIEW),
            _E.OBSTRUCTED: Step(PRECHECK_FAILED),
            **_SUSPEND,
        },
        PRECHECK_FAILED: {_E.RESUMED: Step(DEACTIVATE_REQUESTED), **_WAY_OUT, **_SUSPEND},
        UNDER_REVIEW: {
            _E.APPROVED: Step(APPROVED),
            _E.REJECTED: Step(REJECTED),
            _E.OBSTRUCTED: Step(PRECHECK_FAILED),
            **_WAY_OUT,
            **_SUSPEND,
        },
        APPROVED: {_E.BEGUN: Step(DRAINING, _OFF), **_WAY_OUT, **_SUSPEND},
        DRAINING: {_E.CLEARED: Step(BACKUP)},
        BACKUP: {
            _E.BACKED_UP: Step(DEACTIVATED, (REVOKE_KEYS, TELL_REGISTRY)),
            _E.STEP_FAILED: Step(BACKUP),
        },
        DEACTIVATED: {
            _E.REPAIR_BEGUN: Step(UNDER_REPAIR, (REVOKE_KEYS, TELL_REGISTRY)),
            _E.REMEDY_BEGUN: Step(REMEDIATION, _OFF),
            _E.CAUSE_LIFTED: _TEST,
            **_RETIRE,
        },
        SUSPENDED: {_E.APPROVED: Step(DRAINING, _OFF), _E.REJECTED: _TEST},
        UNDER_REPAIR: {_E.REPAIRED: _TEST, **_RETIRE},
        REMEDIATION: {_E.APPROVED: _TEST, **_RETIRE},
        TESTING: {
            _E.TESTED: Step(RESTORED, _OFF),
            _E.TEST_FAILED: Step(UNDER_REPAIR, _OFF),
            **_SUSPEND,
        },
    },
)
_REPORTS: Final = {
    "repair": _E.REPAIR_BEGUN,
    "repaired": _E.REPAIRED,
    "replaced": _E.REPAIRED,
    "lifted": _E.CAUSE_LIFTED,
    "remedy": _E.REMEDY_BEGUN,
    "failed": _E.TEST_FAILED,
    "retired": _E.RETIRED,
}
"""What a person may report, and what that makes happen."""
STATEMENT: Final = "statement"
"""The document that mends a violation."""
CHARGES_LOOKED_AT_MAX: Final = 20_000
"""Of the newest ones, for what a terminal sold today."""
_LIFTED: Final = frozenset({Why.ACCOUNT, Why.MAINTENANCE, Why.UPGRADE, Why.STRATEGY})
"""Whose cause can go without a repair."""
_FOR_REMEDY: Final = frozenset({Why.VIOLATION})
_TMK_GOES: Final = frozenset({Why.FAULT, Why.VIOLATION, Why.REGULATION})
"""Whose device is opened, not to be trusted, or exchanged."""


class Deactivation(Case):
    """The case."""

    machine: ClassVar = MACHINE
    may: ClassVar = May.DEACTIVATE
    rules: ClassVar = OF_A_DEVICE
    at_approval: ClassVar = (permission, lock, regulation)
    watched: ClassVar = {
        PRECHECK_FAILED: 5.0,
        APPROVED: 0.0,
        DRAINING: 0.0,
        DEACTIVATED: 5.0,
        TESTING: 0.0,
    }
    asks_journal: ClassVar = False

    def __init__(self, office: Office) -> None:
        super().__init__(office)
        self.tests = DeviceTests(office)
        self.acts = {
            REVOKE_KEYS: self._revoke,
            BEGIN_TESTS: self.tests.begin,
            TELL_REGISTRY: self._tell_registry,
        }

    # What is asked

    def may_of(self, request: AccountRequest) -> May:
        """To suspend is another right than to ask."""
        return May.SUSPEND if request.facts.get("at_once") else self.may

    def begin(self, request: AccountRequest, asked: Asked) -> tuple[str, ...]:
        """Of which kind, for what reason, who can be called, and when."""
        record = asked.record
        request.facts["at_once"] = record.state == SUSPENDED
        why = record.kind or (Why.VIOLATION if record.state == SUSPENDED else "")
        wrong = [] if why in set(Why) else ["kind"]
        wrong += [name for name in ("reason", "contact") if not getattr(request, name)]
        if wrong:
            return tuple(wrong)
        request.facts |= {"why": why, "begins": record.begins, "ends": record.ends}
        return ()

    def opened(self, request: AccountRequest, who: str, now: Now) -> bool:
        """A suspension needs no review first."""
        if not request.facts.get("at_once"):
            return False
        return self.office.progress.apply(request, Event.SUSPENDED, who, now, remark=request.reason)

    def heard(self, subject: str, what: str, now: Now) -> None:
        """It may be a test of a terminal that comes back."""
        self.tests.heard(subject, what, now)

    def tell(self, request: AccountRequest, now: Now) -> dict[str, str | int | float]:
        """What it would mean today: this terminal's sales, and how many others the shop has."""
        registry, book = self.office.life.registry, self.office.life.book
        others = [
            each for each in registry.terminals(request.merchant) if each.id != request.terminal
        ]
        count = money = 0
        since = self.office.book.at(now.wall).midnight(now.wall)
        for charge in itertools.islice(book.newest(), CHARGES_LOOKED_AT_MAX):
            if charge.opened_at < since:
                break
            if charge.till == request.subject:
                count, money = count + 1, money + charge.money
        known = self.office.signals.health_of(request.subject)
        link = self.office.signals.link_of(request.subject)
        return {
            "sales_today": count,
            "money_today": money,
            "other_terminals": len(others),
            "broken": ",".join(known.broken),
            "needs_tmk": int(self.office.registered.lacks_master(_device(request))),
            "status_at": known.status_at,
            "connects": link.connects,
            "echoes": link.echoes,
            "seen_at": link.seen_at,
            "inspected_at": self.office.files.inspected_at(request.subject),
            "rtt_ms": round(link.rtt_s * 1_000, 3),
            "resent": link.resent,
        }

    # What comes by itself

    def look(self, request: AccountRequest, now: Now) -> None:
        """What it waits for may have come."""
        progress = self.office.progress
        if request.state == PRECHECK_FAILED:
            rejudge = self.office.rejudge
            self.office.check(request, lambda o, at: rejudge(request, o, GATEWAY, at), now)
        elif request.state == APPROVED:
            if now.wall >= float(request.facts.get("begins", 0.0)):
                progress.apply(request, Event.BEGUN, GATEWAY, now)
        elif request.state == DRAINING:
            closing.look(self.office, request, now)
        elif request.state == DEACTIVATED:
            self._is_lifted(request, now)
        elif request.state == TESTING and not self.tests.missing(request, now):
            progress.apply(request, Event.TESTED, GATEWAY, now)

    def _is_lifted(self, request: AccountRequest, now: Now) -> None:
        """A planned window is over; an account is in order again."""
        ends, why = float(request.facts.get("ends", 0.0)), request.facts.get("why")
        dossier = self.office.files.of(request.merchant)
        account_good = dossier.lock is None and dossier.balance >= 0
        if (ends and now.wall >= ends) or (why == Why.ACCOUNT and account_good):
            self.office.progress.apply(request, Event.CAUSE_LIFTED, GATEWAY, now)

    def backed_up(self, request: AccountRequest, evidence: Evidence, now: Now) -> bool:
        """The backup was made and read again: counts, sums and hashes must be the journal's."""
        request.facts["backup"] = evidence.facts()
        event = Event.BACKED_UP if evidence.matches else Event.STEP_FAILED
        return self.office.progress.apply(request, event, GATEWAY, now, remark=evidence.told())

    # What persons do

    def report(self, request: AccountRequest, asked: Asked, now: Now) -> Reply:
        """Repaired, replaced, lifted, a test failed, retired; a dead one's batch settled."""
        progress, what = self.office.progress, asked.record.what
        if what == closing.SETTLED_BY_HAND and request.state == DRAINING:
            return closing.settle_by_hand(self.office, request, asked, now)
        event = _REPORTS.get(what)
        if event is None or self.machine.step(request.state, event) is None:
            return progress.out_of_turn(request, what or "report")
        may = (May.TEST, May.RESTORE) if event is Event.CAUSE_LIFTED else (May.TEST,)
        if not any(self.office.people.may(asked.who, each, now.wall) for each in may):
            self.office.denied(asked, what, now)
            refusal = Refusal.of(Code.NO_PERMISSION, May.TEST)
            return refused(refusal, request=request.id, state=request.state)
        if not _fits(request, event):
            about = "its cause is not gone: repair or mend it first"
            refusal = Refusal.of(Code.DEVICE_FAULT, about)
            return refused(refusal, request=request.id, state=request.state)
        wrong = self._taken_in(request, asked, now)
        if wrong:
            return Reply(outcome=Outcome.WRONG_FIELD, wrong=wrong, request=request.id)
        no: Refusal | None = None
        if event is Event.TEST_FAILED:
            no = Refusal.of(Code.DEVICE_FAULT, asked.record.reason)
        remark = asked.record.evidence or asked.record.serial or asked.record.reason
        progress.apply(request, event, asked.who, now, remark=remark, refusal=no)
        return progress.reply(request)

    def _taken_in(self, request: AccountRequest, asked: Asked, now: Now) -> tuple[str, ...]:
        """Put the particulars of a report where they belong; returns fields that are wrong."""
        record = asked.record
        if record.what == "repair":
            request.facts["work_order"] = record.evidence
            return () if record.evidence else ("evidence",)
        if record.what != "replaced":
            return ()
        if not self.office.devices.serial_is_good(request, record.serial, now):
            return ("serial",)
        self.office.registered.replace(_device(request), record.serial, asked.who, now)
        request.facts["serial"] = record.serial
        self._revoke_them(request, asked.who, now, master=True, at_once=True)
        return ()

    def approvable(self, request: AccountRequest) -> Iterator[Obstacle]:
        """A violation is mended by a signed statement."""
        if request.state == REMEDIATION and STATEMENT not in request.documents:
            yield Obstacle(Code.DOCUMENTS_MISSING, STATEMENT)

    # What steps carry out

    def _revoke(self, request: AccountRequest, who: str, now: Now) -> None:
        why, is_opened = request.facts.get("why"), request.state == UNDER_REPAIR
        goes = is_opened or request.state == RETIRED or why in _TMK_GOES
        self._revoke_them(request, who, now, master=goes, at_once=is_opened or why in _FOR_REMEDY)

    def _revoke_them(self, request: AccountRequest, who: str, now: Now, **how: bool) -> None:
        closing.revoke_keys(self.office, request, request.terminal, who, now, **how)

    def _tell_registry(self, request: AccountRequest, who: str, now: Now) -> None:
        why = str(request.facts.get("why", ""))
        self.office.registered.terminal_is(_device(request), request.state, why, who, now)


def _device(request: AccountRequest) -> tuple[str, str]:
    return request.merchant, request.terminal


def _fits(request: AccountRequest, event: Event) -> bool:
    """Whether this is the way back for what the terminal is out of service for."""
    why = request.facts.get("why")
    if event is Event.CAUSE_LIFTED:
        return why in _LIFTED
    if event in (Event.REPAIR_BEGUN, Event.REMEDY_BEGUN):
        return (why in _FOR_REMEDY) == (event is Event.REMEDY_BEGUN)
    return True
