"""What the rest of the gateway asks of terminals that go out of service or come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing.accounts.backup import Wanted
from routing.accounts.deactivation import BACKUP, Deactivation
from routing.accounts.machine import Kind
from routing.accounts.refusals import Language, advice, codes_of, encoded, fitted
from routing.accounts.second import SecondAccount
from routing.conventions import CONVENTIONS
from routing.conventions.file_action import OPERATOR_LENGTH, can_hold_chinese, fitted_codes

if TYPE_CHECKING:
    from codec import Message
    from routing.accounts.backup import Evidence
    from routing.accounts.office import Office
    from routing.accounts.refusals import Obstacle
    from routing.accounts.request import AccountRequest
    from routing.clock import Now


class Devices:
    """Answers for the office."""

    def __init__(self, office: Office) -> None:
        self._office = office
        case = office.cases[Kind.DEACTIVATION]
        if isinstance(case, Deactivation):
            office.shelf.told = case.tests.look
        self.unknown_serials = 0
        """Devices that were reported and may not be used."""

    def words_for(self, message: Message) -> dict[int, str]:
        """Why a barred terminal is refused, for its display and its cashier: DE 44 and DE 63."""
        merchant, terminal = message.get(42, "").rstrip(), message.get(41, "").rstrip()
        convention = CONVENTIONS[message.dialect.name]
        language = self._office.registered.language(merchant, terminal)
        if not can_hold_chinese(message):
            language = Language.ENGLISH
        request = self._office.shelf.get(self._office.gate.because_of(merchant, terminal))
        if request is None:
            against = self._of_the_account(message)
            codes, sentences = fitted_codes(codes_of(against)), advice(against, language)
        else:
            place = self._office.cases[request.kind].machine.places[request.state]
            end = "。" if language is Language.CHINESE else "."
            sentences = [place.title.say(language) + end, place.next.say(language)]
            codes = str(request.facts.get("why") or request.state)
        if not codes:
            return {}
        text = encoded(fitted(sentences, language), language).decode("latin-1")
        operator = convention.file_action(message).operator
        if convention.file_fields.text_follows_operator:
            text = operator.ljust(OPERATOR_LENGTH) + text
        return {44: codes, 63: text}

    def _of_the_account(self, message: Message) -> list[Obstacle]:
        """Why the account is not open that a charge goes to; nothing if it is not about that."""
        case, collecting = self._office.cases[Kind.SECOND], self._office.collecting
        meant = collecting.meant(message, CONVENTIONS[message.dialect.name])
        if not meant or not isinstance(case, SecondAccount):
            return []
        return case.words_for(message, meant)

    def sign_in_refusal(self, merchant: str, terminal: str) -> str:
        """DE 39 for a terminal that signs in; '' for one that may, or is to be tested."""
        code = self._office.gate.code(merchant, terminal)
        return code or self._office.life.registry.refusal_of_sign_in(merchant, terminal)

    def lets_test(self, subject: str, amount: int) -> bool:
        """Whether a sale is the test charge of a terminal that is being tested."""
        case = self._office.cases[Kind.DEACTIVATION]
        return isinstance(case, Deactivation) and case.tests.lets(subject, amount)

    @property
    def tests_passed(self) -> int:
        """Tests that terminals passed in this life."""
        case = self._office.cases[Kind.DEACTIVATION]
        return case.tests.passed if isinstance(case, Deactivation) else 0

    def backups_wanted(self) -> list[Wanted]:
        """Terminals whose transactions are to be backed up now."""
        return [
            Wanted(each.id, each.merchant, each.terminal)
            for each in self._office.shelf.open()
            if each.kind is Kind.DEACTIVATION and each.state == BACKUP
        ]

    def backed_up(self, wanted: Wanted, evidence: Evidence, now: Now) -> None:
        """A backup was written and read again; or could not be."""
        request, case = (
            self._office.shelf.get(wanted.request),
            self._office.cases[Kind.DEACTIVATION],
        )
        if request is not None and isinstance(case, Deactivation):
            case.backed_up(request, evidence, now)

    def serial_is_good(self, request: AccountRequest, serial: str, now: Now) -> bool:
        """Whether a device may be used: of an allowed series, and no other terminal's."""
        allowed = self._office.book.at(now.wall).serials
        if not serial or (allowed and not serial.startswith(allowed)):
            self.unknown_serials += 1
            return False
        return self._office.registered.is_free(request.merchant, request.terminal, serial)
