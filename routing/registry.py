"""Who takes part: merchants and their terminals, looked up for each message, changed by version.

Rule 1.  An entry is changed as a whole, by whoever knows its version; a stale one is refused.
Rule 2.  A change is kept and audited in the turn in which it is made, and holds from then on.
Rule 3.  Nothing is ever taken out: a merchant is CLOSED, a terminal RETIRED, and stays.
Rule 4.  Who may not sell is told 03 (merchant unknown, or closed), 97 (terminal unknown, or another
         merchant's) or 58 (not in service).  Unknown ones are refused only where the registry is
         `required`.  What gives money back or settles is refused to nobody.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from routing.entries import (
    NO_LIMITS,
    SELLING,
    SIGNING_IN,
    EntryLimits,
    MerchantEntry,
    MerchantState,
    TerminalEntry,
    TerminalState,
)
from routing.keeper import AuditKind, KeptKind
from routing.limits import OwnLimits
from routing.response_codes import NO_MERCHANT, NOT_IN_SERVICE, NOT_REGISTERED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from routing.clock import Now
    from routing.keeper import Keeper
    from routing.service import Proof

AnyEntry: TypeAlias = MerchantEntry | TerminalEntry
_SHOWN: Final = frozenset({"state", "why", "software", "serial", "proof", "window_s"})
"""Fields whose new value the audit log tells; of others it tells that they changed."""


class RegistrySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether who is not registered may take part."""

    required: bool = False
    """Unknown merchants are answered 03, unknown terminals 97."""
    entries_max: int = 1_000_000
    """Merchants and terminals; a load or change that would make more is refused."""


class StaleError(Exception):
    """Somebody changed the entry meanwhile: look at it again."""

    def __init__(self, what: str, version: int) -> None:
        super().__init__(f"{what}: its version is {version}")
        self.version = version


class BadEntryError(Exception):
    """An entry that can't be taken; the message names what is wrong with which."""


