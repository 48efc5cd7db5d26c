"""ISO 8583:1987: what its messages mean to the gateway.

A charge is the same as another if DE 42, 41, 11, 13, 12 and the MTI class agree.  A reversal and
a confirmation name their original in DE 90 as the terminal sent it; a confirmation says in DE 60
`SERVED` or `NOT:<reason>`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from codec import build, likeness
from routing.clock import de7
from routing.conventions import file_action, iso87_batch
from routing.conventions.base import (
    MTI_CLASS,
    Confirmation,
    Convention,
    Kind,
    Original,
    Wish,
    is_request,
    named,
)
from routing.key_table import DE7_DIGITS, STAN_DIGITS, numbered
from routing.purpose import Purpose
from routing.reason import Reason
from routing.transaction import Transaction

if TYPE_CHECKING:
    from codec import Message
    from routing.charge import Charge
    from routing.clock import Now
    from routing.conventions.file_action import FileAction, FileFields, Told

_IDENTITY: Final = (11, MTI_CLASS, 13, 12)
"""What follows on merchant and terminal."""
_IDENTITY_BY_DE7: Final = (11, MTI_CLASS, 13, 7)
_KEY: Final = (MTI_CLASS, 11, 7)
_STAN_DIGITS: Final = STAN_DIGITS
_DE7_DIGITS: Final = DE7_DIGITS
_ZERO: Final = ord("0")
_CHARGES: Final = frozenset({"00", "01", "09"})
_VOID: Final = "02"
_REFUND: Final = "20"
_GIVE_BACK: Final = frozenset({_VOID, _REFUND})
_PREAUTHORISED: Final = "06"
"""DE 25: one of the messages of a preauthorisation."""
_ADVISES: Final = "0"
"""The edition whose 0220 without DE 60 tells of money; DE 60 makes it a confirmation."""
_ENQUIRIES: Final = frozenset({"30", "31"})
_KINDS: Final = {
    "10": Kind.CHARGE,
    "20": Kind.CHARGE,
    "22": Kind.CONFIRMATION,
    "30": Kind.ACCOUNT,
    "32": Kind.SETTLEMENT,
    "50": Kind.SETTLEMENT,
    "40": Kind.REVERSAL,
    "42": Kind.REVERSAL,
    "80": Kind.NETWORK,
    "82": Kind.NETWORK,
}
"""By class and function of the MTI; CHARGE and CONFIRMATION stand for what asks a closer look."""
_SORTS_MAX: Final = 1_000
"""Sorts of requests that are remembered; what else comes is looked at anew."""
_NOT_SERVED: Final = "NOT:"
_NO_INSTITUTIONS: Final = "0" * 22
_AMOUNT_DIGITS: Final = 12
_NO_SETTLEMENT_AMOUNTS: Final = "0" * 12 + "C00000000" * 2
"""The rest of DE 95: actual settlement amount and the two fees."""
_LATE: Final = "68"
_GIVEN_UP: Final = "17"
_FILE_FIELDS: Final = file_action.IN_1987


class Sort:
    """Requests that agree in their MTI, in how DE 3 begins and in being a preauthorisation's: what
    all of them ask for.
    """

    def __init__(self, mti: str, code: str, preauthorised: bool, version: str) -> None:
        self.mti, self.code, self.preauthorised = mti, code, preauthorised
        transaction = _transaction_of(mti, code or "00", preauthorised)
        kind = _kind_of(mti, version)
        self.may_advise = False
        """Whether one that has an amount, and no DE 60, tells of money."""
        if kind is Kind.CHARGE:
            kind = _financial_kind(mti, code or "00", preauthorised)
        elif kind is Kind.CONFIRMATION:
            self.may_advise = version == _ADVISES and code in _CHARGES
            if code in _GIVE_BACK:
                kind = Kind.UNDOING
        self.wish = Wish(kind, transaction)
        self.advice = Wish(Kind.COMPLETION, transaction)


class Iso87(Convention):
    """The convention of the 1987 edition; hosts get 0420 or 0400, repeated as 0421 or 0401."""

    version: ClassVar = "0"
    """First digit of the MTI."""
    required: ClassVar[tuple[int, ...]] = (3, 4, 7, 11, 41, 42)
    echo: ClassVar[tuple[int, ...]] = (2, 3, 4, 7, 11, 12, 13, 25, 41, 42, 49, 70, 90)
    sufficient: ClassVar = frozenset({3, 4, 12, 13, 14, 18, 19, 22, 23, 25, 32, 33, 41, 42, 43, 49})
    no_answer_code: ClassVar = "68"
    keeps_stan: ClassVar = False
    network_codes: ClassVar = {
        Purpose.SIGN_ON: "001",
        Purpose.SIGN_OFF: "002",
        Purpose.KEY_CHANGE: "101",
        Purpose.CUT_OVER_BEGINS: "201",
        Purpose.CUT_OVER_ENDS: "202",
        Purpose.ECHO: "301",
    }
    key_parts: ClassVar = ("MTI", "DE 11", "DE 7")
    reasons: ClassVar = {
        Reason.NO_ANSWER: _LATE,
        Reason.LINK_LOST: _LATE,
        Reason.RESTART: _LATE,
        Reason.TERMINAL_NO_ANSWER: _LATE,
        Reason.TERMINAL_CANCELLED: _GIVEN_UP,
        Reason.NOT_SERVED: _GIVEN_UP,
        Reason.NOT_CONFIRMED: _GIVEN_UP,
    }
    reasons_given: ClassVar = {
        _LATE: Reason.TERMINAL_NO_ANSWER,
        _GIVEN_UP: Reason.TERMINAL_CANCELLED,
        "96": Reason.TERMINAL_CANNOT_FINISH,
    }
    original_field: ClassVar[int] = 90
    unknown_original_code: ClassVar = "25"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._sorts: dict[tuple[str, str, bool], Sort] = {}
        self._last = Sort("0000", "", False, self.version)

    def wish(self, message: Message) -> Wish:
        sort = self._sort_of(message)
        advises = sort.may_advise and message.has(4) and not message.has(60)
        return sort.advice if advises else sort.wish

    def kind(self, message: Message) -> Kind:
        return self.wish(message).kind

    def transaction(self, message: Message) -> Transaction | None:
        return self.wish(message).transaction

    def _sort_of(self, message: Message) -> Sort:
        """Nearly all requests are of the same sort as the one before."""
        mti, code, last = message.mti, message.first_two(3), self._last
        preauthorised = message.holds(25, _PREAUTHORISED)
        if last.mti == mti and last.code == code and last.preauthorised == preauthorised:
            return last
        key = mti, code, preauthorised
        known = self._sorts.get(key)
        if known is None:
            known = Sort(mti, code, preauthorised, self.version)
            if len(self._sorts) < _SORTS_MAX:
                self._sorts[key] = known
        self._last = known
        return known

    def undone(self, message: Message) -> Original | None:
        return self.original(message)

    def completed(self, message: Message) -> Original | None:
        return self.original(message)

    def point_to(self, message: Message, original: Charge) -> None:
        for de, value in self.naming(original).items():
            message.patch(de, value)

    def word(self, message: Message, transaction: Transaction) -> None:
        code = {Transaction.VOID: _VOID, Transaction.REFUND: _REFUND}.get(transaction)
        if transaction.advises:
            message.set_mti(self.version + "220")
        elif code is not None:
            message.patch(3, code + message[3][2:])

    def naming(self, charge: Charge) -> dict[int, str]:
        """The field that names a charge towards its host: MTI, STAN and DE 7 as it got them."""
        numbers = charge.host_stan + charge.host_de7
        return {90: f"{charge.mti[:3]}0{numbers}{_NO_INSTITUTIONS}"}

    def identity_after(self, beginning: str, message: Message) -> str:
        # A terminal that sends no local time is told from its next day's self by DE 7.
        fields = _IDENTITY if message.has(12) else _IDENTITY_BY_DE7
        return likeness.joined_after(beginning, message, fields)

    def batch(self, message: Message) -> str:  # noqa: ARG002 - this dialect has none
        return ""

    def batch_number(self, message: Message) -> int | None:
        return iso87_batch.number(message) if self.settles and message.mti[1] == "5" else None

    def original(self, message: Message) -> Original | None:
        if not message.has(90):
            return None
        de90: str = message[90]
        prefix = named(message, de90[4:10], de90[1])
        sent_at = de90[10:20]
        return Original(prefix, "", "" if sent_at == "0" * 10 else sent_at)

    def confirmation(self, message: Message) -> Confirmation | None:
        original, said = self.original(message), message.get(60, "").strip()
        if original is None:
            return None
        if said == "SERVED":
            return Confirmation(original, True, "")
        if said.startswith(_NOT_SERVED):
            return Confirmation(original, False, said.removeprefix(_NOT_SERVED))
        return None

    def network_answer(self, request: Message, now: Now) -> Message:
        return self.answer(request, "00", now)

    def network_request(self, code: str, stan: str, now: Now) -> Message:
        return build(self.dialect, "0800", {7: de7(now), 11: stan, 70: code})

    def network_code(self, message: Message) -> str:
        return message.get(70) or ""

    file_fields: ClassVar[FileFields] = _FILE_FIELDS

    def file_action(self, message: Message) -> FileAction:
        return file_action.read_1987(message)

    def file_answer(self, request: Message, told: Told, now: Now) -> Message:
        fields = request.pick((*self.echo, 91, 101)) | self.own_fields(now)
        return self.compose(request, fields | file_action.answer_1987(told))

    def pending_number(self, message: Message) -> int:
        stan, sent_at = message.number(11, _STAN_DIGITS), message.number(7, _DE7_DIGITS)
        if stan < 0 or sent_at < 0:
            return -1
        mti = message.mti
        return numbered(ord(mti[1]) - _ZERO, stan, sent_at)

    def pending_key(self, message: Message) -> int | str:
        number = self.pending_number(message)
        return number if number >= 0 else message.joined(_KEY)

    def key_of(
        self,
        mti_class: str,
        stan: str,
        sent_at: str,
        terminal: str,  # noqa: ARG002 - a host of this dialect need not echo DE 41 and 42
        merchant: str,  # noqa: ARG002
    ) -> int | str:
        sizes, digits = (len(stan), len(sent_at)), stan + sent_at
        if sizes == (_STAN_DIGITS, _DE7_DIGITS) and digits.isascii() and digits.isdigit():
            return numbered(int(mti_class), int(stan), int(sent_at))
        return f"{mti_class}|{stan}|{sent_at}"

    def reversal(self, charge: Charge, mti: str) -> Message:
        mti = mti if charge.attempts == 0 else mti[:3] + "1"
        fields = dict(charge.sent) | {
            7: charge.reversal_de7,
            11: charge.reversal_stan,
            **self.naming(charge),
            **self.why(charge),
        }
        known = ((2, charge.pan), (37, charge.rrn), (38, charge.approval_code))
        fields |= {de: value for de, value in known if value}
        return build(self.dialect, self.version + mti[1:], fields)

    def why(self, charge: Charge) -> dict[int, str]:
        """The fields of a reversal that say why, and how much of it stays charged."""
        said = {39: self.reason_code(charge)}
        if charge.keeps:
            said[95] = f"{charge.keeps:012d}{_NO_SETTLEMENT_AMOUNTS}"
        return said

    def refund(self, charge: Charge, stan: str, amount: int, now: Now) -> Message:
        processing_code = _REFUND + charge.sent.get(3, "000000")[2:]
        fields = dict(charge.sent) | {
            3: processing_code,
            4: self.in_minor_units(charge, amount),
            7: de7(now),
            11: stan,
            **self.naming(charge),
        }
        fields |= {de: value for de, value in ((2, charge.pan), (37, charge.rrn)) if value}
        return build(self.dialect, self.version + "220", fields)

    def in_minor_units(self, charge: Charge, amount: int) -> str:  # noqa: ARG002 - DE 49 names it
        """DE 4 of a message about `charge`, in its currency."""
        return f"{amount:012d}"

    def kept_amount(self, reversal: Message) -> int:
        actual = reversal.get(95, "")[:_AMOUNT_DIGITS]
        return int(actual) if actual.isascii() and actual.isdigit() else 0

    def answer_header(self, request: Message) -> bytes:  # noqa: ARG002 - this dialect has none
        return b""

    def own_fields(self, now: Now) -> dict[int, str]:  # noqa: ARG002 - and adds nothing
        return {}


def _kind_of(mti: str, version: str) -> Kind:
    """What an MTI says by itself."""
    if mti[0] != version or not is_request(mti):
        return Kind.NOT_A_REQUEST
    return _KINDS.get(mti[1:3], Kind.UNSUPPORTED)


def _financial_kind(mti: str, code: str, preauthorised: bool) -> Kind:
    if code in _CHARGES:
        return Kind.COMPLETION if mti[1] == "2" and preauthorised else Kind.CHARGE
    if code in _GIVE_BACK:
        return Kind.UNDOING
    return Kind.ENQUIRY if code in _ENQUIRIES else Kind.UNSUPPORTED


def _transaction_of(mti: str, code: str, preauthorised: bool) -> Transaction | None:
    if code == _VOID:
        return Transaction.VOID
    if code == _REFUND:
        return Transaction.REFUND
    if code not in _CHARGES:
        return None
    if mti[1] == "1":
        return Transaction.PREAUTHORISATION if preauthorised else Transaction.AUTHORISATION
    if mti[2] == "2":
        return Transaction.COMPLETION_ADVICE if preauthorised else Transaction.OFFLINE_SALE
    return Transaction.COMPLETION if preauthorised else Transaction.SALE
