"""Batch settlement of the POS dialect: what DE 48 of 0500 and 0320 says.

0500, DE 60.3 = 201: debit amount n12, count n3, credit amount n12, count n3, result n1, for
domestic cards and again for foreign ones.  0320: DE 60.3 = 201 with a count n2 and for each sale
two digits, STAN n6, PAN n20, amount n12; 203 and 205 with one sale of a chip card in DE 11 and
DE 4; 204 and 206 with one that failed at the card or was doubted there; 202 or 207 when that was
all, with the count n4.  An 0320 whose DE 60.1 is not 00 is an 0220 (a refund, an advice) told once
more.  Chip sales and the end are told of a batch that balanced as well.  No public text of the
owner tells these; acquirers differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from routing.response_codes import APPROVED

if TYPE_CHECKING:
    from codec import Message

BALANCED: Final = "1"
UNBALANCED: Final = "2"
_TOTALS_DIGITS: Final = 31
_BLOCKS: Final = 2
_SALE_DIGITS: Final = 40
_SALES_A_MESSAGE_MAX: Final = 8
_COUNT_DIGITS: Final = 4
_ONE_SALE: Final = frozenset({"203", "205"})
_DOUBTFUL: Final = frozenset({"204", "206"})
_OF_SETTLEMENT: Final = "00"
"""DE 60.1 of all but advices that are told once more."""
_SALES: Final = "201"
_END: Final = frozenset({"202", "207"})


class Totals(NamedTuple):
    """Sums of a batch in minor units, and how many transactions make them."""

    debits: int = 0
    debit_count: int = 0
    credits: int = 0
    credit_count: int = 0


class Upload(NamedTuple):
    """What one 0320 tells: sales by STAN, or how many there were in all."""

    sales: dict[str, int]
    """Amounts in minor units."""
    in_all: int | None = None
    doubtful: bool = False
    """Whether these may have failed, and are held only if they stand here."""


def is_upload(message: Message) -> bool:
    """Whether a message of batch settlement tells of sales, or that these were all."""
    return message.mti[1] != "5"


def result(message: Message, *, balanced: bool) -> tuple[str, dict[int, str]]:
    """DE 39 of the answer to an 0500, and its further fields."""
    found = BALANCED if balanced else UNBALANCED
    return APPROVED, {48: with_result(message[48], found)}


def totals(message: Message) -> Totals | None:
    """The totals of an 0500, both blocks together; None if DE 48 is not what it should be."""
    digits = message.get(48, "")
    if len(digits) != _BLOCKS * _TOTALS_DIGITS or not _is_number(digits):
        return None
    blocks = [digits[at : at + _TOTALS_DIGITS] for at in range(0, len(digits), _TOTALS_DIGITS)]
    sums = [
        (int(block[:12]), int(block[12:15]), int(block[15:27]), int(block[27:30]))
        for block in blocks
    ]
    return Totals(*(sum(column) for column in zip(*sums, strict=True)))


def with_result(digits: str, result: str) -> str:
    """DE 48 of the 0510: the terminal's totals, with the result in both blocks."""
    blocks = (digits[: _TOTALS_DIGITS - 1], digits[_TOTALS_DIGITS : 2 * _TOTALS_DIGITS - 1])
    return "".join(block + result for block in blocks)


def upload(message: Message) -> Upload | None:
    """What an 0320 says; None if it can't be understood."""
    code, digits = message.get("60.3") or "", message.get(48, "")
    told_again = (message.get("60.1") or _OF_SETTLEMENT) != _OF_SETTLEMENT
    if told_again or code in _ONE_SALE or code in _DOUBTFUL:
        if not (message.has(11) and _is_number(message.get(4, ""))):
            return None
        doubtful = not told_again and code in _DOUBTFUL
        return Upload({message[11]: int(message[4])}, doubtful=doubtful)
    if code in _END and len(digits) == _COUNT_DIGITS and _is_number(digits):
        return Upload({}, int(digits))
    if code == _SALES and _is_number(digits):
        return _sales(digits)
    return None


def _sales(digits: str) -> Upload | None:
    count, body = int(digits[:2]), digits[2:]
    if not 1 <= count <= _SALES_A_MESSAGE_MAX or len(body) < count * _SALE_DIGITS:
        return None
    each = [body[at * _SALE_DIGITS : (at + 1) * _SALE_DIGITS] for at in range(count)]
    return Upload({sale[2:8]: int(sale[28:40]) for sale in each})


def _is_number(text: str) -> bool:
    return bool(text) and text.isascii() and text.isdigit()
