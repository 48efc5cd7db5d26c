"""Changes of who may do what: grants for a time, rule sets, locks that are lifted; and of which
account a merchant's charges go to.

Rule 1.  One person asks, another gives; both stand in the audit log.
Rule 2.  A grant ends by itself; what it was asked for goes on where it had stopped.
Rule 3.  A rule set has a version and a day; decisions that were made stay as they are.
Rule 4.  A charge stays on its account, whatever changes: a closed one gets no new charges, and what
         follows on its old ones goes on.

    REQUESTED      APPROVED -> IN_FORCE (carry it out), REJECTED -> REJECTED, WITHDRAWN
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from routing.accounts.asked import Action, Asked, File
from routing.accounts.case import Case
from routing.accounts.machine import Event, Kind, Machine, Place, Step
from routing.accounts.obstacles import permission
from routing.accounts.people import Grant, May, Role
from routing.accounts.plan import MAIN, Plan
from routing.accounts.refusals import Words
from routing.accounts.rules import RuleSet
from routing.keeper import AuditKind, KeptKind

if TYPE_CHECKING:
    from routing.accounts.office import Office
    from routing.accounts.request import AccountRequest
    from routing.clock import Now

REQUESTED: Final = "REQUESTED"
IN_FORCE: Final = "IN_FORCE"
REJECTED: Final = "REJECTED"
WITHDRAWN: Final = "WITHDRAWN"
OBSTRUCTED: Final = "OBSTRUCTED"
CARRY_OUT: Final = "put it into force"
_HOUR_S: Final = 3_600.0
_UNLOCK: Final = "unlock"
_ACCOUNTS: Final = frozenset({"plan", "close"})
"""Facts of a change of a merchant's accounts."""

MACHINE: Final = Machine(
    Kind.CHANGE,
    Words("change of rights, rules or locks", "权限、规则或锁定变更"),
    REQUESTED,
    {
        REQUESTED: Place(
            Words("waits for a second person", "等待第二人确认"),
            Role.SUPERVISOR,
            "review",
            Words("Another person confirms or rejects it.", "由另一人确认或拒绝。"),
        ),
        OBSTRUCTED: Place(
            Words("may not be asked for", "不可申请"),
            next=Words("See the reasons.", "请查看原因。"),
        ),
        IN_FORCE: Place(Words("in force", "已生效")),
        REJECTED: Place(Words("rejected", "已拒绝")),
        WITHDRAWN: Place(Words("withdrawn", "已撤回")),
    },
    {
        REQUESTED: {
            Event.PASSED: Step(REQUESTED),
            Event.OBSTRUCTED: Step(OBSTRUCTED),
            Event.APPROVED: Step(IN_FORCE, (CARRY_OUT,)),
            Event.REJECTED: Step(REJECTED),
            Event.WITHDRAWN: Step(WITHDRAWN),
        },
    },
)


