"""How a simulated terminal words its messages, in each dialect.

When to send which is decided in `terminal_rules`; bytes are the codec's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, NamedTuple

from codec import build, dialect

if TYPE_CHECKING:
    from datetime import datetime

    from codec import Message

_SALE: Final = "000000"
_CHIP_WITH_PIN: Final = "051"
_YUAN: Final = "156"
_NO_INSTITUTIONS: Final = "0" * 22
_REQUESTS: Final = "0"
"""Third digit of the MTI of requests; advices (2) are repeated as they are."""


class SaleFacts(NamedTuple):
    """What a sale's messages are made of."""

    merchant: str
    terminal: str
    stan: str
    batch: str
    amount: int
    pan: str
    at: datetime
    """When the sale was stored, UTC."""


class TerminalSpeech(ABC):
    """One dialect, as these terminals speak it."""

    def __init__(self, name: str) -> None:
        self.dialect = dialect(name)

    @abstractmethod
    def sale(self, facts: SaleFacts) -> Message:
        """The request for money."""

    @abstractmethod
    def reversal(self, facts: SaleFacts, stan: str, now: datetime) -> Message:
        """Undo the sale.  `stan` is the number of this message, where it has one of its own."""

    @abstractmethod
    def confirmation(self, facts: SaleFacts, stan: str, now: datetime, reason: str) -> Message:
        """The service was given; or with a `reason`, why it was not."""

    @abstractmethod
    def void(self, facts: SaleFacts, stan: str, now: datetime) -> Message:
        """Take the served sale back."""

    @abstractmethod
    def void_reversal(self, void: Message, stan: str, now: datetime) -> Message:
        """Take the void back."""

    @abstractmethod
    def again(self, message: Message) -> Message:
        """The same message as a repeat of itself."""


class Iso87TerminalSpeech(TerminalSpeech):
    """ISO 8583:1987: repeats as xx01, originals in DE 90, service in DE 60."""

    def sale(self, facts: SaleFacts) -> Message:
        fields = _common(facts) | {
            2: facts.pan,
            7: facts.at.strftime("%m%d%H%M%S"),
            12: facts.at.strftime("%H%M%S"),
            13: facts.at.strftime("%m%d"),
            22: _CHIP_WITH_PIN,
            35: f"{facts.pan}=29122010000000000000",
        }
        return build(self.dialect, "0200", fields)

    def reversal(self, facts: SaleFacts, stan: str, now: datetime) -> Message:
        fields = self._about(facts, stan, now) | {39: "68"}
        return build(self.dialect, "0400", fields)

    def confirmation(self, facts: SaleFacts, stan: str, now: datetime, reason: str) -> Message:
        fields = self._about(facts, stan, now) | {60: f"NOT:{reason}" if reason else "SERVED"}
        return build(self.dialect, "0220", fields)

    def void(self, facts: SaleFacts, stan: str, now: datetime) -> Message:
        fields = self._about(facts, stan, now) | {2: facts.pan, 3: "020000"}
        return build(self.dialect, "0200", fields)

    def void_reversal(self, void: Message, stan: str, now: datetime) -> Message:
        reversal = void.copy()
        reversal.set_mti("0400")
        named = f"0200{void[11]}{void[7]}{_NO_INSTITUTIONS}"
        fields = {7: now.strftime("%m%d%H%M%S"), 11: stan, 39: "68", 90: named}
        for de, value in fields.items():
            reversal.patch(de, value)
        return reversal

    def again(self, message: Message) -> Message:
        repeat = message.copy()
        if message.mti[2] in _REQUESTS:
            repeat.set_mti(message.mti[:3] + "1")
        return repeat

    @staticmethod
    def _about(facts: SaleFacts, stan: str, now: datetime) -> dict[int, str]:
        sent_at = facts.at.strftime("%m%d%H%M%S")
        return _common(facts) | {
            7: now.strftime("%m%d%H%M%S"),
            11: stan,
            12: facts.at.strftime("%H%M%S"),
            13: facts.at.strftime("%m%d"),
            90: f"0200{facts.stan}{sent_at}{_NO_INSTITUTIONS}",
        }


class PosTerminalSpeech(TerminalSpeech):
    """The POS dialect: a repeat is the same bytes, originals in DE 61, service in DE 60."""

    _not_served: Final = {
        "GOODS_NOT_SOLD": "001",
        "SERVICE_NOT_PROVIDED": "002",
        "ORDER_CANCELLED": "003",
    }

    def sale(self, facts: SaleFacts) -> Message:
        fields = _common(facts) | {
            2: facts.pan,
            22: _CHIP_WITH_PIN,
            35: f"{facts.pan}=29122010000000000000",
            60: f"22{facts.batch}000",
        }
        return build(self.dialect, "0200", fields)

    def reversal(self, facts: SaleFacts, stan: str, now: datetime) -> Message:  # noqa: ARG002 - it has its original's number
        fields = _common(facts) | {
            39: "98",
            60: f"22{facts.batch}000",
            61: facts.batch + facts.stan,
        }
        return build(self.dialect, "0400", fields)

    def confirmation(self, facts: SaleFacts, stan: str, now: datetime, reason: str) -> Message:  # noqa: ARG002 - there is no DE 7
        said = f"81{facts.batch}{self._not_served[reason]}" if reason else f"80{facts.batch}000"
        fields = _common(facts) | {11: stan, 60: said, 61: facts.batch + facts.stan}
        return build(self.dialect, "0220", fields)

    def void(self, facts: SaleFacts, stan: str, now: datetime) -> Message:  # noqa: ARG002 - there is no DE 7
        fields = _common(facts) | {
            2: facts.pan,
            3: "200000",
            11: stan,
            60: f"23{facts.batch}000",
            61: facts.batch + facts.stan,
        }
        return build(self.dialect, "0200", fields)

    def void_reversal(self, void: Message, stan: str, now: datetime) -> Message:  # noqa: ARG002 - it has its original's number
        reversal = void.copy()
        reversal.set_mti("0400")
        reversal.patch(39, "98")
        return reversal

    def again(self, message: Message) -> Message:
        return message


def _common(facts: SaleFacts) -> dict[int, str]:
    return {
        3: _SALE,
        4: f"{facts.amount:012d}",
        11: facts.stan,
        25: "00",
        41: facts.terminal,
        42: facts.merchant,
        49: _YUAN,
    }


SPEECHES: Final[dict[str, TerminalSpeech]] = {
    "iso87-ascii": Iso87TerminalSpeech("iso87-ascii"),
    "unionpay-pos": PosTerminalSpeech("unionpay-pos"),
}
