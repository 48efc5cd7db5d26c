"""The one door from card data to human eyes.

Whatever shows a value to a person (a `repr`, `isogate decode`, a log line) asks here first.  What
may be *stored* is stricter and decided here too: `SENSITIVE_FIELDS`, `SENSITIVE_TAGS`.
"""

from __future__ import annotations

import re
from typing import Final

SENSITIVE_FIELDS: Final = frozenset({34, 35, 36, 45, 52, 55})
"""Never shown and never stored: extended PAN, tracks, PIN block, chip data as a whole."""

SENSITIVE_TAGS: Final = frozenset(
    {"56", "57", "5A", "5F20", "5F24", "99", "9F0B", "9F1F", "9F20", "9F6B", "DF12"}
)
"""Tags of DE 55 that hold PAN, track data, the holder's name, the expiry or a PIN."""

_PAN_FIELDS: Final = frozenset({2, 102, 103})
_HIDDEN_FIELDS: Final = frozenset({14, 53, 64, 96, 128})
"""Short fields that are no secret of the holder's account but nobody's business either."""
_CURRENCY: Final = 49
_CURRENCY_LENGTH: Final = 3
"""What is longer is what the 2003 edition keeps there: data of the holder's verification."""
_FREE_TEXT_FIELDS: Final = frozenset({43, 44, 46, 47, 48, 54, *range(56, 64), *range(104, 128)})
"""Fields whose content is agreed bilaterally, so that card numbers may hide in them."""

_VISIBLE_HEAD: Final = 6
_VISIBLE_TAIL: Final = 4
_LUHN_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_LONG_RUN: Final = re.compile(r"\d{20,}")
_CARD_NUMBER: Final = re.compile(r"(?<!\d)\d{13,19}(?!\d)")


def pan(value: str) -> str:
    """First six and last four digits of a card number; all hidden if that would show too much.

    >>> pan("4761739001010119")
    '476173******0119'
    """
    hidden = len(value) - _VISIBLE_HEAD - _VISIBLE_TAIL
    if hidden < 3:  # noqa: PLR2004 - a number this short would be guessed from what is left
        return "*" * len(value)
    return value[:_VISIBLE_HEAD] + "*" * hidden + value[-_VISIBLE_TAIL:]


def value(de: int, value: str) -> str:
    """`value` of field `de` as a person may see it."""
    if de in _PAN_FIELDS:
        return printable(pan(value))
    is_no_currency = de == _CURRENCY and len(value) > _CURRENCY_LENGTH
    if de in SENSITIVE_FIELDS or de in _HIDDEN_FIELDS or is_no_currency:
        return hidden(value)
    if de in _FREE_TEXT_FIELDS:
        return text(value)
    return printable(value)


def tag(name: str, value: str) -> str:
    """`value` of the chip data element `name` (DE 55) as a person may see it."""
    return hidden(value) if name.upper() in SENSITIVE_TAGS else text(value)


def text(value: str) -> str:
    """Free text with everything in it that looks like a card number masked.

    Where digits run on for longer than a card number is, one may begin anywhere: all are hidden.
    """
    shown = _LONG_RUN.sub(lambda run: f"<{len(run.group())} digits hidden>", value)
    return printable(_CARD_NUMBER.sub(_mask_if_card_number, shown))


def hidden(value: str) -> str:
    """Only how long a value is."""
    return f"<{len(value)} hidden>"


def printable(value: str) -> str:
    """Control characters and everything beyond ASCII as dots: terminals obey some of them."""
    return "".join(c if " " <= c <= "~" else "." for c in value)


def _mask_if_card_number(match: re.Match[str]) -> str:
    digits = match.group()
    return pan(digits) if _luhn(digits) else digits


def _luhn(digits: str) -> bool:
    doubled = sum(_LUHN_DOUBLED[int(d)] for d in digits[-2::-2])
    return (doubled + sum(int(d) for d in digits[-1::-2])) % 10 == 0
