"""The accounts that merchants have beside their main one, and which of them a charge goes to.

What is decided here is fixed at the charge (`Charge.account`); its reversal, void, refund and
settlement follow that.  The rules stand in `plan`; how an account comes to be in `second`.  A
merchant without such an account is not looked up where nobody has one, else it costs one look.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from routing import response_codes as rc
from routing.accounts.plan import MAIN, Asked, Collects, Plan, channel_of
from routing.cards import Cards
from routing.conventions.base import pan_of
from routing.entries import NO_LIMITS, EntryLimits
from routing.keeper import AuditKind, KeptKind
from routing.limits import Limits, LimitSettings, OwnLimits, Sale
from routing.states import State
from routing.watchers import MOVED_ON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from codec import Message
    from routing.accounts.bins import BinTable
    from routing.charge import Charge
    from routing.clock import Now
    from routing.conventions import Convention
    from routing.lifecycle import Lifecycle

_BEGAN_STANDING: Final = frozenset({State.APPROVED, State.PRESUMED_SERVED, State.DELIVERED})
_CAME_TO_NOTHING: Final = frozenset(
    {State.DECLINED, State.NEVER_LEFT, State.REVERSED, State.NOTHING_TO_REVERSE, State.VOIDED}
)
_STANDS: Final = frozenset({State.PRESUMED_SERVED, State.SERVED})
_DAY_S: Final = 86_400.0
OTHER_ACCOUNT: Final = "other"
"""In a metric's label: any account but the main one."""


class Choice(NamedTuple):
    """Where a charge goes; '' for the main account."""

    account: str = ""
    channel: str = ""
    number: str = ""
    """DE 42 towards the host, where it is not the terminal's."""
    host: str = ""
    code: str = ""
    """DE 39, if it may not be."""
    instead_of: str = ""
    """The account that it should have gone to, where the merchant allows the main one instead."""


MAIN_ACCOUNT: Final = Choice()


class Held(msgspec.Struct, kw_only=True):
    """What one merchant has: kept whole at each change."""

    accounts: dict[str, Collects] = {}
    plan: Plan = Plan()


def _no_test(merchant: str, account: str, amount: int) -> Collects | None:
    del merchant, account, amount
    return None


def _not_applied(merchant: str, account: str) -> bool:
    del merchant, account
    return False


def _nobody_waits(charge: Charge, now: Now) -> None:
    del charge, now


