"""What the host does with one message: asks the bank, writes the book, words the answer.

Pure but for the book: a message in, answers and their times out.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gateway.simulators import host_script as faults
from gateway.simulators.bank import APPROVED, Bank
from gateway.simulators.host_script import Fault, HostScript
from gateway.simulators.host_speech import SPEECHES, Kind, amount, kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from codec import Message
    from gateway.simulators.bank import Charge
    from gateway.simulators.book import Book
    from gateway.simulators.host_management import Management

BAD_MAC: Final = "A0"
UNAVAILABLE: Final = "91"
UNSUPPORTED: Final = "40"
_AMOUNT_DIGITS: Final = 12


class Answer(NamedTuple):
    """A message to send, how many seconds from now, and whether its MAC is to be wrong."""

    message: Message
    after_s: float = 0.0
    spoil_mac: bool = False


class Teller:
    """Answers messages by a script; `counts` says what came."""

    def __init__(
        self, script: HostScript, bank: Bank, book: Book, management: Management | None = None
    ) -> None:
        self._script = script
        self._bank = bank
        self._book = book
        self._speech = SPEECHES[script.dialect]
        self._management = management
        self._reversal_tries: Counter[str] = Counter()
        self._handlers: dict[Kind, Callable[[Message], list[Answer]]] = {
            Kind.CHARGE: self._charge,
            Kind.VOID: self._undoing,
            Kind.REFUND: self._undoing,
            Kind.REVERSAL: self._reversal,
            Kind.CONFIRMATION: self._confirmation,
            Kind.ENQUIRY: self._agree,
            Kind.NETWORK: self._manage,
            Kind.UNKNOWN: self._refuse,
        }
        self.signed_off = False
        self.counts: Counter[str] = Counter()

    def hear(self, message: Message, *, mac_good: bool, signed_on: bool = True) -> list[Answer]:
        """The answers to one message; none to an answer."""
        what = kind(message)
        if what is Kind.ANSWER:
            return []
        self.counts[what] += 1
        if not mac_good:
            return [self._plain(message, BAD_MAC)]
        if (self.signed_off or not signed_on) and what is not Kind.NETWORK:
            return [self._plain(message, UNAVAILABLE)]
        return self._handlers[what](message)

    def _charge(self, message: Message) -> list[Answer]:
        request = self._speech.charge_request(message)
        known = self._bank.known(request.identity)
        if known is not None:
            self._write_charge(message, known, Fault.NONE, repeat=True)
            return [self._answer(message, known)]
        code = faults.decision(self._script, request, _pan(message))
        charge = self._bank.decide(request, code)
        fault = faults.charge_fault(self._script, request)
        self._write_charge(message, charge, fault, repeat=False)
        return self._spoiled(self._answer(message, charge), fault)

    def _undoing(self, message: Message) -> list[Answer]:
        request, what = self._speech.charge_request(message), kind(message)
        known, original = self._bank.known(request.identity), self._speech.original(message)
        undoing = known or self._bank.undo(request, original, whole=what is Kind.VOID)
        fault = Fault.NONE if known else faults.charge_fault(self._script, request)
        line = self._line(what, message, undoing.code, fault)
        repeat = known is not None
        self._book.write(line | {"rrn": undoing.rrn, "original": original, "repeat": repeat})
        return self._spoiled(self._answer(message, undoing), fault)

    def _reversal(self, message: Message) -> list[Answer]:
        identity, original = self._speech.identity(message), self._speech.original(message)
        actual = message.get(95, "")[:_AMOUNT_DIGITS]
        outcome = self._bank.reverse(identity, original, int(actual or 0))
        self._reversal_tries[identity] += 1
        fault = faults.reversal_fault(self._script, identity, self._reversal_tries[identity])
        charge = outcome.charge
        self._book.write(
            self._line("reversal", message, outcome.code, fault)
            | {
                "original": original,
                "gave_back": outcome.gave_back,
                "repeat": outcome.repeat,
                "rrn": charge.rrn if charge else "",
            }
        )
        return self._spoiled(self._plain(message, outcome.code), fault)

    def _confirmation(self, message: Message) -> list[Answer]:
        return [self._plain(message, self._bank.confirm(self._speech.original(message)))]

    def _manage(self, message: Message) -> list[Answer]:
        if self._management is None:
            return self._agree(message)
        return [self._after_delay(self._management.hear(message))]

    def _agree(self, message: Message) -> list[Answer]:
        return [self._plain(message, APPROVED)]

    def _refuse(self, message: Message) -> list[Answer]:
        return [self._plain(message, UNSUPPORTED)]

    # Answers

    def _plain(self, request: Message, code: str) -> Answer:
        return self._after_delay(self._speech.answer(request, {39: code}))

    def _answer(self, request: Message, charge: Charge) -> Answer:
        fields = {37: charge.rrn, 39: charge.code}
        if charge.approval_code:
            fields[38] = charge.approval_code
        return self._after_delay(self._speech.answer(request, fields))

    def _after_delay(self, message: Message) -> Answer:
        return Answer(message, self._script.delay_ms / 1000)

    def _spoiled(self, answer: Answer, fault: Fault) -> list[Answer]:
        match fault:
            case Fault.SILENT:
                return []
            case Fault.LATE:
                return [answer._replace(after_s=self._script.late_s)]
            case Fault.DUPLICATE:
                return [answer, answer]
            case Fault.WRONG_MAC:
                return [answer._replace(spoil_mac=True)]
        return [answer]

    # The book

    def _write_charge(
        self, message: Message, charge: Charge, fault: Fault, *, repeat: bool
    ) -> None:
        line = self._line("charge", message, charge.code, fault)
        self._book.write(line | {"rrn": charge.rrn, "repeat": repeat})

    def _line(self, what: str, message: Message, code: str, fault: Fault) -> dict[str, Any]:
        get = message.get
        return {
            "kind": what,
            "mti": message.mti,
            "stan": get(11, ""),
            "de7": get(7, ""),
            "batch": get("60.2", ""),
            "merchant": get(42, ""),
            "terminal": get(41, ""),
            "amount": amount(message),
            "code": code,
            "answered": {Fault.SILENT: False, Fault.LATE: "late"}.get(fault, True),
            "fault": fault,
        }


def _pan(message: Message) -> str:
    if message.has(2):
        return message[2]
    return message.get(35, "").partition("=")[0]