class Registry(OwnLimits):
    """The entries, by merchant and by merchant and terminal."""

    def __init__(self, settings: RegistrySettings, keeper: Keeper) -> None:
        super().__init__()
        self._settings = settings
        self._keeper = keeper
        self._merchants: dict[str, MerchantEntry] = {}
        self._terminals: dict[tuple[str, str], TerminalEntry] = {}
        self._terminals_of: dict[str, list[str]] = {}
        self._owners_of: dict[str, set[str]] = {}
        self.required = settings.required
        self.refuses_some = settings.required
        """Whether anybody may be refused at all."""
        self.refused: Counter[str] = Counter()
        """Requests that were refused here, by DE 39."""
        self.watchers: list[Callable[[AnyEntry, Now], None]] = []
        """Told of every entry that changed, once the change holds."""
        self._states: Counter[tuple[KeptKind, str]] = Counter()
        self.stale = 0
        """Changes that were refused, because their author had not seen the newest version."""

    def restore(self) -> None:
        """Take over what earlier lives kept."""
        for each in self._keeper.left(KeptKind.MERCHANT):
            self._hold(msgspec.convert(each.data, MerchantEntry))
        for each in self._keeper.left(KeptKind.TERMINAL):
            self._hold(msgspec.convert(each.data, TerminalEntry))

    # Looking up

    def __len__(self) -> int:
        return len(self._merchants) + len(self._terminals)

    def merchant(self, merchant: str) -> MerchantEntry | None:
        """The merchant with this DE 42."""
        return self._merchants.get(merchant.rstrip())

    def terminal(self, merchant: str, terminal: str) -> TerminalEntry | None:
        """The terminal of this merchant with this DE 41."""
        return self._terminals.get((merchant.rstrip(), terminal.rstrip()))

    def others_have(self, merchant: str, terminal: str) -> bool:
        """Whether a terminal with this DE 41 is another merchant's."""
        return bool(self._owners_of.get(terminal.rstrip(), set()) - {merchant.rstrip()})

    def merchants(self) -> list[MerchantEntry]:
        """All of them, by id."""
        return [self._merchants[key] for key in sorted(self._merchants)]

    def terminals(self, merchant: str | None = None) -> list[TerminalEntry]:
        """All terminals, or a merchant's, by merchant and id."""
        if merchant is not None:
            ids = sorted(self._terminals_of.get(merchant, ()))
            return [self._terminals[merchant, each] for each in ids]
        return [self._terminals[key] for key in sorted(self._terminals)]

    def states_of(self, kind: KeptKind) -> dict[str, int]:
        """How many merchants or terminals are in which state."""
        return {state: n for (known, state), n in self._states.items() if known is kind}

    def version(self, entry: AnyEntry) -> int:
        """The version in force of the entry with this entry's name; 0: there is none."""
        return self._keeper.version(*_name(entry))

    def refusal(self, merchant: str, terminal: str) -> str:
        """DE 39 for a terminal that wants to move money or ask for a balance; '' if it may."""
        code = self._refusal(merchant, terminal, SELLING)
        if code:
            self.refused[code] += 1
        return code

    def refusal_of_sign_in(self, merchant: str, terminal: str) -> str:
        """DE 39 for a terminal that signs in; '' if it may.  A sign-off is refused to nobody."""
        return self._refusal(merchant, terminal, SIGNING_IN)

    def _refusal(self, merchant: str, terminal: str, good: frozenset[TerminalState]) -> str:
        if not self.refuses_some:
            return ""
        owner, till = self.merchant(merchant), self.terminal(merchant, terminal)
        if owner is None:
            return NO_MERCHANT if self.required else ""
        if owner.state is not MerchantState.ACTIVE:
            return NO_MERCHANT
        if till is None:
            return NOT_REGISTERED if self.required else ""
        return "" if till.state in good else NOT_IN_SERVICE

    def class_of(self, merchant: str, terminal: str) -> tuple[Proof, float] | None:
        """What proves this terminal's service and within how many seconds, where an entry says."""
        if not self._merchants:
            return None
        for entry in (self.terminal(merchant, terminal), self.merchant(merchant)):
            if entry is not None and entry.proof is not None:
                return entry.proof, entry.window_s
        return None

    def limits_of(self, merchant: str, terminal: str) -> tuple[EntryLimits, EntryLimits]:
        """The limits that a merchant and a terminal have of their own."""
        owner, till = self.merchant(merchant), self.terminal(merchant, terminal)
        return (owner.limits if owner else NO_LIMITS), (till.limits if till else NO_LIMITS)

    def language_of(self, merchant: str, terminal: str) -> str:
        """`en` or `zh`: of texts to this terminal."""
        till, owner = self.terminal(merchant, terminal), self.merchant(merchant)
        return (till.language if till else "") or (owner.language if owner else "en")

    # Changing

    def put(
        self,
        entry: AnyEntry,
        version: int | None,
        who: str,
        now: Now,
        why: str = "",
    ) -> int:
        """Have `entry` in place of the version that its author knows (0: there is none; None:
        whatever there is).  Returns the version in force.  Raises StaleError or BadEntryError.
        """
        check_all([entry], [])
        if version is not None and version != self.version(entry):
            self.stale += 1
            raise StaleError(_said(entry), self.version(entry))
        if isinstance(entry, TerminalEntry) and entry.merchant not in self._merchants:
            message = f"{_said(entry)}: its merchant is not registered"
            raise BadEntryError(message)
        if not self.version(entry) and len(self) >= self._settings.entries_max:
            message = f"registry.entries_max = {self._settings.entries_max}: there are so many"
            raise BadEntryError(message)
        return self._put(entry, who, now, why)

    def load(
        self,
        merchants: Iterable[MerchantEntry],
        terminals: Iterable[TerminalEntry],
        who: str,
        now: Now,
    ) -> int:
        """Have all these entries in force, or none; others stay.  Returns how many changed.

        Raises BadEntryError.
        """
        merchants, terminals = list(merchants), list(terminals)
        entries = check_all(merchants, terminals)
        owners = {each.id for each in merchants} | self._merchants.keys()
        for terminal in terminals:
            if terminal.merchant not in owners:
                message = f"{_said(terminal)}: its merchant is not registered"
                raise BadEntryError(message)
        added = sum(not self.version(entry) for entry in entries)
        if len(self) + added > self._settings.entries_max:
            message = f"registry.entries_max = {self._settings.entries_max}: these are more"
            raise BadEntryError(message)
        before = [self.version(entry) for entry in entries]
        after = [self._put(entry, who, now) for entry in entries]
        changed = sum(old != new for old, new in zip(before, after, strict=True))
        said = {"merchants": len(merchants), "terminals": len(terminals), "changed": changed}
        self._keeper.audit(AuditKind.REGISTRY_LOADED, "registry", now, who=who, said=said)
        return changed

    def _put(self, entry: AnyEntry, who: str, now: Now, why: str = "") -> int:
        held = self._held(entry)
        if held == entry:
            return self.version(entry)
        kind, key = _name(entry)
        version = self._keeper.keep(kind, key, msgspec.to_builtins(entry), now)
        audited = _AUDITED[kind]
        said = _changes(held, entry) | {"version": version} | ({"because": why} if why else {})
        self._keeper.audit(audited, key, now, who=who, said=said)
        self._hold(entry)
        for watcher in self.watchers:
            watcher(entry, now)
        return version

    def _held(self, entry: AnyEntry) -> AnyEntry | None:
        if isinstance(entry, MerchantEntry):
            return self._merchants.get(entry.id)
        return self._terminals.get((entry.merchant, entry.id))

    def _hold(self, entry: AnyEntry) -> None:
        held, kind = self._held(entry), _name(entry)[0]
        if held is not None:
            self._states[kind, held.state] -= 1
        self._states[kind, entry.state] += 1
        self.any_limits = self.any_limits or bool(entry.limits)
        if isinstance(entry, MerchantEntry):
            self._merchants[entry.id] = entry
            self.refuses_some = True
            return
        if (entry.merchant, entry.id) not in self._terminals:
            self._terminals_of.setdefault(entry.merchant, []).append(entry.id)
            self._owners_of.setdefault(entry.id, set()).add(entry.merchant)
        self._terminals[entry.merchant, entry.id] = entry