class Collecting(OwnLimits):
    """Every merchant's, and what was collected in this life."""

    def __init__(self, life: Lifecycle, bins: BinTable) -> None:
        super().__init__()
        self.any_limits = True  # asked only for charges that go to an account of their own
        self._life, self._bins = life, bins
        self._held: dict[str, Held] = {}
        self._limits = Limits(LimitSettings(), Cards(life.settings.card_key), self)
        self._watches = False
        if life.settings.accounts.people:
            life.gate.collecting = self
        self.lets_test: Callable[[str, str, int], Collects | None] = _no_test
        """The account of a merchant that this sale tests, if it is such a test."""
        self.applied: Callable[[str, str], bool] = _not_applied
        """Whether a merchant has applied for an account."""
        self.tested: Callable[[Charge, Now], None] = _nobody_waits
        """Told of each charge of another account that moved."""
        self.volume: Counter[tuple[str, str]] = Counter()
        """Money that came to stand in this life, by channel and account."""
        self.fell_back = 0

    @property
    def any(self) -> bool:
        """Whether somebody has another account."""
        return bool(self._held)

    # What is held

    def restore(self) -> None:
        """What earlier lives kept; what was charged today counts."""
        for each in self._life.keeper.left(KeptKind.COLLECTING):
            self._held[each.key] = msgspec.convert(each.data, Held)
        if self._held:
            self.watch()
        newest = next(iter(self._life.book.newest()), None)
        for charge in self._life.book.newest():
            if newest is None or charge.opened_at // _DAY_S != newest.opened_at // _DAY_S:
                break
            if charge.account and charge.state not in _CAME_TO_NOTHING:
                self._limits.add(_sale_of(charge), newest.opened_at)

    def of(self, merchant: str) -> Held:
        """What a merchant has; nothing, if it never opened an account."""
        return self._held.get(merchant) or Held()

    def all(self) -> Iterator[tuple[str, Collects]]:
        """Every account of every merchant."""
        for merchant, held in self._held.items():
            for account in held.accounts.values():
                yield merchant, account

    def is_open(self, merchant: str, account: str) -> bool:
        """Whether it collects."""
        known = self.of(merchant).accounts.get(account)
        return known is not None and not known.closed

    def put(self, merchant: str, account: Collects, who: str, now: Now) -> None:
        """An account is opened, or closed: nothing new goes to it, what went there follows it."""
        held = self.of(merchant)
        held.accounts = held.accounts | {account.id: account}
        what = "closed" if account.closed else "opened"
        self._keep(merchant, held, who, {what: account.id, "number": account.number}, now)

    def change(self, merchant: str, plan: Plan, who: str, now: Now) -> None:
        """Other rules for charges from now on."""
        held = self.of(merchant)
        held.plan = plan
        said: dict[str, Any] = {"rules": len(plan.rules), "fallback": plan.fallback}
        self._keep(merchant, held, who, said, now)

    def _keep(self, merchant: str, held: Held, who: str, said: dict[str, Any], now: Now) -> None:
        self._held[merchant] = held
        keeper = self._life.keeper
        keeper.keep(KeptKind.COLLECTING, merchant, msgspec.to_builtins(held), now)
        keeper.audit(AuditKind.COLLECTING, merchant, now, who=who, said=said)
        self.watch()

    def watch(self) -> None:
        """Charges are watched from when there is something to see, and no earlier."""
        if not self._watches:
            self._watches = True
            self._life.gate.collecting = self
            watchers = self._life.watchers
            watchers.add(self._stands, before=(State.SENT,), after=_BEGAN_STANDING)
            watchers.add(self._moved, after=MOVED_ON)

    # A charge comes

    def choice(self, message: Message, convention: Convention, now: Now) -> Choice:
        """Where a charge goes, or why it may not."""
        merchant, named = message[42].rstrip(), convention.account_named(message)
        held = self._held.get(merchant)
        if held is None and not named:
            return MAIN_ACCOUNT
        held = held or Held()
        asked = self._asked_of(message, convention)
        wanted = named or held.plan.chosen(asked)
        if not wanted:
            return Choice("", asked.channel)
        tested = self.lets_test(merchant, wanted, asked.amount)
        if tested is not None:
            return Choice(wanted, asked.channel, tested.number, tested.host)
        account = held.accounts.get(wanted)
        code = self._refusal(merchant, account, wanted, message, convention, now)
        if not code and account is not None:
            return Choice(wanted, asked.channel, account.number, account.host)
        if held.plan.fallback:
            return Choice("", asked.channel, instead_of=wanted)
        return Choice(wanted, asked.channel, code=code)

    def meant(self, message: Message, convention: Convention) -> str:
        """The account that a charge names, or that the rules choose; '' for the main one."""
        plan = self.of(message.get(42, "").rstrip()).plan
        named = convention.account_named(message)
        if named or not plan.rules or not message.has(4):
            return named
        return plan.chosen(self._asked_of(message, convention))

    def _asked_of(self, message: Message, convention: Convention) -> Asked:
        """What the rules look at."""
        registered = self._life.registry.merchant(message[42])
        known = self._bins.find(pan_of(message))
        return Asked(
            message[41].rstrip(),
            int(convention.amount_of(message)),
            channel_of(message.get(22) or ""),
            known.kind if known is not None else "",
            message.get(18) or (registered.mcc if registered is not None else ""),
        )

    def _refusal(
        self,
        merchant: str,
        account: Collects | None,
        wanted: str,
        message: Message,
        convention: Convention,
        now: Now,
    ) -> str:
        """DE 39 while an account takes nothing, or not this; '' if it may."""
        if account is None or account.closed:
            applied = account is None and self.applied(merchant, wanted)
            return rc.TERMINAL_BARRED if applied else rc.INVALID_MERCHANT
        if wanted not in self.of(merchant).plan.limits:
            return ""
        currency = convention.currency_of(message)
        amount = int(convention.amount_of(message))
        till = f"{merchant}|{wanted}"
        return self._limits.refusal(Sale(till, "", amount, currency, now.wall), now.wall) or ""

    def named(self, message: Message, convention: Convention) -> Choice:
        """The account that a refund names whose sale nobody here knows; closed ones, too."""
        account = self.of(message[42].rstrip()).accounts.get(convention.account_named(message))
        if account is None:
            return MAIN_ACCOUNT
        channel = channel_of(message.get(22) or "")
        return Choice(account.id, channel, account.number, account.host)

    def opened(self, charge: Charge, choice: Choice, now: Now) -> None:
        """A charge was opened that is looked at here."""
        if choice.instead_of:
            self.fell_back += 1
            said = {"charge": charge.id, "instead of": choice.instead_of}
            audit = self._life.keeper.audit
            audit(AuditKind.ACCOUNT_FALLBACK, charge.till, now, said=said)
        if charge.account and not charge.undoes:
            self._limits.add(_sale_of(charge), now.wall)

    def limits_of(self, merchant: str, account: str) -> tuple[EntryLimits, EntryLimits]:
        """Those of an account, where `limits` looks for a terminal's."""
        return NO_LIMITS, self.of(merchant).plan.limits.get(account, NO_LIMITS)

    def _stands(self, charge: Charge, before: State, event: object, now: Now) -> None:
        del before, event, now
        if charge.channel and not charge.undoes:
            account = OTHER_ACCOUNT if charge.account else MAIN
            self.volume[charge.channel, account] += charge.money

    def _moved(self, charge: Charge, before: State, event: object, now: Now) -> None:
        del event
        if not charge.account or charge.undoes:
            return
        if charge.state in _CAME_TO_NOTHING and before not in _CAME_TO_NOTHING:
            self._limits.give_back(_sale_of(charge), now.wall)
        self.tested(charge, now)

    # A batch is settled

    def settled(self, merchant: str, terminal: str, charges: Iterable[Charge], now: Now) -> None:
        """What a batch that was settled brought to each account: its parts are its total."""
        if merchant.rstrip() not in self._held:
            return
        parts: Counter[str] = Counter()
        for charge in charges:
            if charge.state in _STANDS:
                sign = -1 if charge.undoes else 1
                parts[charge.account or MAIN] += sign * charge.money
        said: dict[str, Any] = {"total": sum(parts.values()), **dict(sorted(parts.items()))}
        subject = f"{merchant.rstrip()}|{terminal.rstrip()}"
        self._life.keeper.audit(AuditKind.BATCH_BY_ACCOUNT, subject, now, said=said)


def _sale_of(charge: Charge) -> Sale:
    """What an account's limits look at: the account stands where a terminal would."""
    till = f"{charge.merchant.rstrip()}|{charge.account}"
    return Sale(till, "", charge.amount, charge.currency, charge.opened_at)
