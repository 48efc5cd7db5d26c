"""Changing the card that a merchant's money is settled to.

Rule 1.  Whoever enquires is told every obstacle, both sides' versions, when they last agreed, and
         gets the token that the request needs.  The number comes enciphered, keyed twice.
Rule 2.  A card with a wrong number, of a kind that the rules do not allow, or in another name is
         refused; the same request goes on with another card.  What else is missing can come.
Rule 3.  Another person than the maker approves; an exception takes two, and never makes a credit
         card or a wrong number good.
Rule 4.  An approved card is told to the bank until the bank acknowledges it; until then, and until
         the cut-over after that, the old card is in force.  See `settlement_cards`.
Rule 5.  Who is rejected may appeal to another party than the refuser.
Rule 6.  Once it is in force, the next change waits for the cooling period, and large payouts to it
         are held until then, or until a third person looked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from routing.accounts.asked import Asked, Channel, Outcome, Reply, refused
from routing.accounts.bins import CardKind
from routing.accounts.card_rules import (
    AT_APPROVAL,
    CAPABILITY,
    OF_A_SETTLEMENT_CARD,
    OF_THE_CARD,
    Known,
)
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
from routing.accounts.people import GATEWAY, May, Role
from routing.accounts.refusals import Code, Refusal, Words
from routing.accounts.settlement_days import ALWAYS
from routing.keeper import AuditKind

if TYPE_CHECKING:
    from routing.accounts.office import Office
    from routing.accounts.refusals import Obstacle
    from routing.accounts.request import AccountRequest
    from routing.clock import Now

CHANGE_REQUESTED: Final = "CHANGE_REQUESTED"
PRECHECK_FAILED: Final = "PRECHECK_FAILED"
DOCS_PENDING: Final = "DOCS_PENDING"
CARD_REFUSED: Final = "CARD_REFUSED"
UNDER_REVIEW: Final = "UNDER_REVIEW"
NEGOTIATING: Final = "NEGOTIATING"
APPROVED: Final = "APPROVED"
SYNCING: Final = "SYNCING"
SYNC_RETRY: Final = "SYNC_RETRY"
SYNCED: Final = "SYNCED"
EFFECTIVE: Final = "EFFECTIVE"
REJECTED: Final = "REJECTED"
WITHDRAWN: Final = "WITHDRAWN"

THE_WAY: Final = (CHANGE_REQUESTED, UNDER_REVIEW, APPROVED, SYNCING, SYNCED, EFFECTIVE)
"""In this order a request goes that is not refused."""

WRITE_VERSION: Final = "write the new version"
NOTE_EXCEPTION: Final = "note the exception"
PUT_IN_FORCE: Final = "tell registry and terminals"
FORGET_NUMBER: Final = "forget the number"

_E = Event
_WAY_OUT: Final = {_E.WITHDRAWN: Step(WITHDRAWN, (FORGET_NUMBER,))}
_MEND: Final = Words("Remove the named obstacles; then it goes on.", "请消除所列障碍, 申请将继续。")
_BANK: Final = Words("Wait; the bank is told again and again.", "请稍候, 系统将持续通知银行。")
_ANSWERS: Final = {
    _E.SYNCED: Step(SYNCED),
    _E.SYNC_FAILED: Step(SYNC_RETRY),
    _E.BANK_REFUSED: Step(REJECTED),
}
MACHINE: Final = Machine(
    Kind.SETTLEMENT,
    Words("change of the settlement card", "结算卡变更"),
    CHANGE_REQUESTED,
    {
        CHANGE_REQUESTED: Place(
            Words("asked for", "已申请"),
            next=Words("Send the request with its token.", "请携带确认码提交申请。"),
        ),
        PRECHECK_FAILED: Place(Words("obstructed", "预检未通过"), Role.MERCHANT, "fix", _MEND),
        DOCS_PENDING: Place(
            Words("documents are missing", "待补材料"), Role.MERCHANT, "fix", _MEND
        ),
        CARD_REFUSED: Place(
            Words("this card can't be used", "卡片不符"),
            Role.MERCHANT,
            "fix",
            Words(
                "Have a fitting card made by the bank; ask again with it.",
                "请携身份证到银行柜台办理新卡后重新提交。",
            ),
        ),
        UNDER_REVIEW: Place(
            Words("under review", "审核中"),
            Role.REVIEWER,
            "review",
            Words("Another person approves or rejects it.", "由另一人审核。"),
        ),
        NEGOTIATING: Place(
            Words("an exception was proposed", "协商中"),
            Role.MERCHANT,
            "fix",
            Words("Accept the proposal, or withdraw.", "请接受方案或撤回申请。"),
        ),
        APPROVED: Place(
            Words("approved", "已批准"),
            next=Words("The bank is told by itself.", "将自动通知银行。"),
        ),
        SYNCING: Place(Words("on its way to the bank", "同步中"), Role.CLERK, "work", _BANK),
        SYNC_RETRY: Place(
            Words("the bank did not answer yet", "同步重试中"), Role.CLERK, "work", _BANK
        ),
        SYNCED: Place(
            Words("the bank has it; begins at the cut-over", "银行已确认, 日切后生效"),
            Role.CLERK,
            "cut-over",
            Words("Wait for the cut-over; until then the old card counts.", "日切前仍用原卡。"),
        ),
        EFFECTIVE: Place(
            Words("in force", "已生效"),
            next=Words("Restart the terminal or sign in to have it shown.", "请重新签到更新参数。"),
        ),
        REJECTED: Place(
            Words("rejected", "已拒绝"),
            Role.MERCHANT,
            "fix",
            Words("Withdraw and ask anew, or appeal.", "请撤回后重新申请或申诉。"),
        ),
        **APPEAL_PLACES,
        WITHDRAWN: Place(Words("withdrawn", "已撤回")),
    },
    {
        CHANGE_REQUESTED: {
            _E.PASSED: Step(UNDER_REVIEW),
            _E.OBSTRUCTED: Step(PRECHECK_FAILED),
            _E.PAPERS_MISSING: Step(DOCS_PENDING),
            _E.CARD_REFUSED: Step(CARD_REFUSED),
        },
        PRECHECK_FAILED: {_E.RESUMED: Step(CHANGE_REQUESTED), **_WAY_OUT},
        DOCS_PENDING: {_E.RESUMED: Step(CHANGE_REQUESTED), **_WAY_OUT},
        CARD_REFUSED: {
            _E.RESUMED: Step(CHANGE_REQUESTED),
            _E.COUNTERED: Step(NEGOTIATING),
            **_WAY_OUT,
        },
        UNDER_REVIEW: {
            _E.APPROVED: Step(APPROVED),
            _E.REJECTED: Step(REJECTED),
            _E.COUNTERED: Step(NEGOTIATING),
            _E.OBSTRUCTED: Step(PRECHECK_FAILED),
            **_WAY_OUT,
        },
        NEGOTIATING: {_E.ACCEPTED: Step(UNDER_REVIEW, (NOTE_EXCEPTION,)), **_WAY_OUT},
        APPROVED: {_E.SENT_TO_BANK: Step(SYNCING, (WRITE_VERSION,)), **_WAY_OUT},
        SYNCING: _ANSWERS,
        SYNC_RETRY: _ANSWERS,
        SYNCED: {_E.CUT_OVER: Step(EFFECTIVE, (PUT_IN_FORCE, FORGET_NUMBER))},
        REJECTED: {_E.APPEALED: Step(APPEALED), **_WAY_OUT},
        APPEALED: {
            _E.OVERTURNED: Step(UNDER_REVIEW, (NOTE_EXCEPTION,)),
            _E.UPHELD: Step(REFUSED, (FORGET_NUMBER,)),
        },
    },
)
PAYOUT_CHECKED: Final = "payout checked"
SEND_AGAIN: Final = "send again"
"""Reports: somebody looked at a payout that was held; the bank is to be told once more."""
DOWNLOAD_PARAMETERS: Final = "1"
"""What the header of an answer asks a terminal for."""
_TWO: Final = 2


class SettlementCard(Case):
    """The case."""

    machine: ClassVar = MACHINE
    may: ClassVar = May.SETTLE_CARD
    rules: ClassVar = OF_A_SETTLEMENT_CARD
    at_approval: ClassVar = AT_APPROVAL
    watched: ClassVar = {
        PRECHECK_FAILED: 5.0,
        DOCS_PENDING: 5.0,
        CARD_REFUSED: 5.0,
        APPROVED: 0.0,
        SYNCED: 0.0,
    }

    def __init__(self, office: Office) -> None:
        super().__init__(office)
        self._cards = office.settlement.cards
        self.acts = {
            WRITE_VERSION: self._write_version,
            NOTE_EXCEPTION: self._note_exception,
            PUT_IN_FORCE: self._put_in_force,
            FORGET_NUMBER: self._forget_number,
        }

    def restore(self) -> None:
        """The cards, and what the bank has to be told."""
        self.office.settlement.restore()

    # What is asked

    @property
    def is_on(self) -> bool:
        """Only with a bank that can be told."""
        return self.office.life.settings.settlement.is_on

    def approvals_needed(self, request: AccountRequest) -> int:
        """An exception takes two signatures."""
        usual = super().approvals_needed(request)
        return max(usual, _TWO) if request.facts.get("exception") else usual

    def enquired(self, draft: AccountRequest, asked: Asked) -> None:
        """The checks of a card can be asked for before anything is requested."""
        draft.facts |= {"entry": asked.entry, "seen": asked.record.version}
        if asked.channel is Channel.TERMINAL:
            draft.facts["asked_at"] = asked.terminal
        if asked.card is not None:
            settlement = self.office.settlement
            draft.facts["card"] = asked.card.facts(
                self.office.life.settings.card_key, settlement.bins
            )

    def begin(self, request: AccountRequest, asked: Asked) -> tuple[str, ...]:
        """The card, in whose name it is, and from when on it is wished for."""
        self.enquired(request, asked)
        request.facts["begins"] = asked.record.begins
        wrong = () if asked.card is not None else ("card",)
        return wrong if request.name else (*wrong, "name")

    def handed_in(self, request: AccountRequest, asked: Asked, now: Now) -> None:
        """Another card."""
        if asked.card is None or self.machine.step(request.state, Event.RESUMED) is None:
            return
        settlement = self.office.settlement
        key = self.office.life.settings.card_key
        request.facts["card"] = asked.card.facts(key, settlement.bins)
        masked = asked.card.masked
        self.office.progress.note(request, asked.who, "NEW CARD", now, remark=masked)
        self._opened(request, asked.who, now)

    def opened(self, request: AccountRequest, who: str, now: Now) -> bool:
        """Whose number was deciphered stands in the audit log."""
        self._opened(request, who, now)
        return False

    def _opened(self, request: AccountRequest, who: str, now: Now) -> None:
        card = request.facts["card"]
        said = {"request": request.id, "card": card["masked"], "token": card["token"]}
        keeper = self.office.life.keeper
        keeper.audit(AuditKind.CARD_OPENED, request.merchant, now, who=who, said=said)

    def comes_to(self, obstacles: list[Obstacle]) -> Event:
        """A card that can't be used; documents that are missing and nothing else; anything else."""
        codes = {each.code for each in obstacles}
        if codes & OF_THE_CARD:
            return Event.CARD_REFUSED
        return Event.PAPERS_MISSING if codes == {Code.DOCUMENTS_MISSING} else Event.OBSTRUCTED

    def known(self, request: AccountRequest) -> Known:
        """The merchant's entry and cards, and the terminal that asks."""
        office, account = self.office, self._cards.of(request.merchant)
        registry, dossier = office.life.registry, office.files.of(request.merchant)
        entry = registry.merchant(request.merchant)
        current = account.on(self._cards.days.newest)
        cooled = current is None or current.begins == ALWAYS
        terminal = str(request.facts.get("asked_at", ""))
        its = registry.terminal(request.merchant, terminal) if terminal else None
        can = its is None or not its.capabilities or CAPABILITY in its.capabilities
        names = (dossier.name, *dossier.holders, entry.name if entry is not None else "")
        return Known(
            account,
            entry.kind if entry is not None else "",
            dossier.region or (entry.region if entry is not None else ""),
            names,
            0.0 if cooled or current is None else self._cards.days.bounds(current.begins)[0],
            can,
            office.signals.health_of(f"{request.merchant}|{terminal}").broken,
        )

    def shown(self, request: AccountRequest) -> dict[str, Any]:
        """The card's mask, bank and kind; once there is one, its version and first day."""
        card = request.facts.get("card", {})
        facts = {name: card[name] for name in ("masked", "bank", "kind") if name in card}
        written = self._cards.of(request.merchant).version(request.facts.get("version", 0))
        if written is not None:
            facts |= {"version": written.number, "begins": written.begins}
        return facts

    def tell(self, request: AccountRequest, now: Now) -> dict[str, str | int | float]:
        """Both sides' versions, and when they last agreed; a card that came along was opened."""
        if "card" in request.facts:
            self._opened(request, request.maker, now)
        return self.office.settlement.told_of(request.merchant, now) | self.shown(request)

    # What comes by itself

    def look(self, request: AccountRequest, now: Now) -> None:
        """What was missing may be there; a wished-for day or the cut-over may have come."""
        progress = self.office.progress
        if request.state in (PRECHECK_FAILED, DOCS_PENDING, CARD_REFUSED):
            rejudge = self.office.rejudge
            self.office.check(request, lambda o, at: rejudge(request, o, GATEWAY, at), now)
        elif request.state == APPROVED:
            if now.wall >= float(request.facts.get("begins", 0.0)):
                progress.apply(request, Event.SENT_TO_BANK, GATEWAY, now)
        elif request.state == SYNCED:
            written = self._cards.of(request.merchant).version(request.facts["version"])
            if written is not None and self._cards.days.current(now) >= written.begins:
                progress.apply(request, Event.CUT_OVER, GATEWAY, now, remark=written.begins)

    # What persons do

    def report(self, request: AccountRequest, asked: Asked, now: Now) -> Reply:
        """A payout that was held was looked at; the bank is to be told again."""
        what, people = asked.record.what, self.office.people
        account = self._cards.of(request.merchant)
        written = account.version(request.facts.get("version", 0))
        wanted = {PAYOUT_CHECKED: May.DECIDE, SEND_AGAIN: May.FILE}.get(what)
        if wanted is None or written is None or request.state not in (SYNCED, EFFECTIVE):
            return self.office.progress.out_of_turn(request, what or "report")
        involved = what == PAYOUT_CHECKED and asked.who in (request.maker, *request.approvals)
        if involved or not people.may(asked.who, wanted, now.wall):
            self.office.denied(asked, what, now)
            refusal = Refusal.of(Code.NO_PERMISSION, "a third person" if involved else wanted)
            return refused(refusal, request=request.id, state=request.state)
        if what == SEND_AGAIN:
            if not written.sealed or written.number != account.newest:
                return Reply(outcome=Outcome.WRONG_FIELD, wrong=("request",), request=request.id)
            self._cards.send(account, written.number, now)
        else:
            written.checked_by = asked.who
            self._cards.keep(account, now)
        remark = asked.record.reason or asked.record.evidence
        self.office.progress.note(request, asked.who, what.upper(), now, remark=remark)
        return self.office.progress.reply(request)

    # What steps carry out

    def _write_version(self, request: AccountRequest, who: str, now: Now) -> None:
        del who
        request.facts["version"] = self._cards.write(request, now)

    def _note_exception(self, request: AccountRequest, who: str, now: Now) -> None:
        """What is excused stands against it no more; what no one can excuse still does."""
        del who, now
        obstacles = {Code(each) for each in request.facts.get("against", [])}
        waived = set(request.facts.get("waived", [])) | obstacles
        waived.discard(Code.CARD_INVALID)
        if request.facts["card"].get("kind", CardKind.CREDIT) == CardKind.CREDIT:
            waived.discard(Code.CARD_KIND)
        request.facts |= {"waived": sorted(waived), "exception": True}

    def _put_in_force(self, request: AccountRequest, who: str, now: Now) -> None:
        account = self._cards.of(request.merchant)
        version = account.version(request.facts["version"])
        if version is None:
            return
        self._cards.began(account, version, now)
        self.office.registered.settles_to(request.merchant, version, who, now)
        for terminal in self.office.registered.terminals(request.merchant):
            self.office.signals.ask(f"{request.merchant}|{terminal}", DOWNLOAD_PARAMETERS, now)

    def _forget_number(self, request: AccountRequest, who: str, now: Now) -> None:
        """Nobody needs it any more: token and mask are left."""
        del who, now
        request.facts["card"]["sealed"] = ""
