"""How the simulated host reads requests and words its answers, in each dialect.

What is decided stands in `bank` and `host_faults`; bytes are the codec's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final

from codec import build, dialect
from gateway.simulators.bank import ChargeRequest

if TYPE_CHECKING:
    from datetime import datetime

    from codec import Message

_ENQUIRIES: Final = ("30", "31")
_ANSWER_DIGIT: Final = str.maketrans({"0": "1", "2": "3"})


class Kind(StrEnum):
    """What a message to the host is."""

    CHARGE = "charge"
    VOID = "void"
    REFUND = "refund"
    ENQUIRY = "enquiry"
    REVERSAL = "reversal"
    CONFIRMATION = "confirmation"
    NETWORK = "network"
    ANSWER = "answer"
    UNKNOWN = "unknown"


_KINDS: Final = {
    "10": Kind.CHARGE,
    "20": Kind.CHARGE,
    "22": Kind.CONFIRMATION,
    "40": Kind.REVERSAL,
    "42": Kind.REVERSAL,
    "80": Kind.NETWORK,
    "82": Kind.NETWORK,
}

_POS_UNDOING: Final = {
    "11": Kind.VOID,
    "21": Kind.VOID,
    "23": Kind.VOID,
    "25": Kind.REFUND,
    "27": Kind.REFUND,
}
_ISO_UNDOING: Final = {"02": Kind.VOID, "20": Kind.REFUND}
_POS_ADVICES: Final = frozenset({"24", "30"})


def kind(message: Message) -> Kind:
    """What `message` is, by its MTI and processing code."""
    mti = message.mti
    if mti[2] in "13":
        return Kind.ANSWER
    found = _KINDS.get(mti[1:3], Kind.UNKNOWN)
    if found is Kind.CHARGE and message.get(3, "")[:2] in _ENQUIRIES:
        return Kind.ENQUIRY
    if found is Kind.CONFIRMATION and _advises(message):
        found = Kind.CHARGE
    if found is Kind.CHARGE or found is Kind.CONFIRMATION:
        return _undoing(message) or found
    return found


def _advises(message: Message) -> bool:
    """Whether an 0220 tells of money: by DE 60.1 in the POS dialect, else by having no DE 60."""
    if message.dialect.name == "unionpay-pos":
        return message.get("60.1") in _POS_ADVICES
    return message.has(4) and not message.has(60)


def _undoing(message: Message) -> Kind | None:
    """Whether it gives money back: by DE 60.1 in the POS dialect, by DE 3 in the others."""
    if message.dialect.name == "unionpay-pos":
        return _POS_UNDOING.get(message.get("60.1") or "")
    return _ISO_UNDOING.get(message.get(3, "")[:2])


def amount(message: Message) -> int:
    """The amount in minor units; 0 when there is none."""
    digits: str = message.get(4, "0")
    return int(digits) if digits.isdigit() else 0


def place(message: Message) -> str:
    """Where a message comes from: merchant|terminal."""
    return f"{message.get(42, '')}|{message.get(41, '')}"


class HostSpeech(ABC):
    """One dialect, as this host speaks it."""

    echo: ClassVar[tuple[int, ...]]
    """Fields of a request that its answer carries back."""

    def __init__(self, name: str) -> None:
        self.dialect = dialect(name)

    @abstractmethod
    def identity(self, message: Message) -> str:
        """What makes a message the same as another: repeats carry it again."""

    def charge_request(self, message: Message) -> ChargeRequest:
        """A sale or authorisation as the bank sees it."""
        merchant, terminal = message.get(42, ""), message.get(41, "")
        return ChargeRequest(self.identity(message), merchant, terminal, amount(message))

    @abstractmethod
    def original(self, message: Message) -> str:
        """The identity of the charge that a reversal or confirmation is about; '' if none."""

    @abstractmethod
    def network_request(self, what: str, stan: str, now: datetime) -> Message:
        """A message of the host's own: `what` is one of `_network_codes`."""

    @abstractmethod
    def network_what(self, message: Message) -> str:
        """The same word for a message of the gateway's; '' for what is none of them."""

    def answer(self, request: Message, fields: dict[int, str]) -> Message:
        """The answer to `request`: its echoed fields and `fields`."""
        echoed = {de: request[de] for de in self.echo if request.has(de)}
        mti = request.mti[:2] + request.mti[2].translate(_ANSWER_DIGIT) + "0"
        return build(self.dialect, mti, echoed | fields, self.answer_header(request))

    @abstractmethod
    def answer_header(self, request: Message) -> bytes:
        """What stands before the MTI of an answer."""


