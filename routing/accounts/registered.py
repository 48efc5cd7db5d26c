"""What account services have to do with the registry: states of merchants and terminals, serials.

Where nobody is registered everybody is known; the bars of `gate` hold all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from routing.accounts.refusals import Language
from routing.accounts.settlement_cards import MAIN
from routing.entries import Account, MerchantEntry, MerchantState, TerminalEntry, TerminalState

if TYPE_CHECKING:
    from routing.accounts.settlement_cards import CardVersion
    from routing.clock import Now
    from routing.lifecycle import Lifecycle

_TERMINAL_STATES = {
    "DRAINING": TerminalState.CLOSING,
    "CLOSING": TerminalState.CLOSING,
    "CANCELLED": TerminalState.RETIRED,
    "RESTORED": TerminalState.ACTIVE,
    **{each.value: each for each in TerminalState},
}
_MERCHANT_STATES = {
    "CLOSING": MerchantState.CLOSING,
    "CANCELLED": MerchantState.CLOSED,
    "ACTIVE": MerchantState.ACTIVE,
}


class Keys(Protocol):
    """What account services have to do with keys; `routing.revocation` does it."""

    def revoke(
        self, subject: tuple[str, str], who: str, now: Now, *, master: bool, at_once: bool
    ) -> tuple[str, ...]:
        """Revoke a terminal's working keys, `at_once` or after its last words, and, with `master`,
        its TMK; says what there was.
        """
        ...

    def tick(self, now: Now) -> None:
        """Revoke those whose time for last words is over."""
        ...

    def has_master(self, subject: tuple[str, str]) -> bool:
        """Whether a terminal could sign in with a TMK that is here."""
        ...


class Registered:
    """The registry, as account services need it."""

    def __init__(self, life: Lifecycle) -> None:
        self._registry = life.registry
        self._keys_are_given = any(each.keys == "working" for each in life.settings.listeners)
        self.keys: Keys | None = None
        """Where working keys and TMKs are."""
        self.revoked = 0

    def knows(self, merchant: str, terminal: str) -> bool:
        """Whether there is such a merchant and, if one is named, such a terminal."""
        if not len(self._registry):
            return bool(merchant)
        if self._registry.merchant(merchant) is None:
            return False
        return not terminal or self._registry.terminal(merchant, terminal) is not None

    def terminals(self, merchant: str) -> list[str]:
        """A merchant's terminals."""
        return [each.id for each in self._registry.terminals(merchant)]

    def language(self, merchant: str, terminal: str) -> Language:
        """In what a terminal is told something."""
        return Language(self._registry.language_of(merchant, terminal))

    def terminal_is(
        self, subject: tuple[str, str], state: str, why: str, who: str, now: Now
    ) -> None:
        """A terminal's state is another from now on."""
        entry = self._registry.terminal(*subject)
        known = _TERMINAL_STATES.get(state)
        if entry is not None and known is not None:
            out = "" if known is TerminalState.ACTIVE else why
            changed = msgspec.structs.replace(entry, state=known, why=out)
            self._registry.put(changed, None, who, now)

    def merchant_is(self, merchant: str, state: str, who: str, now: Now) -> None:
        """A merchant's state is another from now on."""
        entry, known = self._registry.merchant(merchant), _MERCHANT_STATES.get(state)
        if entry is not None and known is not None:
            self._registry.put(msgspec.structs.replace(entry, state=known), None, who, now)

    def is_active(self, merchant: str, terminal: str) -> bool:
        """Whether they take part already."""
        if not terminal:
            owner = self._registry.merchant(merchant)
            return owner is not None and owner.state is MerchantState.ACTIVE
        entry = self._registry.terminal(merchant, terminal)
        return entry is not None and entry.state is TerminalState.ACTIVE

    def is_free(self, merchant: str, terminal: str, serial: str) -> bool:
        """Whether no other terminal has a device with this number."""
        here = f"{merchant}|{terminal}"
        return not any(
            each.serial == serial and each.till != here for each in self._registry.terminals()
        )

    def settles_to(self, merchant: str, card: CardVersion, who: str, now: Now) -> None:
        """A merchant's money goes to another card from now on."""
        entry = self._registry.merchant(merchant)
        if entry is None:
            return
        known = next((each for each in entry.accounts if each.id == MAIN), Account(id=MAIN))
        others = tuple(each for each in entry.accounts if each.id != MAIN)
        account = msgspec.structs.replace(
            known,
            bank=card.bank,
            kind="corporate" if card.kind == "corporate" else "debit",
            holder=card.holder,
            token=card.token,
            masked=card.masked,
        )
        changed = msgspec.structs.replace(entry, accounts=(account, *others))
        self._registry.put(changed, None, who, now)

    def replace(self, subject: tuple[str, str], serial: str, who: str, now: Now) -> None:
        """Another device under the same number."""
        entry = self._registry.terminal(*subject)
        if entry is not None:
            changed = msgspec.structs.replace(entry, serial=serial)
            self._registry.put(changed, None, who, now)

    def enter_merchant(self, merchant: str, name: str, who: str, now: Now) -> None:
        """A merchant is registered, or again."""
        known = self._registry.merchant(merchant) or MerchantEntry(id=merchant)
        entry = msgspec.structs.replace(known, name=name, state=MerchantState.ACTIVE)
        self._registry.put(entry, None, who, now)

    def enter_terminal(self, subject: tuple[str, str], serial: str, who: str, now: Now) -> None:
        """A terminal is registered, or again; its first sign-in puts it into use."""
        if self._registry.merchant(subject[0]) is None:
            return
        new = TerminalEntry(merchant=subject[0], id=subject[1])
        known = self._registry.terminal(*subject) or new
        state = TerminalState.REGISTERED
        entry = msgspec.structs.replace(known, serial=serial, state=state, why="")
        self._registry.put(entry, None, who, now)

    def revoke_keys(
        self, subject: tuple[str, str], who: str, now: Now, *, master: bool, at_once: bool
    ) -> tuple[str, ...]:
        """What keys a terminal has are of no use for new business: it must sign in anew and, with
        `master`, needs another TMK first.  `at_once`: nor for last words.  Says what was revoked.
        """
        self.revoked += 1
        if self.keys is None:
            return ()
        return self.keys.revoke(subject, who, now, master=master, at_once=at_once)

    def tick(self, now: Now) -> None:
        """Time passes."""
        if self.keys is not None:
            self.keys.tick(now)

    def lacks_master(self, subject: tuple[str, str]) -> bool:
        """Whether a terminal can't sign in before a TMK of its is loaded, where such are used."""
        if self.keys is None or not self._keys_are_given:
            return False
        return not self.keys.has_master(subject)
