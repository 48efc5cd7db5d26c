"""Licence numbers: the unified social credit code (GB 32100), 18 characters with a check character.

Each character has a value by its place in an alphabet of 31 (no I, O, S, V, Z), each position a
weight of 3 to the power of its place; the last one makes the sum of all a multiple of 31.
"""

from __future__ import annotations

from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_LENGTH: Final = 18
_BASE: Final = 3
_MODULUS: Final = len(_ALPHABET)


def is_good(number: str) -> bool:
    """Whether a licence number can be one: its length, its characters, its check character."""
    if len(number) != _LENGTH or any(each not in _ALPHABET for each in number):
        return False
    return number[-1] == check_character(number[:-1])


def check_character(body: str) -> str:
    """The last character of the number that begins with these 17."""
    total = sum(
        _ALPHABET.index(each) * pow(_BASE, place, _MODULUS) for place, each in enumerate(body)
    )
    return _ALPHABET[-total % _MODULUS]
