"""What must outlive this process beside charges: records by key, and the audit log.

Rule 1.  Whoever decides something that a next life must know keeps it here, in the turn in which it
         was decided: it is durable before anything that rests on it leaves.
Rule 2.  Each key counts its versions, without a gap; the journal refuses another writer's.
Rule 3.  What changes who may do what (registry, keys, rules, grants) and what looks like an attack
         is audited in the same turn.  An audit record is never changed and never removed.

What is kept and what is said holds no card data, and keys only wrapped.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from routing.effects import Audited, Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from routing.clock import Now
    from routing.lifecycle import Lifecycle


class KeptKind(StrEnum):
    """The kinds of what is kept; keys are unique within one."""

    MERCHANT = "merchant"
    TERMINAL = "terminal"
    SIGN_STATE = "sign state"
    WRAPPED_KEY = "wrapped key"
    REVOKED_KEY = "revoked key"
    KEY_CEREMONY = "key ceremony"
    ACCOUNT_REQUEST = "account request"
    ACCOUNT_FILE = "account file"
    SETTLED_BATCH = "settled batch"
    TERMINAL_HEALTH = "terminal health"
    GRANT = "grant"
    RULE_SET = "rule set"
    COLLECTING = "collecting"
    """Accounts that a merchant has beside its main one, and its rules for them."""
    SETTLEMENT_CARD = "settlement card"
    SETTLEMENT_DAY = "settlement day"


class AuditKind(StrEnum):
    """What the audit log tells of."""

    REGISTRY_LOADED = "registry loaded"
    MERCHANT_CHANGED = "merchant changed"
    TERMINAL_CHANGED = "terminal changed"
    TERMINAL_FOUND = "found on a terminal"
    KEYS_ISSUED = "working keys issued"
    KEYS_REVOKED = "working keys revoked"
    TERMINAL_ASKED = "terminal asked for something"
    ACCOUNT_STEP = "account step"
    ACCOUNT_DENIED = "account request denied"
    ACCOUNT_FILE = "account file changed"
    COLLECTING = "collecting accounts changed"
    ACCOUNT_FALLBACK = "main account instead"
    BATCH_BY_ACCOUNT = "batch by account"
    ANOMALY = "anomaly"
    CARD_OPENED = "card opened"
    CARD_SYNC = "card synchronisation"
    SETTLEMENT_RUN = "settlement run"
    GRANT = "grant"
    KEY_HUNG = "key hung"
    KEY_REWRAPPED = "key rewrapped"
    KEY_TAKEN_OFF = "key taken off"
    KEY_REVOKED = "key revoked"
    KEY_COMPONENT = "key component"
    KEY_COMPONENT_REFUSED = "key component refused"
    KEY_CEREMONY_OVER = "key ceremony over"
    KEY_EXCHANGE_FAILED = "key exchange failed"
    HOST_BLOCKED = "host blocked"
    CONFIGURATION_RELOADED = "configuration reloaded"


class Keeper:
    """Counts the versions of what is kept and writes the records; `outbox` carries them out."""

    def __init__(self, life: Lifecycle) -> None:
        self._life = life
        self._versions: dict[tuple[KeptKind, str], int] = {}
        self._left: dict[KeptKind, list[Kept]] = {}
        self._counts: Counter[KeptKind] = Counter()
        self.audited: Counter[AuditKind] = Counter()
        """Audit records of this life."""
        self.watchers: list[Callable[[Audited], None]] = []
        """Told of every audit record, once it is written."""

    def restore(self, kept: Iterable[Kept]) -> None:
        """Take over what earlier lives kept; each owner then asks for its kinds with `left`."""
        for each in kept:
            kind = KeptKind(each.kind)
            self._versions[kind, each.key] = each.version
            self._counts[kind] += 1
            self._left.setdefault(kind, []).append(each)

    def left(self, kind: KeptKind) -> list[Kept]:
        """What earlier lives left of one kind, by key; told once, then it is the owner's."""
        return self._left.pop(kind, [])

    def version(self, kind: KeptKind, key: str) -> int:
        """The version of a key that is (about to be) kept; 0: nothing is."""
        return self._versions.get((kind, key), 0)

    def count(self, kind: KeptKind) -> int:
        """How many keys of a kind are kept."""
        return self._counts[kind]

    def keep(self, kind: KeptKind, key: str, data: Mapping[str, Any], now: Now) -> int:
        """Write a key's data as its next version, which is returned."""
        version = self.version(kind, key) + 1
        self._versions[kind, key] = version
        self._counts[kind] += version == 1
        self._write(Kept(self._life.epoch, now.wall, kind, key, version, dict(data)))
        return version

    def drop(self, kind: KeptKind, key: str, now: Now) -> None:
        """Remove a key, if it is kept; should it come back, it begins at version 1."""
        version = self._versions.pop((kind, key), 0)
        if version:
            self._counts[kind] -= 1
            self._write(Kept(self._life.epoch, now.wall, kind, key, version + 1, None))

    def audit(
        self,
        kind: AuditKind,
        subject: str,
        now: Now,
        *,
        who: str = "",
        said: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down that something happened to `subject`, by whom ('': the gateway itself)."""
        self.audited[kind] += 1
        record = Audited(self._life.epoch, now.wall, kind, subject, who, dict(said or {}))
        self._write(record)
        for watcher in self.watchers:
            watcher(record)

    def _write(self, record: Kept | Audited) -> None:
        self._life.outbox.records.append(record)
