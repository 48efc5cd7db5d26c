"""ISO 8583:1993: what its messages mean to the gateway, where that differs from the 1987 edition.

A charge is the same as another if DE 42, 41, 11, 12 and the MTI class agree.  DE 56 names an
original by MTI, STAN and DE 12; DE 24 says what a message is for, DE 25 why.  Action codes have
three digits, and what means yes depends on the message: 000 for a charge, 400 for a reversal, 800
for network management.  A partial reversal has DE 24 of 401, what stays charged in DE 4, and in
DE 30 what was charged before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from codec import build
from routing import response_codes as rc
from routing.clock import de7
from routing.conventions import file_action
from routing.conventions.base import Original, named, named_after
from routing.conventions.iso87 import Iso87
from routing.purpose import Purpose
from routing.reason import Reason

if TYPE_CHECKING:
    from codec import Message
    from routing.charge import Charge
    from routing.clock import Now
    from routing.conventions.file_action import FileAction, FileFields, Told

_ACTION_CODES: Final = {
    "00": "000", "10": "002", "11": "003", "05": "100", "54": "101", "59": "102", "62": "104",
    "75": "106", "01": "107", "03": "109", "13": "110", "14": "111", "52": "114", "40": "115",
    "51": "116", "55": "117", "57": "119", "58": "120", "61": "121", "63": "122", "65": "123",
    "12": "902", "19": "903", "30": "904", "90": "906", "91": "907", "31": "908", "96": "909",
    "68": "911", "94": "913", "25": "914", "A0": "916", "99": "917", "09": "923",
    # Of the range for private use: the charge is undone, or about to be; the amounts differ.
    "22": "180", "64": "181",
    # Likewise: the terminal is not registered; it must sign in first.
    "97": "182", "77": "183",
    "A7": "920",
}  # fmt: skip
_COMMON: Final = {action: code for code, action in _ACTION_CODES.items()} | {
    "400": rc.APPROVED,
    "480": rc.APPROVED,
    "800": rc.APPROVED,
    "001": "11", "004": "11", "005": "11", "006": "11", "007": "11",
    "905": "31", "910": "91", "912": "91", "918": "99", "919": "99", "920": "96",
}  # fmt: skip
_DECLINED: Final = "05"
"""What any other action code is: a no, and to a reversal nothing that ends it."""
_YES: Final = {"4": "400", "8": "800"}
"""The approving action code by the MTI's class."""
_FULL_REVERSAL: Final = "400"
_PARTIAL_REVERSAL: Final = "401"
_AMOUNT_DIGITS: Final = 12
_CUSTOMER: Final = "4000"
_COMPLETED_PARTIALLY: Final = "4004"
_DEVICE: Final = "4007"
_UNDELIVERABLE: Final = "4013"
_BAD_ANSWER: Final = "4020"
_TIMEOUT: Final = "4021"
_FILE_FIELDS: Final = file_action.IN_1993


