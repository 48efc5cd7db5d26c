"""How a simulated terminal words what it says beside its sales: sign-in, settlement, sign-off.

When to say what is decided in `terminal_session`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from codec import build, dialect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from codec import Message

_A_MESSAGE: Final = 8
_NO_CARD: Final = "0" * 20
_FOREIGN: Final = "0" * 31
_RESULT: Final = slice(30, 31)
_REST: Final = "0" * 60


class Who(NamedTuple):
    """Whose message it is, and which of its messages."""

    merchant: str
    terminal: str
    batch: str
    stan: str
    at: datetime


class Holding(NamedTuple):
    """What a terminal holds of its batch."""

    sales: dict[str, int]
    """Amounts by STAN, of those that stand and those that were voided."""
    voids: tuple[int, ...]


class ManagementSpeech(Protocol):
    """One dialect's."""

    def sign_in(self, who: Who, code: str) -> Message:
        """Ask for keys."""
        ...

    def keys_in(self, answer: Message) -> bytes:
        """The keys of the answer, as they came."""
        ...

    def batch_in(self, answer: Message) -> str:
        """The batch of the answer."""
        ...

    def sign_off(self, who: Who) -> Message:
        """Be gone."""
        ...

    def totals(self, who: Who, held: Holding) -> Message:
        """Close the batch."""
        ...

    def balanced(self, answer: Message) -> bool:
        """Whether the totals are the gateway's."""
        ...

    def upload(self, held: Holding) -> Iterator[tuple[str, dict[int, str]]]:
        """What follows if they are not: MTI and fields of each message."""
        ...

    def worded(self, who: Who, mti: str, fields: dict[int, str]) -> Message:
        """One message of an upload."""
        ...


class PosManagement:
    """The POS dialect's."""

    dialect = dialect("unionpay-pos")

    def sign_in(self, who: Who, code: str) -> Message:
        """As `ManagementSpeech` has it."""
        return self.worded(who, "0800", {60: f"00{who.batch}{code}", 63: "001"})

    def keys_in(self, answer: Message) -> bytes:
        """As `ManagementSpeech` has it."""
        return answer.get(62, "").encode("latin-1")

    def batch_in(self, answer: Message) -> str:
        """As `ManagementSpeech` has it."""
        return answer.get("60.2") or ""

    def sign_off(self, who: Who) -> Message:
        """As `ManagementSpeech` has it."""
        return self.worded(who, "0820", {60: f"00{who.batch}002"})

    def totals(self, who: Who, held: Holding) -> Message:
        """As `ManagementSpeech` has it."""
        digits = f"{sum(held.sales.values()):012d}{len(held.sales):03d}"
        digits += f"{sum(held.voids):012d}{len(held.voids):03d}0" + _FOREIGN
        return self.worded(who, "0500", {48: digits, 60: f"00{who.batch}201"})

    def balanced(self, answer: Message) -> bool:
        """As `ManagementSpeech` has it."""
        return answer.get(48, "")[_RESULT] == "1"

    def upload(self, held: Holding) -> Iterator[tuple[str, dict[int, str]]]:
        """As `ManagementSpeech` has it."""
        for some in _eights(held.sales.items()):
            each = "".join(f"00{stan}{_NO_CARD}{amount:012d}" for stan, amount in some)
            yield "0320", {48: f"{len(some):02d}{each}", 60: "201"}
        yield "0320", {48: f"{len(held.sales):04d}", 60: "202"}

    def worded(self, who: Who, mti: str, fields: dict[int, str]) -> Message:
        """As `ManagementSpeech` has it."""
        known = {11: who.stan, 41: who.terminal, 42: who.merchant} | fields
        if len(known[60]) == 3:  # noqa: PLR2004 - the code alone
            known[60] = f"00{who.batch}{known[60]}"
        return build(self.dialect, mti, known)


class Iso87Management:
    """The 1987 edition's."""

    dialect = dialect("iso87-ascii")

    def sign_in(self, who: Who, code: str) -> Message:
        """As `ManagementSpeech` has it."""
        return self.worded(who, "0800", {70: code})

    def keys_in(self, answer: Message) -> bytes:
        """As `ManagementSpeech` has it."""
        return bytes.fromhex(answer.get(62, ""))

    def batch_in(self, answer: Message) -> str:
        """As `ManagementSpeech` has it."""
        return answer.get(60, "")

    def sign_off(self, who: Who) -> Message:
        """As `ManagementSpeech` has it."""
        return self.worded(who, "0800", {70: "002"})

    def totals(self, who: Who, held: Holding) -> Message:
        """As `ManagementSpeech` has it."""
        return self.worded(who, "0500", {3: "920000", 60: who.batch, 63: self._digits(held)})

    def balanced(self, answer: Message) -> bool:
        """As `ManagementSpeech` has it."""
        return answer[39] == "00"

    def upload(self, held: Holding) -> Iterator[tuple[str, dict[int, str]]]:
        """As `ManagementSpeech` has it."""
        for stan, amount in held.sales.items():
            yield "0320", {3: "000000", 4: f"{amount:012d}", 60: f"0200{stan}" + " " * 12}
        yield "0500", {3: "960000", 60: "", 63: self._digits(held)}

    def worded(self, who: Who, mti: str, fields: dict[int, str]) -> Message:
        """As `ManagementSpeech` has it."""
        known = {7: f"{who.at:%m%d%H%M%S}", 11: who.stan, 12: f"{who.at:%H%M%S}"}
        known |= {13: f"{who.at:%m%d}", 41: who.terminal, 42: who.merchant}
        known |= {de: value or who.batch for de, value in fields.items()}
        return build(self.dialect, mti, known)

    @staticmethod
    def _digits(held: Holding) -> str:
        digits = f"{len(held.sales):03d}{sum(held.sales.values()):012d}"
        return digits + f"{len(held.voids):03d}{sum(held.voids):012d}" + _REST


def _eights(sales: Iterable[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
    left = list(sales)
    for at in range(0, len(left), _A_MESSAGE):
        yield left[at : at + _A_MESSAGE]


MANAGEMENT: Final[dict[str, ManagementSpeech]] = {
    "unionpay-pos": PosManagement(),
    "iso87-ascii": Iso87Management(),
}
