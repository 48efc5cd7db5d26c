"""What a dialect means: one `Convention` per dialect, found by its name.

A dialect in `codec` says how bytes are laid out.  A convention says what they mean to a gateway:
which messages take money, what makes two of them the same, how a confirmation or a reversal names
its original, what the gateway answers by itself.
"""

from __future__ import annotations

from typing import Final

from routing.conventions.base import Confirmation, Convention, Kind, Original
from routing.conventions.iso87 import Iso87
from routing.conventions.iso93 import Iso93
from routing.conventions.iso2003 import Iso2003
from routing.conventions.unionpay_pos import UnionPayPos

CONVENTIONS: Final[dict[str, Convention]] = {
    "iso87-ascii": Iso87("iso87-ascii"),
    "iso87-binary": Iso87("iso87-binary"),
    "iso93-ascii": Iso93("iso93-ascii"),
    "iso93-binary": Iso93("iso93-binary"),
    "iso2003-binary": Iso2003("iso2003-binary"),
    "unionpay-pos": UnionPayPos("unionpay-pos"),
}

__all__ = ["CONVENTIONS", "Confirmation", "Convention", "Kind", "Original"]
