"""Merchants' files: what is known of them, changed by persons, durable and audited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from routing.accounts.dossier import Change, Dossier, Lock
from routing.keeper import AuditKind, KeptKind

if TYPE_CHECKING:
    from routing.clock import Now
    from routing.lifecycle import Lifecycle


class Files:
    """One file for each merchant that has something in it."""

    def __init__(self, life: Lifecycle) -> None:
        self._life = life
        self._files: dict[str, Dossier] = {}

    def restore(self) -> None:
        """What earlier lives kept."""
        for each in self._life.keeper.left(KeptKind.ACCOUNT_FILE):
            if each.data is not None:
                self._files[each.key] = msgspec.convert(each.data, Dossier)

    def of(self, merchant: str) -> Dossier:
        """A merchant's file; an empty one if there is none."""
        return self._files.get(merchant) or Dossier(merchant=merchant)

    def change(self, merchant: str, change: Change, who: str, now: Now) -> list[str]:
        """Change some of a file; returns which fields."""
        dossier = self.of(merchant)
        changed = change.made(dossier)
        if changed:
            self._keep(dossier, who, {"changed": ",".join(changed)}, now)
        return changed

    def note(
        self,
        merchant: str,
        name: str,
        entry: dict[str, str | float | bool],
        who: str,
        now: Now,
    ) -> None:
        """Put on file what was seen at a merchant's; the last of a name stays."""
        dossier = self.of(merchant)
        dossier.notes = dossier.notes | {name: entry}
        said = {"noted": name, "evidence": str(entry["evidence"])}
        self._keep(dossier, who, said | {"ok": "yes" if entry["ok"] else "no"}, now)

    def inspected_at(self, subject: str) -> float:
        """When somebody last looked at a terminal (merchant|terminal) where it stands; 0: never."""
        merchant, _, terminal = subject.partition("|")
        return float(self.of(merchant).notes.get(f"inspection {terminal}", {}).get("at", 0.0))

    def lock(self, merchant: str, why: str, who: str, now: Now) -> bool:
        """Lock a merchant's account services; False if they are."""
        dossier = self.of(merchant)
        if dossier.lock is not None:
            return False
        dossier.lock = Lock(why=why, by=who, at=now.wall)
        self._keep(dossier, who, {"locked": why}, now)
        return True

    def unlock(self, merchant: str, who: str, now: Now) -> bool:
        """Lift a lock; False if there is none."""
        dossier = self.of(merchant)
        if dossier.lock is None:
            return False
        dossier.lock = None
        self._keep(dossier, who, {"unlocked": "yes"}, now)
        return True

    def all(self) -> list[Dossier]:
        """Every file."""
        return list(self._files.values())

    def locked(self) -> int:
        """How many are locked."""
        return sum(each.lock is not None for each in self._files.values())

    def _keep(self, dossier: Dossier, who: str, said: dict[str, str], now: Now) -> None:
        self._files[dossier.merchant] = dossier
        keeper = self._life.keeper
        data = msgspec.to_builtins(dossier)
        keeper.keep(KeptKind.ACCOUNT_FILE, dossier.merchant, data, now)
        keeper.audit(AuditKind.ACCOUNT_FILE, dossier.merchant, now, who=who, said=said)
