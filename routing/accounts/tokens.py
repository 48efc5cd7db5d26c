"""Confirm tokens: who asks for something must have enquired about it first.

A token is made of what was enquired about and when, under a key that outlives restarts; nothing is
stored.  So a wrong menu item changes nothing: without the enquiry's token a request is refused.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

_HEX_DIGITS: Final = 8


class Tokens:
    """Makes and checks them."""

    def __init__(self, key: bytes, valid_s: float) -> None:
        self._key, self._slot_s = key, valid_s

    def token(self, about: str, wall: float) -> str:
        """The token for `about` (kind, subject, person), good for one to two times `valid_s`."""
        return self._made(about, int(wall // self._slot_s))

    def is_good(self, about: str, token: str, wall: float) -> bool:
        """Whether a token was given for this, not long ago."""
        slot = int(wall // self._slot_s)
        return any(
            hmac.compare_digest(self._made(about, each).encode(), token.encode())
            for each in (slot, slot - 1)
        )

    def _made(self, about: str, slot: int) -> str:
        said = f"{about}|{slot}".encode()
        return hashlib.blake2b(said, key=self._key, person=b"account token").hexdigest()[
            :_HEX_DIGITS
        ]
