"""ISO 8583:2003: what its messages mean to the gateway, where that differs from the 1993 edition.

Amounts begin with their currency and its number of decimals (DE 49 means something else), DE 11 has
12 digits, DE 12 a century, DE 56 no length before the acquirer, action codes have four digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from routing.conventions.base import AMOUNT_DIGITS
from routing.conventions.iso93 import Iso93

if TYPE_CHECKING:
    from codec import Message
    from routing.charge import Charge
    from routing.clock import Now
    from routing.conventions.file_action import FileAction, Told

_CURRENCY_DIGITS: Final = 3
_BEFORE_AMOUNT: Final = 4
"""Digits of the currency and of its number of decimals."""
_ADVISED: Final = "9"
"""Action codes that begin so have a 1 after it, all others a 0."""
_DIGITS: Final = 4


class Iso2003(Iso93):
    """The convention of the 2003 edition; hosts get 2420 or 2400, repeated as 2421 or 2401."""

    version: ClassVar = "2"
    stan_digits: ClassVar = 12
    local_time_digits: ClassVar = 14
    alike: ClassVar = (3, 25, 41, 42)
    currency_field: ClassVar = 4
    echo: ClassVar[tuple[int, ...]] = (2, 3, 4, 7, 11, 12, 41, 42, 56)
    sufficient: ClassVar = Iso93.sufficient - {49}
    unkept: ClassVar = frozenset({43, 44, 49})
    """DE 49 is data of the card holder's verification; the others are bytes of anything."""

    def amount_of(self, message: Message) -> str:
        return message.get(4, "")[_BEFORE_AMOUNT:]

    def amount(self, message: Message) -> int:
        return message.number(4, AMOUNT_DIGITS, _BEFORE_AMOUNT)

    def currency_of(self, message: Message) -> str:
        return message.get(4, "")[:_CURRENCY_DIGITS]

    def in_minor_units(self, charge: Charge, amount: int) -> str:
        return f"{charge.sent[4][:_BEFORE_AMOUNT]}{amount:012d}"

    def file_action(self, message: Message) -> FileAction:
        """DE 72 is bytes here."""
        said = super().file_action(message)
        record = bytes.fromhex(said.record).decode("utf-8", "replace")
        return said._replace(record=record)

    def file_answer(self, request: Message, told: Told, now: Now) -> Message:
        """DE 44 and 72 are bytes here."""
        codes, record = (text.encode("utf-8").hex() for text in (told.codes, told.record))
        return super().file_answer(request, told._replace(codes=codes, record=record), now)

    @staticmethod
    def acquirer_named(acquirer: str) -> str:
        return acquirer

    @staticmethod
    def in_three_digits(action: str) -> str:
        return action[:1] + action[2:] if len(action) == _DIGITS else action

    @staticmethod
    def in_own_digits(action: str) -> str:
        return f"{action[0]}{int(action[0] == _ADVISED)}{action[1:]}"
