"""What the gateway asks of whoever keeps its PIN keys: a hardware security module, or software.

PINs and PIN keys exist in clear behind this port only.  Nothing in front of it, neither code nor
log nor journal, ever sees more than an enciphered block and the name of a key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

PinFormat = Literal[0, 1, 3, 4]
"""ISO 9564-1 formats.  0, 1 and 3 are 8 bytes under triple DES, 4 is 16 bytes under AES."""


class KeyPortError(Exception):
    """What was asked can't be done; the message names keys and formats, never what they hold."""


@dataclass(frozen=True, slots=True)
class PinKey:
    """Under which key, by name, a PIN block is and in which format."""

    name: str
    format: PinFormat


class KeyPort(Protocol):
    """A keeper of PIN keys."""

    def translate_pin_block(
        self, block: bytes, pan: str, *, source: PinKey, target: PinKey
    ) -> bytes:
        """`block`, which is under `source`, as a block of the same PIN under `target`.

        Raises KeyPortError.  The card number stays the same, and what was bound to one is never
        translated into format 1, which is not: both would let PINs be searched for.
        """
        ...