class Iso93(Iso87):
    """The convention of the 1993 edition; hosts get 1420 or 1400, repeated as 1421 or 1401."""

    settles: ClassVar[bool] = False
    version: ClassVar = "1"
    local_time_digits: ClassVar[int] = 12
    """Digits of DE 12."""
    required: ClassVar = (3, 4, 7, 11, 12, 41, 42)
    echo: ClassVar[tuple[int, ...]] = (2, 3, 4, 7, 11, 12, 41, 42, 49, 56)
    original_field: ClassVar = 56
    sufficient: ClassVar = frozenset({3, 4, 12, 14, 18, 19, 22, 23, 26, 32, 33, 41, 42, 43, 49})
    network_codes: ClassVar = {
        Purpose.SIGN_ON: "801",
        Purpose.SIGN_OFF: "802",
        Purpose.KEY_CHANGE: "811",
        Purpose.ECHO: "831",
    }
    reasons: ClassVar = {
        Reason.NO_ANSWER: _TIMEOUT,
        Reason.LINK_LOST: _TIMEOUT,
        Reason.RESTART: _TIMEOUT,
        Reason.TERMINAL_NO_ANSWER: _TIMEOUT,
        Reason.ANSWER_MAC: _BAD_ANSWER,
        Reason.TERMINAL_ANSWER_MAC: _BAD_ANSWER,
        Reason.TERMINAL_GONE: _UNDELIVERABLE,
        Reason.DELIVERY_UNKNOWN: _UNDELIVERABLE,
        Reason.TERMINAL_CANNOT_FINISH: _DEVICE,
    }
    reasons_given: ClassVar = {
        _CUSTOMER: Reason.TERMINAL_CANCELLED,
        _DEVICE: Reason.TERMINAL_CANNOT_FINISH,
        _BAD_ANSWER: Reason.TERMINAL_ANSWER_MAC,
        _TIMEOUT: Reason.TERMINAL_NO_ANSWER,
    }

    def identity_after(self, beginning: str, message: Message) -> str:
        return named_after(beginning, message.text(11), message.mti[1]) + message.text(12)

    def batch(self, message: Message) -> str:
        """Originals are named with their local time."""
        return message.get(12) or ""

    def original(self, message: Message) -> Original | None:
        said, sent_from = message.get(56, ""), 4 + self.stan_digits
        until = sent_from + self.local_time_digits
        if len(said) < until:
            return None
        prefix = named(message, said[4:sent_from], said[1])
        return Original(prefix, said[sent_from:until], "")

    def naming(self, charge: Charge) -> dict[int, str]:
        sent_at, acquirer = charge.sent.get(12, ""), self.acquirer_named(charge.sent.get(32) or "")
        return {56: f"{charge.mti[:3]}0{charge.host_stan}{sent_at}{acquirer}"}

    @staticmethod
    def acquirer_named(acquirer: str) -> str:
        """The end of DE 56."""
        return f"{len(acquirer):02d}{acquirer}"

    def why(self, charge: Charge) -> dict[int, str]:
        if not charge.keeps:
            return {24: _FULL_REVERSAL, 25: self.reasons.get(charge.reason, _CUSTOMER)}
        original = charge.sent[4]
        return self.rewritten(charge) | {
            24: _PARTIAL_REVERSAL,
            25: _COMPLETED_PARTIALLY,
            30: original + "0" * len(original),
        }

    def reason_given(self, reversal: Message) -> Reason:
        return self.reasons_given.get(reversal.get(25, ""), Reason.TERMINAL_REVERSAL)

    def rewritten(self, charge: Charge) -> dict[int, str]:
        return {4: self.in_minor_units(charge, charge.keeps)} if charge.keeps else {}

    def original_amount(self, reversal: Message) -> str:
        if reversal.get(24) != _PARTIAL_REVERSAL:
            return self.amount_of(reversal)
        amounts: str = reversal.get(30, "")
        return amounts[: len(amounts) // 2][-_AMOUNT_DIGITS:]

    def kept_amount(self, reversal: Message) -> int:
        kept = self.amount_of(reversal)
        is_partial = reversal.get(24) == _PARTIAL_REVERSAL
        return int(kept) if is_partial and kept.isascii() and kept.isdigit() else 0

    def code_of(self, answer: Message) -> str:
        action = self.in_three_digits(answer.get(39) or "")
        return _COMMON.get(action, _DECLINED) if action else ""

    def code_for(self, request: Message, code: str) -> str:
        if code == rc.APPROVED:
            return self.in_own_digits(_YES.get(request.mti[1], _ACTION_CODES[code]))
        return self.in_own_digits(_ACTION_CODES.get(code, _ACTION_CODES[_DECLINED]))

    @staticmethod
    def in_three_digits(action: str) -> str:
        """An action code of this edition as one of 1993; '' stays ''."""
        return action

    @staticmethod
    def in_own_digits(action: str) -> str:
        """An action code of 1993 as one of this edition."""
        return action

    def network_request(self, code: str, stan: str, now: Now) -> Message:
        local = now.local().strftime("%Y%m%d%H%M%S")[-self.local_time_digits :]
        fields = {7: de7(now), 11: stan.zfill(self.stan_digits), 12: local, 24: code}
        return build(self.dialect, self.version + "804", fields)

    def network_answer(self, request: Message, now: Now) -> Message:
        answer = self.answer(request, rc.APPROVED, now)
        if request.has(24):
            answer.patch(24, request[24])
        return answer

    file_fields: ClassVar[FileFields] = _FILE_FIELDS

    def file_action(self, message: Message) -> FileAction:
        return file_action.read_1993(message)

    def file_answer(self, request: Message, told: Told, now: Now) -> Message:
        fields = request.pick((*self.echo, 24, 101)) | self.own_fields(now)
        answer = file_action.answer_1993(told, self.file_action(request).file)
        answer[39] = self.in_own_digits(answer[39])
        return self.compose(request, fields | answer)

    def network_code(self, message: Message) -> str:
        return message.get(24) or ""
