"""What terminals ask for in network management: the numbers of each dialect, as data.

POS dialect: MTI and DE 60.3.  1987: DE 70.  1993: DE 24.  Acquirers differ in the numbers, so what
stands here is only what is used where a listener's settings name no other.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codec import Message
_CASING_OPENED: Final = "060"
_PARTS: Final = {
    "01": "keyboard",
    "02": "PIN pad",
    "03": "reader",
    "04": "printer",
    "05": "display",
}
"""What DE 62 of a status upload tells of, by its two digits; then 1 for good or 0."""
PARTS: Final = tuple(_PARTS.values())


class Wish(StrEnum):
    """What a terminal wants."""

    SIGN_IN = "sign-in"
    KEYS = "key change"
    """New keys, without signing in or out."""
    CASHIER = "cashier sign-in"
    SIGN_OFF = "sign-off"
    ECHO = "echo"
    STATUS = "status upload"
    QUERY = "query of parameters"
    """Which parts there are."""
    FETCH = "download of parameters"
    END = "end of parameters"


class Asked(NamedTuple):
    """What one message asks for."""

    wish: Wish
    code: str
    """The number by which it was asked for."""
    what: str = ""
    """Which parameters, of QUERY, FETCH and END."""


class ParameterCodes(NamedTuple):
    """The numbers of one set of parameters: MTI and DE 60.3 of the POS dialect."""

    digit: str
    """What the header's processing requirement says to have it fetched; '' if nothing does."""
    query: tuple[str, ...] = ()
    fetch: tuple[str, ...] = ()
    end: tuple[str, ...] = ()


PARAMETERS: Final[dict[str, ParameterCodes]] = {
    "parameters": ParameterCodes("1", (), ("0800/360", "0800/364"), ("0800/361",)),
    "ca-keys": ParameterCodes("4", ("0820/372",), ("0800/370",), ("0800/371",)),
    "sm-keys": ParameterCodes("4", ("0820/373",), ("0800/373",)),
    "chip": ParameterCodes("5", ("0820/382",), ("0800/380",), ("0800/381",)),
    "contactless": ParameterCodes("6", (), ("0800/394",), ("0800/395",)),
    "bins": ParameterCodes("6", (), ("0800/396",), ("0800/397",)),
    "bin-blacklist": ParameterCodes("7", (), ("0800/398",), ("0800/399",)),
    "bin-table": ParameterCodes("6", (), ("0800/960",), ("0800/961",)),
}
"""By the name of a set of parameters.  Both kinds of public keys end with 0800/371."""
SIGN_IN_AGAIN: Final = "3"
UPLOAD_STATUS: Final = "2"
DIGITS: Final = frozenset("12345678")
"""What a terminal can be asked for in the header of an answer."""

_POS: Final[dict[str, Asked]] = {
    **{f"0800/{code}": Asked(Wish.SIGN_IN, code) for code in ("001", "003", "004", "006")},
    "0820/002": Asked(Wish.SIGN_OFF, "002"),
    "0820/362": Asked(Wish.STATUS, "362"),
    "0820/401": Asked(Wish.CASHIER, "401"),
    **{
        each: Asked(wish, each[5:], name)
        for name, codes in PARAMETERS.items()
        for wish, numbers in (
            (Wish.QUERY, codes.query),
            (Wish.FETCH, codes.fetch),
            (Wish.END, codes.end),
        )
        for each in numbers
    },
}
_ISO_87: Final = {"001": Wish.SIGN_IN, "101": Wish.KEYS, "002": Wish.SIGN_OFF}
_ISO_93: Final = {"801": Wish.SIGN_IN, "811": Wish.KEYS, "802": Wish.SIGN_OFF}
_FIELDS: Final[dict[str, int | str]] = {
    "unionpay-pos": "60.3",
    "iso93-ascii": 24,
    "iso93-binary": 24,
}
_DE_70: Final = 70
_ECHOES: Final = {"unionpay-pos": "301", "iso93-ascii": "831", "iso93-binary": "831"}
_ECHO: Final = "301"
_AS_FIRST_TRY: Final = 3
"""Digits of the MTI that an advice's or request's repeat shares with it."""


def asked(message: Message, own: Mapping[Wish, str]) -> Asked | None:
    """What a network management request asks for; None if it is nothing that is known.

    `own` holds what a listener's settings call otherwise: numbers by wish.
    """
    name = message.dialect.name
    code = message.get(_FIELDS.get(name, _DE_70)) or ""
    for wish, number in own.items():
        if number == code:
            return Asked(wish, code)
    if code == _ECHOES.get(name, _ECHO) and Wish.ECHO not in own:
        return Asked(Wish.ECHO, code)
    if name == "unionpay-pos":
        return _POS.get(f"{message.mti[:_AS_FIRST_TRY]}0/{code}")
    wish_found = (_ISO_93 if name in _FIELDS else _ISO_87).get(code)
    return None if wish_found is None else Asked(wish_found, code)


def was_opened(said: str) -> bool:
    """Whether such a list tells that somebody opened the terminal's casing."""
    return any(said[at : at + 3] == _CASING_OPENED for at in range(0, len(said), 3))


def broken_parts(said: str) -> tuple[str, ...]:
    """Parts of the terminal that do not work, of a list of two digits and a flag each."""
    pairs = ((said[at : at + 2], said[at + 2 : at + 3]) for at in range(0, len(said), 3))
    return tuple(_PARTS[code] for code, flag in pairs if code in _PARTS and flag == "0")
