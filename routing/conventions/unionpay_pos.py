"""The UnionPay style POS dialect: what its messages mean to the gateway.

A charge is the same as another if DE 42, 41, 11 and the batch in DE 60.2 agree (and the MTI
class, since a reversal carries the number of its original).  A repeat is the same bytes again.
A confirmation is an 0220 whose DE 60.1 is 80 (served) or 81 (not), with the original in DE 61.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from codec import build
from routing.accounts.plan import is_account
from routing.conventions import file_action
from routing.conventions.base import (
    Confirmation,
    Convention,
    Kind,
    Original,
    is_request,
    named,
    named_after,
)
from routing.purpose import Purpose
from routing.reason import Reason
from routing.transaction import Transaction

if TYPE_CHECKING:
    from codec import Message
    from routing.charge import Charge
    from routing.clock import Now
    from routing.conventions.file_action import FileAction, FileFields, Told

_TAKES: Final = frozenset({"00", "03"})
_GIVES: Final = "20"
_TRANSACTIONS: Final = {
    ("10", "10"): Transaction.PREAUTHORISATION,
    ("10", "11"): Transaction.VOID,
    ("20", "22"): Transaction.SALE,
    ("20", "20"): Transaction.COMPLETION,
    ("22", "24"): Transaction.COMPLETION_ADVICE,
    ("22", "30"): Transaction.OFFLINE_SALE,
    ("20", "23"): Transaction.VOID,
    ("20", "21"): Transaction.VOID,
    ("22", "25"): Transaction.REFUND,
    ("22", "27"): Transaction.REFUND,
}
"""By the MTI's class and function, and DE 60.1."""
_FUNCTIONS: Final = {
    (mti, transaction): function
    for (mti, function), transaction in reversed(_TRANSACTIONS.items())
    if function not in ("21", "27")
}
_KIND_OF: Final = {
    Transaction.VOID: Kind.UNDOING,
    Transaction.REFUND: Kind.UNDOING,
    Transaction.COMPLETION: Kind.COMPLETION,
    Transaction.COMPLETION_ADVICE: Kind.COMPLETION,
    Transaction.OFFLINE_SALE: Kind.COMPLETION,
}
"""Of what is no plain charge."""
_SALE: Final = "22"
_REFUND: Final = "25"
_VOIDS: Final = frozenset({"11", "21", "23"})
_COMPLETION: Final = "20"
_NAMES_ANOTHER: Final = _VOIDS | {_COMPLETION}
"""Whose own DE 61 names what they are about."""
_OF_PREAUTHORISATIONS: Final = frozenset({"10", "11"})
"""DE 60.1 of what goes as 0100."""
_ENQUIRY: Final = "01"
_FINANCIAL: Final = frozenset({"10", "20", "22"})
_ADVICE: Final = "22"
_KINDS: Final = {
    "30": Kind.ACCOUNT,
    "40": Kind.REVERSAL,
    "32": Kind.SETTLEMENT,
    "50": Kind.SETTLEMENT,
    "80": Kind.NETWORK,
    "82": Kind.NETWORK,
}
"""By class and function of the MTI."""
_SERVED: Final = "80"
_CONFIRMS: Final = frozenset({_SERVED, "81"})
_REASONS: Final = {
    "001": "GOODS_NOT_SOLD",
    "002": "SERVICE_NOT_PROVIDED",
    "003": "ORDER_CANCELLED",
}
_NO_ANSWER: Final = "98"
_WRONG_MAC: Final = "A0"
_CANNOT_FINISH: Final = "96"
_AS_REQUEST: Final = str.maketrans({"1": "0", "3": "2"})
_DEFAULT_HEADER: Final = bytes.fromhex("6000030000602200000000")
_FIRST_BATCH: Final = "000001"
_NUMBERS_IN_DE61: Final = 12
"""Digits of batch and STAN, before the date and the rest."""
_FILE_FIELDS: Final = file_action.IN_POS


