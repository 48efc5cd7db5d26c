"""Message authentication codes: making and checking DE 64 or DE 128.

The code covers everything from the MTI to the last byte before the MAC field, with that field's
bit already set in the bitmap; what stands before the MTI is left out.  The work is done in `_mac`,
over the frame as it lies in memory.
"""

from __future__ import annotations

from typing import Literal

from codec._mac import MacKey, sign, verify

Algorithm = Literal["cup-ecb", "x9.9", "x9.19", "aes-cmac", "cup-sm4", "sm4-cbc"]

__all__ = ["Algorithm", "MacKey", "sign", "verify"]