class Changes(Case):
    """Grants, rule sets, unlocking."""

    machine: ClassVar = MACHINE
    may: ClassVar = May.ASK_GRANT
    rules: ClassVar = (permission,)
    needs_token: ClassVar = False
    asks_journal: ClassVar = False

    def __init__(self, office: Office) -> None:
        super().__init__(office)
        self.acts = {CARRY_OUT: self._carry_out}

    def restore(self) -> None:
        """Grants and rule sets that are in force."""
        keeper = self.office.life.keeper
        for each in keeper.left(KeptKind.GRANT):
            self.office.people.granted(msgspec.convert(each.data, Grant))
        for each in keeper.left(KeptKind.RULE_SET):
            self.office.book.add(msgspec.convert(each.data, RuleSet))

    def takes(self, asked: Asked) -> Kind | None:
        """A lock of a merchant is to be lifted."""
        unlocks = asked.file is File.MERCHANT and asked.record.what == _UNLOCK
        return Kind.CHANGE if unlocks else None

    def may_of(self, request: AccountRequest) -> May:
        """Whoever asks for rules must be allowed to."""
        if _ACCOUNTS & request.facts.keys():
            return May.SECOND
        return May.RULES if "rules" in request.facts else May.ASK_GRANT

    def decided_by(self, request: AccountRequest) -> May:
        """Who may give it."""
        if "rules" in request.facts:
            return May.RULES
        if _ACCOUNTS & request.facts.keys():
            return May.DECIDE
        return May.UNLOCK if "unlock" in request.facts else May.GRANT

    def knows(self, request: AccountRequest) -> bool:
        """It is about persons and rules."""
        del request
        return True

    def begin(self, request: AccountRequest, asked: Asked) -> tuple[str, ...]:
        """What is to change."""
        record = asked.record
        if asked.file is File.RULES:
            if record.rules is None or list(record.rules.problems()):
                return ("rules",)
            if self.office.book.knows(record.rules.version):
                return ("version",)
            request.facts["rules"] = msgspec.to_builtins(record.rules)
            request.merchant = f"rules {record.rules.version}"
            return ()
        if asked.file is File.MERCH2:
            return self._begin_accounts(request, asked)
        if record.what == _UNLOCK:
            request.facts["unlock"] = True
            return () if self.office.files.of(request.merchant).lock is not None else ("merchant",)
        return self._begin_grant(request, asked)

    def _begin_accounts(self, request: AccountRequest, asked: Asked) -> tuple[str, ...]:
        """Other rules for a merchant's charges, or the end of one of its accounts."""
        plan, account = asked.record.plan, asked.record.account

        def is_open(account: str) -> bool:
            return self.office.collecting.is_open(request.merchant, account)

        if asked.action is Action.DELETE:
            request.facts["close"] = account
            return () if is_open(account) else ("account",)
        if plan is None or list(plan.problems()):
            return ("plan",)
        request.facts["plan"] = msgspec.to_builtins(plan)
        good = all(rule.account == MAIN or is_open(rule.account) for rule in plan.rules)
        return () if good else ("account",)

    def _change_accounts(self, request: AccountRequest, who: str, now: Now) -> None:
        collecting, merchant = self.office.collecting, request.merchant
        if "plan" in request.facts:
            plan = msgspec.convert(request.facts["plan"], Plan)
            collecting.change(merchant, plan, who, now)
        else:
            account = collecting.of(merchant).accounts[str(request.facts["close"])]
            collecting.put(merchant, msgspec.structs.replace(account, closed=True), who, now)

    def _begin_grant(self, request: AccountRequest, asked: Asked) -> tuple[str, ...]:
        record = asked.record
        what = next((each for each in May if each == record.what), None)
        hours = record.hours
        if what is None:
            return ("what",)
        if not 0 < hours <= self.office.settings.grant_hours_max:
            return ("hours",)
        if not request.reason:
            return ("reason",)
        request.facts |= {"what": what, "hours": hours, "who": asked.who}
        request.merchant, request.terminal = asked.who, what
        return ()

    def _carry_out(self, request: AccountRequest, who: str, now: Now) -> None:
        office, keeper = self.office, self.office.life.keeper
        if "rules" in request.facts:
            rules = msgspec.convert(request.facts["rules"], RuleSet)
            office.book.add(rules)
            keeper.keep(KeptKind.RULE_SET, rules.version, request.facts["rules"], now)
        elif _ACCOUNTS & request.facts.keys():
            self._change_accounts(request, who, now)
        elif "unlock" in request.facts:
            office.files.unlock(request.merchant, who, now)
        else:
            until = now.wall + float(request.facts["hours"]) * _HOUR_S
            what = May(request.facts["what"])
            grant = Grant(str(request.facts["who"]), what, until, who, request.id)
            key = office.people.granted(grant)
            keeper.keep(KeptKind.GRANT, key, msgspec.to_builtins(grant), now)
            said = {"what": what, "until": until}
            keeper.audit(AuditKind.GRANT, grant.who, now, who=who, said=said)
            office.decisions.resume_waiting(grant.who, now)