class UnionPayPos(Convention):
    """The POS convention; a repeated reversal is byte for byte the same 0400."""

    required: ClassVar = (3, 4, 11, 41, 42, 60)
    alike: ClassVar = (3, 41, 42, 49, 60)
    echo: ClassVar = (2, 3, 4, 11, 25, 41, 42, 49, 60)
    sufficient: ClassVar = frozenset({3, 4, 11, 14, 22, 23, 25, 41, 42, 49, 60, 61})
    no_answer_code: ClassVar = "98"
    keeps_stan: ClassVar = True
    repeats_as_sent: ClassVar = True
    network_codes: ClassVar = {
        Purpose.SIGN_ON: "0800/001",
        Purpose.SIGN_OFF: "0820/002",
        Purpose.KEY_CHANGE: "0800/101",
        Purpose.CUT_OVER_BEGINS: "0820/201",
        Purpose.CUT_OVER_ENDS: "0820/202",
        Purpose.ECHO: "0820/301",
    }
    """MTI and DE 60.3."""
    says_batch: ClassVar = True
    key_parts: ClassVar = ("MTI", "DE 11", "DE 41", "DE 42")
    reasons: ClassVar = {
        Reason.NO_ANSWER: _NO_ANSWER,
        Reason.LINK_LOST: _NO_ANSWER,
        Reason.RESTART: _NO_ANSWER,
        Reason.TERMINAL_NO_ANSWER: _NO_ANSWER,
        Reason.ANSWER_MAC: _WRONG_MAC,
        Reason.TERMINAL_ANSWER_MAC: _WRONG_MAC,
        Reason.TERMINAL_CANNOT_FINISH: _CANNOT_FINISH,
    }
    reasons_given: ClassVar = {
        _NO_ANSWER: Reason.TERMINAL_NO_ANSWER,
        _WRONG_MAC: Reason.TERMINAL_ANSWER_MAC,
        "17": Reason.TERMINAL_CANCELLED,
        _CANNOT_FINISH: Reason.TERMINAL_CANNOT_FINISH,
    }
    unknown_original_code: ClassVar = "00"

    def kind(self, message: Message) -> Kind:
        mti = message.mti
        if mti[0] != "0" or not is_request(mti):
            return Kind.NOT_A_REQUEST
        if mti[1:3] in _FINANCIAL:
            return self._financial_kind(message)
        return _KINDS.get(mti[1:3], Kind.UNSUPPORTED)

    def _financial_kind(self, message: Message) -> Kind:
        function, transaction = message.get("60.1"), self.transaction(message)
        if transaction is not None:
            return _KIND_OF.get(transaction, Kind.CHARGE)
        if message.mti[1:3] == _ADVICE:
            return Kind.CONFIRMATION if function in _CONFIRMS else Kind.UNSUPPORTED
        return Kind.ENQUIRY if function == _ENQUIRY else Kind.UNSUPPORTED

    def transaction(self, message: Message) -> Transaction | None:
        found = _TRANSACTIONS.get((message.mti[1:3], message.get("60.1") or ""))
        code = message.first_two(3)
        if found is None or (code != _GIVES if found.undoes else code not in _TAKES):
            return None
        return found

    def undone(self, message: Message) -> Original | None:
        """DE 61 names it by batch and STAN; the void of a preauthorisation is an 0100."""
        return self._in_de61(message, message.mti[1])

    def completed(self, message: Message) -> Original | None:
        return self._in_de61(message, "1")

    def _in_de61(self, message: Message, mti_class: str) -> Original | None:
        batch, stan = message.get("61.1"), message.get("61.2")
        if batch is None or stan is None:
            return None
        return self._original(message, mti_class, stan, batch)

    def point_to(self, message: Message, original: Charge) -> None:
        batch = original.sent.get(60, "")[2:8] or _FIRST_BATCH
        message.patch(61, batch + original.host_stan + message.get(61, "")[_NUMBERS_IN_DE61:])

    def word(self, message: Message, transaction: Transaction) -> None:
        if transaction is Transaction.REFUND or transaction.advises:
            message.set_mti("0220")
        if transaction.undoes:
            message.patch(3, _GIVES + message[3][2:])
        function = _FUNCTIONS.get((message.mti[1:3], transaction), _SALE)
        message.patch(60, function + message[60][2:])

    def identity_after(self, beginning: str, message: Message) -> str:
        return named_after(beginning, message.text(11), message.mti[1]) + self.batch(message)

    def batch(self, message: Message) -> str:
        return message.get("60.2") or ""

    def batch_number(self, message: Message) -> int | None:
        said = message.get("60.2")
        return int(said) if said is not None and said.isdigit() else None

    def operator(self, message: Message) -> str:
        said = message.get("63.1") or ""
        return said if said.isascii() and said.isalnum() else ""

    def account_named(self, message: Message) -> str:
        """It stands behind the operator's code."""
        said = message.get("63.2") or ""
        return said if is_account(said) else ""

    def original(self, message: Message) -> Original | None:
        """A plain 0400 repeats its original's numbers; other messages carry them in DE 61.

        In the reversal of a void or a completion DE 61 may still be its own: it names what was to
        be voided or completed.
        """
        function = message.get("60.1")
        batch, stan = message.get("61.1"), message.get("61.2")
        reverses = message.mti[1] == "4"
        if reverses and (function in _NAMES_ANOTHER or batch is None or stan is None):
            batch, stan = self.batch(message), message.get(11, "")
        if not batch or not stan:
            return None
        # A confirmation has its own DE 60.1; what it is about shows in DE 3.
        preauthorised = function in _OF_PREAUTHORISATIONS or message.get(3, "")[:2] == "03"
        return self._original(message, "1" if preauthorised else "2", stan, batch)

    @staticmethod
    def _original(message: Message, mti_class: str, stan: str, batch: str) -> Original:
        return Original(named(message, stan, mti_class), batch, "")

    def confirmation(self, message: Message) -> Confirmation | None:
        original = self.original(message)
        if original is None:
            return None
        served = message.get("60.1") == _SERVED
        reason = "" if served else _REASONS.get(message.get("60.3") or "", "SERVICE_NOT_PROVIDED")
        return Confirmation(original, served, reason)

    def network_answer(self, request: Message, now: Now) -> Message:
        answer = self.answer(request, "00", now)
        if not request.has(60):
            answer.patch(60, "00" + _FIRST_BATCH + "000")
        return answer

    def network_request(self, code: str, stan: str, now: Now) -> Message:  # noqa: ARG002
        mti, _, what = code.partition("/")
        fields = {11: stan, 60: "00" + _FIRST_BATCH + what}
        return build(self.dialect, mti, fields, _DEFAULT_HEADER)

    def network_code(self, message: Message) -> str:
        mti = message.mti[:2] + message.mti[2].translate(_AS_REQUEST) + "0"
        return mti + "/" + (message.get("60.3") or "")

    file_fields: ClassVar[FileFields] = _FILE_FIELDS

    def file_action(self, message: Message) -> FileAction:
        return file_action.read_pos(message)

    def file_answer(self, request: Message, told: Told, now: Now) -> Message:
        fields = request.pick(self.echo) | self.own_fields(now)
        operator = self.file_action(request).operator
        return self.compose(request, fields | file_action.answer_pos(told, operator))

    def key_of(self, mti_class: str, stan: str, sent_at: str, terminal: str, merchant: str) -> str:  # noqa: ARG002 - there is no DE 7
        return f"{mti_class}|{stan}|{terminal}|{merchant}"

    @property
    def request_header(self) -> bytes:
        return _DEFAULT_HEADER

    def reversal(self, charge: Charge, mti: str) -> Message:  # noqa: ARG002 - there is only one
        fields = dict(charge.sent) | {39: self.reason_code(charge)}
        if charge.kind is not Transaction.VOID:
            fields[61] = (charge.sent.get(60, "")[2:8] or _FIRST_BATCH) + charge.host_stan
        if charge.pan:
            fields[2] = charge.pan
        if charge.approval_code:
            fields[38] = charge.approval_code
        return build(self.dialect, "0400", fields, bytes.fromhex(charge.sent_header))

    def refund(self, charge: Charge, stan: str, amount: int, now: Now) -> Message:  # noqa: ARG002 - there is no DE 7
        batch = charge.sent.get(60, "")[2:8] or _FIRST_BATCH
        fields = dict(charge.sent) | {
            3: _GIVES + charge.sent.get(3, "000000")[2:],
            4: f"{amount:012d}",
            11: stan,
            60: _REFUND + batch + "000",
            61: batch + charge.host_stan,
        }
        fields |= {de: value for de, value in ((2, charge.pan), (37, charge.rrn)) if value}
        return build(self.dialect, "0220", fields, bytes.fromhex(charge.sent_header))

    def answer_header(self, request: Message) -> bytes:
        """The request's header with the TPDU's destination and origin exchanged."""
        header = request.header
        return header[:1] + header[3:5] + header[1:3] + header[5:]

    def own_fields(self, now: Now) -> dict[int, str]:
        local = now.local()
        return {12: local.strftime("%H%M%S"), 13: local.strftime("%m%d")}
