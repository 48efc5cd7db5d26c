"""What is on file of a merchant that requests are decided by: contract, documents, locks.

A merchant without a record has an empty one.  What is missing there is looked at by a person: an
unclear contract is no reason to refuse.
"""

from __future__ import annotations

import msgspec


class Contract(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Term and rules of ending it."""

    number: str
    ends: float = 0.0
    """Seconds since the epoch; 0: open-ended."""
    may_end_early: bool = True
    early_fee: int = 0
    """Minor units."""
    consented: bool = False
    """Both sides agreed to an early end, or its fee was paid."""


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """Account services of this merchant are locked."""

    why: str
    by: str
    at: float


class Dossier(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One merchant's file."""

    merchant: str
    name: str = ""
    region: str = ""
    risk: str = ""
    contract: Contract | None = None
    documents: dict[str, str] = {}
    """SHA-256 of each, by kind."""
    lock: Lock | None = None
    policy: str = ""
    """A policy that withholds the right to cancel: its name."""
    sync_pending: bool = False
    disputes: int = 0
    """Chargebacks that are open elsewhere."""
    balance: int = 0
    """Minor units that the books still hold, or the merchant owes (negative)."""
    since: str = ""
    """The day since which the merchant has its account, like 2026-07-01."""
    holders: tuple[str, ...] = ()
    """Names besides the merchant's own in which its settlement card may be."""
    licences: dict[str, float] = {}
    """Licences and certificates, each with the time at which it ends."""
    notes: dict[str, dict[str, str | float | bool]] = {}
    """Inspections and drills: when, by whom, whether all was good, and what shows it."""
    filing: str = ""
    """The number under which a regulator was told."""


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change in a file; what is not named stays."""

    name: str | None = None
    region: str | None = None
    risk: str | None = None
    contract: Contract | None = None
    documents: dict[str, str] | None = None
    policy: str | None = None
    sync_pending: bool | None = None
    disputes: int | None = None
    balance: int | None = None
    since: str | None = None
    holders: tuple[str, ...] | None = None
    licences: dict[str, float] | None = None
    filing: str | None = None

    def made(self, dossier: Dossier) -> list[str]:
        """Change it; returns which fields were."""
        changed = []
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is not None and value != getattr(dossier, name):
                setattr(dossier, name, value)
                changed.append(name)
        return changed
