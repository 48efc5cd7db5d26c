"""File actions, which carry account requests: what each dialect's fields say.

1987: DE 91 the action, DE 101 the file, DE 120 the record.  1993: DE 24, 101, 72.  The POS dialect
has none of these: DE 60.1 is 40, DE 60.3 the action and two digits of the file, DE 62 the record,
DE 63.1 the operator.  The record is JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from routing.accounts.asked import File, Outcome

if TYPE_CHECKING:
    from codec import Message

CODES_MAX: Final = 25
"""Characters of DE 44 in the dialects of 1987."""
_POS_FILES: Final = {
    "01": File.MERCHANT,
    "02": File.TERMINAL,
    "03": File.SETTLEACC,
    "04": File.MERCH2,
    "05": File.LIMITS,
}
_TEXT: Final = 63
OPERATOR_LENGTH: Final = 3
"""Of DE 63.1 in the POS dialect; text follows it."""
_OUTCOMES_87: Final = {
    Outcome.DONE: "00",
    Outcome.UNSUPPORTED: "24",
    Outcome.UNKNOWN: "25",
    Outcome.DUPLICATE: "26",
    Outcome.WRONG_FIELD: "27",
    Outcome.LOCKED: "28",
    Outcome.REFUSED: "29",
    Outcome.BAD_FORMAT: "30",
    Outcome.NOT_ALLOWED: "58",
}
_OUTCOMES_93: Final = {
    Outcome.DONE: "300",
    Outcome.UNSUPPORTED: "301",
    Outcome.UNKNOWN: "302",
    Outcome.WRONG_FIELD: "304",
    Outcome.LOCKED: "305",
    Outcome.REFUSED: "306",
    Outcome.BAD_FORMAT: "307",
    Outcome.DUPLICATE: "308",
    Outcome.NOT_ALLOWED: "120",
}
_UNKNOWN_FILE_93: Final = "309"


class FileAction(NamedTuple):
    """What a file action asks for; '' for what it does not say."""

    action: str
    file: str
    record: str
    operator: str
    sent_at: str
    """What tells its STAN of today from yesterday's."""
    software: str = ""


class Told(NamedTuple):
    """The answer in words."""

    outcome: Outcome
    codes: str
    text: str
    record: str


class FileFields(NamedTuple):
    """Where a dialect has what."""

    record: int
    record_bytes_max: int
    text_follows_operator: bool
    """In DE 63."""


IN_1987: Final = FileFields(120, 999, False)
IN_1993: Final = FileFields(72, 999, False)
IN_POS: Final = FileFields(62, 512, True)


def can_hold_chinese(message: Message) -> bool:
    """Whether DE 63 of this dialect takes any bytes: a text in GBK."""
    field = message.dialect.fields.get(_TEXT)
    return field is not None and field.charset == "latin-1"


def read_1987(message: Message) -> FileAction:
    """Of an 0300 or 0302."""
    get = message.get
    file = (get(101) or "").strip()
    return FileAction(get(91) or "", file, get(120) or "", "", get(7) or get(12) or "")


def read_1993(message: Message) -> FileAction:
    """Of a 1304."""
    get = message.get
    function = get(24) or ""
    action = function[2:] if function.startswith("30") else ""
    return FileAction(action, (get(101) or "").strip(), get(72) or "", "", get(12) or "")


def read_pos(message: Message) -> FileAction:
    """Of an 0300 of the POS dialect."""
    code = message.get("60.3") or ""
    file = _POS_FILES.get(code[1:], "")
    operator = (message.get(63) or "")[:OPERATOR_LENGTH]
    software = message.header[6:7].hex() if len(message.header) > 6 else ""  # noqa: PLR2004
    batch = message.get("60.2") or ""
    return FileAction(code[:1], file, message.get(62) or "", operator, batch, software)


def answer_1987(told: Told) -> dict[int, str]:
    """Fields of the 0310."""
    fields = {39: _OUTCOMES_87[told.outcome], 44: fitted_codes(told.codes), 63: told.text}
    return {de: value for de, value in (fields | {120: told.record}).items() if value}


def answer_1993(told: Told, file: str) -> dict[int, str]:
    """Fields of the 1314."""
    code = _OUTCOMES_93[told.outcome]
    if told.outcome is Outcome.BAD_FORMAT and file not in File.__members__:
        code = _UNKNOWN_FILE_93
    fields = {39: code, 44: told.codes, 63: told.text, 72: told.record}
    return {de: value for de, value in fields.items() if value}


def answer_pos(told: Told, operator: str) -> dict[int, str]:
    """Fields of the 0310 of the POS dialect."""
    text = operator.ljust(OPERATOR_LENGTH) + told.text
    fields = {39: _OUTCOMES_87[told.outcome], 44: fitted_codes(told.codes), 63: text}
    return {de: value for de, value in (fields | {62: told.record}).items() if value}


def fitted_codes(codes: str) -> str:
    """As many codes, whole, as DE 44 holds; `+` for more, which the record names."""
    if len(codes) <= CODES_MAX:
        return codes
    return codes[: codes.rindex(",", 0, CODES_MAX)] + "+"