def check_all(merchants: Iterable[AnyEntry], terminals: Iterable[AnyEntry]) -> list[AnyEntry]:
    """All of them, merchants first, if each is good by itself and none stands there twice.

    Raises BadEntryError.
    """
    entries: list[AnyEntry] = [*merchants, *terminals]
    seen = set()
    for entry in entries:
        problem = next(entry.problems(), None)
        if _name(entry) in seen:
            problem = "it stands there twice"
        if problem is not None:
            message = f"{_said(entry)}: {problem}"
            raise BadEntryError(message)
        seen.add(_name(entry))
    return entries


_AUDITED: Final = {
    KeptKind.MERCHANT: AuditKind.MERCHANT_CHANGED,
    KeptKind.TERMINAL: AuditKind.TERMINAL_CHANGED,
}


def _name(entry: AnyEntry) -> tuple[KeptKind, str]:
    if isinstance(entry, MerchantEntry):
        return KeptKind.MERCHANT, entry.id
    return KeptKind.TERMINAL, entry.till


def _said(entry: AnyEntry) -> str:
    kind, key = _name(entry)
    return f"{kind} {key}"


def _changes(held: AnyEntry | None, entry: AnyEntry) -> dict[str, str]:
    """What an audit record says of a change: which fields, and the telling ones' values."""
    changed = {}
    for name in entry.__struct_fields__:
        before, after = getattr(held, name, None), getattr(entry, name)
        if held is None or before != after:
            changed[name] = str(after) if name in _SHOWN else "changed"
    return changed if held is not None else {"new": "yes", "state": str(entry.state)}
