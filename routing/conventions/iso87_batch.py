"""Batch settlement of the 1987 edition, as many terminals speak it: 0500 and 0320 by DE 3.

0500 with DE 3 of 920000: DE 60 is the batch, DE 63 the count n3 and amount n12 of sales, then of
refunds and voids; what follows is not looked at.  95 says that they differ.  0320: a sale that the
terminal holds, with its amount in DE 4, and its MTI and STAN at the start of DE 60.  0500 with DE 3
of 960000 says that this was all, with the same totals.  The edition itself leaves all this open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing.conventions.pos_batch import Totals, Upload
from routing.response_codes import APPROVED, RECONCILE_ERROR

if TYPE_CHECKING:
    from codec import Message

END: Final = "960000"
_BATCH_DIGITS: Final = 6
_COUNT_DIGITS: Final = 3
_AMOUNT_DIGITS: Final = 12
_BLOCK_DIGITS: Final = _COUNT_DIGITS + _AMOUNT_DIGITS
_ORIGINAL_DIGITS: Final = 10


def is_upload(message: Message) -> bool:
    """Whether a message of batch settlement tells of sales, or that these were all."""
    return message.mti[1] != "5" or message.get(3) == END


def result(message: Message, *, balanced: bool) -> tuple[str, dict[int, str]]:
    """DE 39 of the answer to an 0500, and its further fields."""
    del message
    return (APPROVED if balanced else RECONCILE_ERROR), {}


def number(message: Message) -> int | None:
    """The batch that an 0500 names; None if it does not."""
    said = message.get(60, "")[:_BATCH_DIGITS]
    return int(said) if len(said) == _BATCH_DIGITS and _is_number(said) else None


def totals(message: Message) -> Totals | None:
    """The totals of an 0500; None if DE 63 is not what it should be."""
    digits = message.get(63, "")[: 2 * _BLOCK_DIGITS]
    if len(digits) != 2 * _BLOCK_DIGITS or not _is_number(digits):
        return None
    sales, refunds = digits[:_BLOCK_DIGITS], digits[_BLOCK_DIGITS:]
    return Totals(
        int(sales[_COUNT_DIGITS:]),
        int(sales[:_COUNT_DIGITS]),
        int(refunds[_COUNT_DIGITS:]),
        int(refunds[:_COUNT_DIGITS]),
    )


def upload(message: Message) -> Upload | None:
    """What an 0320, or the 0500 that ends them, says; None if it can't be understood."""
    if message.mti[1] == "5":
        said = totals(message)
        return None if said is None else Upload({}, said.debit_count)
    named, amount = message.get(60, "")[:_ORIGINAL_DIGITS], message.get(4, "")
    if len(named) != _ORIGINAL_DIGITS or not _is_number(named + amount) or not amount:
        return None
    return Upload({named[4:]: int(amount)})


def _is_number(text: str) -> bool:
    return bool(text) and text.isascii() and text.isdigit()
