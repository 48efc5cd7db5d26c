"""What proves that a merchant served: its class and its window."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence


class Proof(StrEnum):
    """The merchant classes."""

    APPROVAL = "approval"
    """Served at approval: a delivered approval is the service."""
    CONFIRMATION = "confirmation"
    """Only a confirmation is; silence within the window is a no."""
    NEXT_MESSAGE = "next_message"
    """So is the terminal's next request for money: it would have reversed what it did not serve."""


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The class of merchants that have no entry of their own, and the time for a proof."""

    proof: Proof = Proof.APPROVAL
    window_s: float = 60.0
    delivery_proof_s: float = 60.0
    """How long an approval whose delivery is unknown is held; longer than the terminals' timer."""


class Merchant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One merchant, or some terminals of it (`terminals` empty: all)."""

    id: str
    terminals: tuple[str, ...] = ()
    proof: Proof = Proof.APPROVAL
    window_s: float = 60.0


class Merchants:
    """Looks up the class of a terminal: its own entry, its merchant's, the general one."""

    def __init__(self, settings: ServiceSettings, merchants: Sequence[Merchant]) -> None:
        self._general = (settings.proof, settings.window_s)
        self._known: dict[tuple[str, str], tuple[Proof, float]] = {}
        for merchant in merchants:
            for terminal in merchant.terminals or ("",):
                self._known[merchant.id, terminal] = (merchant.proof, merchant.window_s)

    def class_of(self, merchant: str, terminal: str) -> tuple[Proof, float]:
        """The proof that this terminal's charges need, and the window in seconds."""
        known = self._known
        if not known:
            return self._general
        return known.get((merchant, terminal)) or known.get((merchant, "")) or self._general
