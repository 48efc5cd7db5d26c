"""The desk: everything that a person may ask, decided by routing's rules and durable before it is
answered.
"""

from __future__ import annotations

import re
from functools import singledispatchmethod
from typing import TYPE_CHECKING, Final, Protocol

from gateway.card_door import CardDoor
from gateway.desk import accounts, complaints
from gateway.desk.complaints import Verdict
from gateway.desk.payouts import PayoutDesk
from gateway.desk.registrar import RegistryRequest, carry_out
from gateway.desk.requests import (
    Account,
    AnyRequest,
    ChangeEntry,
    ChangeLimits,
    Close,
    CompareCards,
    Complain,
    Confirm,
    ConfirmLimits,
    DeskError,
    Difference,
    Dispute,
    FlyCanary,
    KeyRequest,
    LoadEntries,
    PutMerchant,
    PutTerminal,
    Reply,
    RunSettlement,
    SettleDifference,
    Withdraw,
    WithdrawLimits,
)
from gateway.desk.settlement import REASONS
from gateway.journal.desk_reader import DeskReader
from routing.charge import State
from routing.docket import CLOSINGS, REFUND, Answer, Entry
from routing.reason import Reason

if TYPE_CHECKING:
    from gateway.clock import Clock
    from gateway.config import Config
    from gateway.desk.floor import Floor
    from gateway.desk.key_desk import KeyDesk
    from gateway.tools import Offload
    from routing.charge import Charge
    from routing.switch import Switch

HOWS: Final = (*CLOSINGS, REFUND)
_WORDS: Final = re.compile("[A-Za-z_ ,]{0,60}")
_KEY: Final = re.compile(r"(?!.*\d{13})[\w| -]{1,80}")
"""Names of ours, and numbers shorter than a card's."""
_STATUS: Final = {
    Answer.DECIDED: 200,
    Answer.PROPOSED: 202,
    Answer.WITHDRAWN: 200,
    Answer.NO_CASE: 404,
    Answer.NO_NAME: 403,
    Answer.OWN: 403,
    Answer.OTHERWISE: 409,
    Answer.NOT_PROPOSED: 409,
    Answer.NOT_NOW: 409,
    Answer.IMPOSSIBLE: 409,
}
_NOT_NOW: Final = 409
_ASK_HOST: Final = "for a person to ask the host"
_UNKNOWN: Final = 404


class Flying(Protocol):
    """Who sends test charges."""

    async def fly(self, host: str) -> dict[str, str]:
        """By host: '' if all went well, else why not."""
        ...


class Reloading(Protocol):
    """Who puts the configuration into force anew."""

    async def again(self, who: str) -> tuple[str, ...]:
        """Why not; empty when it is in force."""
        ...


