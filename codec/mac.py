"""Message authentication codes: making and checking DE 64 or DE 128.

The code covers everything from the MTI to the last byte before the MAC field, with that field's
bit already set in the bitmap; what stands before the MTI is left out.  The work is done in `_mac`,
over the frame as it lies in memory.
"""

from __future__ import annotations

from typing import Literal

from codec._mac import MacKey, sign, verify
from codec._mac_batch import verify_many

Algorithm = Literal[
    "cup-ecb", "x9.9", "x9.19", "aes-cmac", "aes-cbc", "cup-sm4", "sm4-cbc", "sm4-cmac"
]
"""
| algorithm | what it is | key bytes |
|---|---|---|
| `cup-ecb`, `cup-sm4` | UnionPay: blocks XORed, the result's hex enciphered | 8 to 24; 16 |
| `x9.9` | ISO 9797-1 algorithm 1 with DES or triple DES | 8, 16, 24 |
| `x9.19` | ISO 9797-1 algorithm 3: the same with half a key, both halves at the end | 16, 32 |
| `aes-cbc`, `sm4-cbc` | ISO 9797-1 algorithm 1 with AES or SM4 | 16 to 32; 16 |
| `aes-cmac`, `sm4-cmac` | CMAC (RFC 4493) | 16 to 32; 16 |
"""

__all__ = ["Algorithm", "MacKey", "sign", "verify", "verify_many"]
