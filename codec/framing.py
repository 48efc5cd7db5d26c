"""Cutting a byte stream into frames, and putting frames into a stream.

| framing | what stands around a frame |
|---|---|
| `2-byte`, `4-byte` | a big-endian length in front; `-inclusive` when it counts itself |
| `4-digit` | a length of four ASCII digits; `-inclusive` as above |
| `2-byte-bcd` | a length of four BCD digits; `-inclusive` as above |
| `visa` | a two-byte length and two bytes of zeros |
| `stx-etx` | STX in front, ETX behind, then the XOR of everything after STX |

What a frame means, and a TPDU or header before its message type, is a matter of its dialect.  A
`Framer` says the same about a stream however it is cut into pieces.
"""

from __future__ import annotations

from codec._framing import FRAMINGS, Framer, frame

__all__ = ["FRAMINGS", "Framer", "frame"]