class Desk:
    """One desk; `do` is its one door.  Raises DeskError for what can't be understood."""

    def __init__(
        self, config: Config, switch: Switch, floor: Floor, clock: Clock, offload: Offload
    ) -> None:
        self.config = config
        self.clock = clock
        self._switch = switch
        self._floor = floor
        self._offload = offload
        self.canary: Flying | None = None
        self.keys: KeyDesk | None = None
        self.reload: Reloading | None = None
        self.cards = CardDoor.of(config)
        self.payouts = PayoutDesk(config, switch, floor, offload)

    def change(self, config: Config) -> None:
        """Another configuration is in force."""
        self.config = config

    async def do(self, request: AnyRequest, who: str) -> Reply:
        """Do what `who` asks for; durable when it returns."""
        return await self._do(request, who)

    @singledispatchmethod
    async def _do(self, request: AnyRequest, who: str) -> Reply:
        if isinstance(request, KeyRequest) and self.keys is not None:
            return await self.keys.do(request, who)
        message = f"{type(request).__name__}: not for this desk"
        raise DeskError(message)

    # Cases

    @_do.register
    async def _(self, request: Close, who: str) -> Reply:
        if request.how not in HOWS:
            message = f"how: one of {', '.join(HOWS)}"
            raise DeskError(message)
        charge = await self._charge(request.charge)
        answer = self._switch.docket.close(charge, request.how, who, self.clock.now())
        return await self._answered(answer, request.charge)

    @_do.register
    async def _(self, request: Confirm, who: str) -> Reply:
        charge = await self._charge(request.charge)
        answer = self._switch.docket.confirm(charge, who, self.clock.now())
        return await self._answered(answer, request.charge)

    @_do.register
    async def _(self, request: Withdraw, who: str) -> Reply:
        charge = await self._charge(request.charge)
        answer = self._switch.docket.withdraw(charge, who, self.clock.now())
        return await self._answered(answer, request.charge)

    @_do.register
    async def _(self, request: Dispute, who: str) -> Reply:
        if not _WORDS.fullmatch(request.why):
            message = "why: words only, no more than 60 characters"
            raise DeskError(message)
        charge, now = await self._charge(request.charge), self.clock.now()
        if charge is None:
            return Reply(status=_UNKNOWN, said="no such charge")
        docket = self._switch.docket
        if charge.state is State.CASE or not docket.question(charge, Reason.DISPUTED, now):
            return Reply(status=_NOT_NOW, said=f"it is {charge.state}", facts={"id": charge.id})
        docket.note(
            Entry.DISPUTED, now, charge=charge.id, who=who, said={"why": request.why.strip()}
        )
        await self._floor.settle()
        return Reply(said="frozen", facts={"id": charge.id, "state": charge.state})

    async def _charge(self, charge_id: int) -> Charge | None:
        self._switch.recall(charge_id)
        await self._floor.settle()
        return self._switch.life.book.get(charge_id)

    async def _answered(self, answer: Answer, charge_id: int) -> Reply:
        await self._floor.settle()
        charge = self._switch.life.book.get(charge_id)
        facts = (
            {"id": charge_id, "state": charge.state} if charge is not None else {"id": charge_id}
        )
        return Reply(status=_STATUS[answer], said=answer, facts=facts)

    # Complaints

    @_do.register
    async def _(self, request: Complain, who: str) -> Reply:
        now, docket = self.clock.now(), self._switch.docket
        found = await self._offload(complaints.candidates, self.config, request, now.wall)
        if len(found) != 1:
            verdict = Verdict.SEVERAL if found else Verdict.NOT_FOUND
            docket.note(Entry.COMPLAINT, now, who=who, said={"verdict": verdict})
            docket.counts["complaint", verdict] += 1
            await self._floor.settle()
            status = _NOT_NOW if found else _UNKNOWN
            return Reply(status=status, said=verdict, facts={"charges": [c.shown for c in found]})
        charge = await self._charge(found[0].id)
        if charge is None:
            return Reply(status=_UNKNOWN, said=Verdict.NOT_FOUND)
        proof = await self._offload(complaints.evidence, self.config, charge.id)
        now = self.clock.now()
        verdict = complaints.judge(self._switch, charge, now)
        docket.complained(charge, who, now, {"verdict": verdict})
        docket.counts["complaint", verdict] += 1
        await self._floor.settle()
        facts = found[0].shown | {"state": charge.state, "evidence": proof}
        if charge.state is State.REVERSAL_DUE:
            facts["by"] = charge.reversal_since + self.config.reversal.overdue_s
        return Reply(said=verdict, facts=facts)

    # Settlement

    @_do.register
    async def _(self, request: Difference, who: str) -> Reply:
        if request.kind not in REASONS:
            message = f"kind: one of {', '.join(REASONS)}"
            raise DeskError(message)
        hosts = {each.name for each in self.config.host}
        if request.host not in hosts or not _KEY.fullmatch(request.key):
            message = "host: one of the configuration; key: names and short numbers"
            raise DeskError(message)
        if await self._offload(self._is_known, Entry.DIFFERENCE, request.key):
            return Reply(said="known", facts={"key": request.key})
        now, action = self.clock.now(), _ASK_HOST
        reason = REASONS[request.kind]
        if request.charge and reason is not None:
            charge = await self._charge(request.charge)
            if charge is None:
                return Reply(status=_UNKNOWN, said="no such charge")
            opened = self._switch.docket.question(charge, reason, now)
            action = "case opened" if opened else action
        self._switch.docket.note(
            Entry.DIFFERENCE,
            now,
            charge=request.charge,
            key=request.key,
            who=who,
            said={
                "kind": request.kind,
                "host": request.host,
                "ours": request.ours,
                "theirs": request.theirs,
                "action": action,
                "open": int(action == _ASK_HOST),
            },
        )
        self._switch.docket.counts["difference", request.kind] += 1
        await self._floor.settle()
        return Reply(said=action, facts={"key": request.key})

    @_do.register
    async def _(self, request: SettleDifference, who: str) -> Reply:
        if not await self._offload(self._is_known, Entry.DIFFERENCE, request.key):
            return Reply(status=_UNKNOWN, said="no such difference")
        if not who:
            return Reply(status=_STATUS[Answer.NO_NAME], said="say who you are")
        now = self.clock.now()
        self._switch.docket.note(Entry.DIFFERENCE_SETTLED, now, key=request.key, who=who)
        await self._floor.settle()
        return Reply(said="settled", facts={"key": request.key})

    def _is_known(self, kind: Entry, key: str) -> bool:
        with DeskReader(self.config) as reader:
            return reader.knows(kind, key)

    # Limits

    @_do.register
    async def _(self, request: ChangeLimits, who: str) -> Reply:
        answer = self._switch.limit_changes.propose(request.limits, who, self.clock.now())
        return await self._limits_answered(answer)

    @_do.register
    async def _(self, request: ConfirmLimits, who: str) -> Reply:
        del request
        answer = self._switch.limit_changes.confirm(who, self.clock.now())
        return await self._limits_answered(answer)

    @_do.register
    async def _(self, request: WithdrawLimits, who: str) -> Reply:
        del request
        answer = self._switch.limit_changes.withdraw(who, self.clock.now())
        return await self._limits_answered(answer)

    async def _limits_answered(self, answer: Answer) -> Reply:
        await self._floor.settle()
        return Reply(status=_STATUS[answer], said=answer)

    # The registry

    @_do.register(PutMerchant)
    @_do.register(PutTerminal)
    @_do.register(ChangeEntry)
    @_do.register(LoadEntries)
    async def _(self, request: RegistryRequest, who: str) -> Reply:
        now = self.clock.now()
        reply = carry_out(self._switch.life.registry, request, who, now)
        await self._floor.settle()
        return reply

    # Accounts

    @_do.register
    async def _(self, request: Account, who: str) -> Reply:
        return await accounts.ask(request, who, self._switch, self._floor, self)

    # Settlement

    @_do.register
    async def _(self, request: RunSettlement, who: str) -> Reply:
        return await self.payouts.run(request, who, self.clock.now())

    @_do.register
    async def _(self, request: CompareCards, who: str) -> Reply:
        return await self.payouts.compare(request, who, self.clock.now())

    # Test charges

    @_do.register
    async def _(self, request: FlyCanary, who: str) -> Reply:
        del who
        if self.canary is None:
            message = "canary: only a running gateway sends test charges"
            raise DeskError(message)
        results = await self.canary.fly(request.host)
        if not results:
            return Reply(status=_UNKNOWN, said="no card for that: canary.card_files")
        failed = [host for host, why in results.items() if why]
        said = f"failed: {', '.join(failed)}" if failed else "ok"
        return Reply(status=_NOT_NOW if failed else 200, said=said, facts=dict(results))
