"""How terminals of one listener sign in: numbers, lengths and bounds that acquirers choose."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import msgspec

from routing.conventions.management import Wish

KeyBlock = Literal["24", "40", "60", "56", "84", "sm4-40", "sm4-60"]
"""Bytes of DE 62, which say how many keys there are and how long each is."""


class KeyLengths(NamedTuple):
    """Bytes of the working keys; `tdk` is 0 where there is none."""

    pik: int
    mak: int
    tdk: int = 0
    cipher: Literal["des", "sm4"] = "des"


_LENGTHS: Final[dict[str, KeyLengths]] = {
    "24": KeyLengths(8, 8),
    "40": KeyLengths(16, 16),
    "60": KeyLengths(16, 16, 16),
    "56": KeyLengths(24, 24),
    "84": KeyLengths(24, 24, 24),
    "sm4-40": KeyLengths(16, 16, 0, "sm4"),
    "sm4-60": KeyLengths(16, 16, 16, "sm4"),
}
_PADDED: Final = frozenset({"40", "60"})
"""Where a MAK of eight bytes may stand in sixteen."""
_POS_BLOCKS: Final[dict[str, KeyBlock]] = {"001": "24", "003": "40", "004": "60", "006": "sm4-60"}
_ELSEWHERE: Final[KeyBlock] = "40"


class SignInSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a listener whose terminals have working keys."""

    acquirer: str = "00000000"
    """DE 32 of the answer."""
    codes: dict[Wish, str] = {}
    """Numbers that this acquirer uses instead of its dialect's: DE 60.3, DE 70 or DE 24."""
    key_blocks: dict[str, KeyBlock] = {}
    """The form of DE 62 by the number of the sign-in; others as usual."""
    mak_bytes: Literal[8, 16] = 16
    """Of forms 40 and 60; one of 8 stands there with eight zeros after it."""
    key_field: int = 62
    """Where the keys stand; in hexadecimal digits, but for the POS dialect."""
    clock_skew_max_s: float = 300.0
    """What a terminal's clock may differ before that is noted; the answer has the time anyway."""
    bad_macs_max: int = 10
    """Wrong MACs of one terminal within `bad_macs_s` that are noted as a burst."""
    bad_macs_s: float = 60.0
    settlement_macs: bool = True
    """Whether 0500 and 0320 must carry a MAC.  Many POS terminals send none; what comes without
    one closes its batch, and what it contradicts becomes cases: it proves and undoes nothing."""
    settles_within_s: float = 259_200.0
    """How old a sale may become in a batch that its terminal does not settle; then it is a case,
    for a terminal that died may not have served it.  0: any age."""

    def lengths(self, dialect: str, code: str) -> KeyLengths | None:
        """The keys of a sign-in with this number; None if no keys are given for it."""
        usual = _POS_BLOCKS.get(code) if dialect == "unionpay-pos" else _ELSEWHERE
        block = self.key_blocks.get(code, usual)
        if block is None:
            return None
        lengths = _LENGTHS[block]
        return lengths._replace(mak=self.mak_bytes) if block in _PADDED else lengths
