"""A card number that somebody keyed, between the enciphered field that it came in and its token.

It is in clear nowhere else: what is kept, told, audited or shown is a token and a mask, and for the
bank the number enciphered under the bank's own key, which nobody here can open.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from codec import mask
from routing.accounts.bins import BinTable, has_check_digit

_TOKEN_BYTES: Final = 12
_DIGITS: Final = range(8, 24)
"""So many digits are a number that can be judged: too short ones are told P11."""


class NewCard:
    """What came in an enciphered field: the number, keyed twice."""

    __slots__ = ("_again", "_digits", "sealed")

    def __init__(self, digits: str, again: str, sealed: str) -> None:
        self._digits, self._again = digits, again
        self.sealed = sealed
        """The number for the bank, under the bank's key; '' if it could not be made."""

    def __repr__(self) -> str:
        return f"<NewCard {self.masked}>"

    @property
    def masked(self) -> str:
        """As persons may see it."""
        return mask.pan(self._digits)

    def wrong_fields(self) -> list[str]:
        """What can't be right whatever the rules say."""
        is_number = self._digits.isascii() and self._digits.isdigit()
        if not is_number or len(self._digits) not in _DIGITS or not self.sealed:
            return ["card"]
        return [] if self._again == self._digits else ["again"]

    def token(self, key: bytes) -> str:
        """Under which this card is known here: the same for the same card, of no use elsewhere."""
        digest = hashlib.blake2b(
            self._digits.encode(), key=key, digest_size=_TOKEN_BYTES, person=b"settlement card"
        )
        return f"T{digest.hexdigest()}"

    def facts(self, key: bytes, table: BinTable) -> dict[str, Any]:
        """All that is kept of it, and what the table says of it."""
        known = table.find(self._digits)
        facts: dict[str, Any] = {
            "token": self.token(key),
            "masked": self.masked,
            "sealed": self.sealed,
            "length": len(self._digits),
            "check_digit": has_check_digit(self._digits),
        }
        if known is not None:
            facts |= {
                "bank": known.bank,
                "kind": known.kind.value,
                "medium": known.medium.value,
                "lengths": list(known.lengths),
            }
        return facts


UNREADABLE: Final = NewCard("", "", "")
"""What could not be deciphered."""
