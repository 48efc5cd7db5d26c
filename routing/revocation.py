"""Revoking a terminal's keys: working keys always, the TMK where the device is not to be trusted.

All of it is written in the turn of the step that wants it: a process that ends has revoked them
all, with the step, or none.  Whoever holds keys in memory is told once that is durable.

Rule 1.  Working keys stay good for last words: a reversal, a confirmation or a settlement that the
         terminal still owes may come late, and must not be stranded.  They are revoked when that
         time is over, or at once where the device is not to be trusted; a sign-in gets new ones.
Rule 2.  A TMK is taken off the ring in every cipher, and never hung there again: no further keys.
         One whose name other terminals share stays theirs: this terminal's entry loses the name, so
         that it needs one of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from routing.effects import ForgetKeys
from routing.key_ring import KeyPlace
from routing.registered import MASTER
from routing.sign_in import SignEvent, Till

if TYPE_CHECKING:
    from routing.clock import Now
    from routing.entries import TerminalEntry
    from routing.key_ring import KeyRing
    from routing.lifecycle import Lifecycle
    from routing.sign_in import Session
    from routing.sign_ins import SignIns

CIPHERS: Final = ("des", "aes", "sm4")
LOOKS_EVERY_S: Final = 60.0
"""How often it is seen whose time for last words is over."""


class Revocation:
    """What account services ask for."""

    def __init__(self, life: Lifecycle, ring: KeyRing, sign_ins: SignIns) -> None:
        self._life, self._ring, self._sign_ins = life, ring, sign_ins
        self._looks_at = 0.0

    def revoke(
        self, subject: tuple[str, str], who: str, now: Now, *, master: bool, at_once: bool
    ) -> tuple[str, ...]:
        """Revoke what a terminal has; says what that was."""
        till, gone = Till.of(*subject), []
        session = self._sign_ins.session(till)
        if session is not None and (session.key or session.new_key):
            if at_once:
                self._forget(session, who, now)
                gone.append("working keys")
            elif not session.ends_at:
                session.ends_at = now.wall + self._life.settings.accounts.last_words_s
                session.track_key = session.new_track_key = ""
                self._sign_ins.keep(session, now)
                gone.append("working keys, but for last words")
        if master and self._revoke_master(till, who, now):
            gone.append("TMK")
        return tuple(gone)

    def _forget(self, session: Session, who: str, now: Now) -> None:
        self._sign_ins.happens(session, SignEvent.KEYS_REVOKED, now)
        self._sign_ins.revoked(session, who, now)
        self._life.outbox.sends.append(ForgetKeys(*session.till))

    def tick(self, now: Now) -> None:
        """Revoke what was good for last words, where the time for them is over."""
        if now.monotonic < self._looks_at:
            return
        self._looks_at = now.monotonic + LOOKS_EVERY_S
        for session in [x for x in self._sign_ins.all() if 0 < x.ends_at <= now.wall]:
            self._forget(session, "", now)

    def has_master(self, subject: tuple[str, str]) -> bool:
        """Whether a terminal could sign in with the TMK that is here."""
        till = Till.of(*subject)
        registered = self._sign_ins.registered
        return any(registered.master_key(till, each) for each in CIPHERS)

    def _revoke_master(self, till: Till, who: str, now: Now) -> bool:
        registry = self._life.registry
        entry = registry.terminal(*till)
        name = entry.key_names.get(MASTER, "") if entry is not None else ""
        if entry is not None and name and self._is_shared(entry, name):
            names = {usage: each for usage, each in entry.key_names.items() if usage != MASTER}
            registry.put(msgspec.structs.replace(entry, key_names=names), None, who, now)
            return True
        places = [KeyPlace(MASTER, name or till.key, cipher) for cipher in CIPHERS]
        return sum(self._ring.revoke(place, now, who) for place in places) > 0

    def _is_shared(self, entry: TerminalEntry, name: str) -> bool:
        return any(
            other.key_names.get(MASTER) == name or other.till == name
            for other in self._life.registry.terminals()
            if other.till != entry.till
        )
