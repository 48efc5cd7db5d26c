"""DE 39: which codes approve, and the names of the codes that the gateway gives by itself.

The two-character set of ISO 8583:1987 and of the POS dialect is common; where they differ
(no answer in time: 68 and 98) the dialect's convention says which.
"""

from __future__ import annotations

from typing import Final

APPROVED: Final = "00"
PARTIAL: Final = "10"
APPROVALS: Final = frozenset({APPROVED, PARTIAL, "11", "A2", "A4", "A5", "A6"})

IN_PROGRESS: Final = "09"
INVALID_MERCHANT: Final = "03"
INVALID_TRANSACTION: Final = "12"
INVALID_CARD: Final = "14"
STATE_CONFLICT: Final = "22"
NOT_FOUND: Final = "25"
FORMAT_ERROR: Final = "30"
NO_ROUTE: Final = "31"
UNSUPPORTED: Final = "40"
TERMINAL_BARRED: Final = "58"
"""It is not in service, or that function is not opened for it."""
AMOUNT_LIMIT: Final = "61"
AMOUNT_DIFFERS: Final = "64"
COUNT_LIMIT: Final = "65"
NOT_BALANCED: Final = "79"
CUT_OVER: Final = "90"
HOST_UNAVAILABLE: Final = "91"
RECONCILE_ERROR: Final = "95"
DUPLICATE: Final = "94"
SYSTEM_ERROR: Final = "96"
KEY_ERROR: Final = "99"
"""A key that came is not what its check value says, or none is there."""
BAD_MAC: Final = "A0"
NO_MERCHANT: Final = "03"
NOT_IN_SERVICE: Final = "58"
SIGN_IN_FIRST: Final = "77"
NOT_REGISTERED: Final = "97"
KEYS_FAILED: Final = "A7"