class Iso87HostSpeech(HostSpeech):
    """ISO 8583:1987: a message is known by STAN and DE 7, an original by DE 90."""

    echo: ClassVar = (2, 3, 4, 7, 11, 12, 13, 25, 32, 41, 42, 49, 70, 90)
    _network_codes: ClassVar = {
        "sign-on": "001",
        "sign-off": "002",
        "key change": "101",
        "cut-over begins": "201",
        "cut-over ends": "202",
        "echo": "301",
    }

    def identity(self, message: Message) -> str:
        get = message.get
        return f"{message.mti[1]}|{get(11, '')}|{get(7, '')}|{place(message)}"

    def original(self, message: Message) -> str:
        if not message.has(90):
            return ""
        de90: str = message[90]
        return f"{de90[1]}|{de90[4:10]}|{de90[10:20]}|{place(message)}"

    def network_request(self, what: str, stan: str, now: datetime) -> Message:
        fields = {7: now.strftime("%m%d%H%M%S"), 11: stan, 70: self._network_codes[what]}
        return build(self.dialect, "0800", fields)

    def network_what(self, message: Message) -> str:
        code = message.get(70)
        return next((what for what, known in self._network_codes.items() if known == code), "")

    def answer_header(self, request: Message) -> bytes:  # noqa: ARG002 - this dialect has none
        return b""


class PosHostSpeech(HostSpeech):
    """The POS dialect: a message is known by batch and DE 11, an original by DE 61 or the same."""

    echo: ClassVar = (2, 3, 4, 11, 25, 41, 42, 49, 60)
    _network_codes: ClassVar = {
        "sign-on": ("0800", "001"),
        "sign-off": ("0820", "002"),
        "key change": ("0800", "101"),
        "cut-over begins": ("0820", "201"),
        "cut-over ends": ("0820", "202"),
        "echo": ("0820", "301"),
    }
    _of_preauthorisations: ClassVar = ("10", "11")

    def identity(self, message: Message) -> str:
        batch, stan = message.get("60.2", ""), message.get(11, "")
        return f"{message.mti[1]}|{batch}|{stan}|{place(message)}"

    def original(self, message: Message) -> str:
        batch, stan = message.get("60.2") or "", message.get(11) or ""
        reverses_undoing = message.mti[1] == "4" and _undoing(message) is not None
        if not reverses_undoing:
            # In the reversal of a void DE 61 still names what was to be voided.
            batch, stan = message.get("61.1") or batch, message.get("61.2") or stan
        original_class = "1" if message.get("60.1") in self._of_preauthorisations else "2"
        return f"{original_class}|{batch}|{stan}|{place(message)}"

    def network_request(self, what: str, stan: str, now: datetime) -> Message:  # noqa: ARG002 - no DE 7
        mti, code = self._network_codes[what]
        return build(self.dialect, mti, {11: stan, 60: "00000001" + code})

    def network_what(self, message: Message) -> str:
        said = (message.mti, message.get("60.3"))
        return next((what for what, known in self._network_codes.items() if known == said), "")

    def answer_header(self, request: Message) -> bytes:
        """The request's header, TPDU destination and origin exchanged."""
        header = request.header
        return header[:1] + header[3:5] + header[1:3] + header[5:]


SPEECHES: Final[dict[str, HostSpeech]] = {
    "iso87-ascii": Iso87HostSpeech("iso87-ascii"),
    "unionpay-pos": PosHostSpeech("unionpay-pos"),
}
