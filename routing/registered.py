"""What the registry and the key ring say of a terminal that signs in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from routing import response_codes as rc
from routing.entries import TerminalEntry, TerminalState
from routing.findings import Finding

if TYPE_CHECKING:
    from routing.accounts.gate import Gate
    from routing.clock import Now
    from routing.key_ring import KeyRing
    from routing.registry import Registry
    from routing.sign_in import Till

_FINDINGS: Final = {
    rc.NO_MERCHANT: Finding.UNKNOWN_MERCHANT,
    rc.NOT_REGISTERED: Finding.UNKNOWN_TERMINAL,
    rc.NOT_IN_SERVICE: Finding.NOT_IN_SERVICE,
}
MASTER: Final = "tmk"


class Standing(NamedTuple):
    """Why a terminal is refused: DE 39 and what that is; '' if nothing speaks against it."""

    code: str = ""
    finding: Finding | None = None


class Registered:
    """Terminals as they are registered."""

    def __init__(self, registry: Registry, ring: KeyRing, gate: Gate) -> None:
        self._registry, self._ring, self._gate = registry, ring, gate

    def knows(self, merchant: str) -> bool:
        """Whether a merchant of this name is registered."""
        return self._registry.merchant(merchant) is not None

    def standing(self, till: Till) -> Standing:
        """Whether a terminal of a merchant may sign in."""
        code = self._gate.code(*till) or self._registry.refusal_of_sign_in(*till)
        finding = _FINDINGS.get(code, Finding.NOT_IN_SERVICE if code else None)
        if finding is Finding.UNKNOWN_TERMINAL and self._registry.others_have(*till):
            finding = Finding.ANOTHER_MERCHANTS
        return Standing(code, finding)

    def first_batch(self, till: Till) -> int:
        """The number of a terminal's first batch; 0 if the registry does not say."""
        entry = self._registry.terminal(*till)
        return int(entry.batch or 0) if entry is not None else 0

    def master_key(self, till: Till, cipher: str) -> str:
        """Its TMK, wrapped; '' if it has none of this cipher."""
        entry = self._registry.terminal(*till)
        owner = entry.key_names.get(MASTER) if entry is not None else None
        return self._ring.text(MASTER, owner or till.key, cipher)

    def signed_in(self, till: Till, now: Now) -> None:
        """A terminal's first sign-in makes it ACTIVE."""
        entry = self._registry.terminal(*till)
        if entry is not None and entry.state is TerminalState.REGISTERED:
            active = msgspec.structs.replace(entry, state=TerminalState.ACTIVE)
            self._registry.put(active, None, "", now, "its first sign-in")


def in_service(entry: TerminalEntry) -> bool:
    """Whether a terminal with this entry may be signed in."""
    return entry.state in (TerminalState.ACTIVE, TerminalState.REGISTERED, TerminalState.TESTING)
