"""What every dialect's convention must be able to tell, and what all of them share."""

from __future__ import annotations

from abc import abstractmethod
from enum import StrEnum
from sys import intern
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from codec import build, dialect
from routing.accounts.plan import is_account
from routing.conventions.file_action import IN_1987
from routing.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codec import Message
    from routing.charge import Charge
    from routing.clock import Now
    from routing.conventions.file_action import FileAction, FileFields, Told
    from routing.purpose import Purpose
    from routing.transaction import Transaction


class Kind(StrEnum):
    """What a request from a terminal asks for."""

    CHARGE = "charge"
    COMPLETION = "completion or advice"
    UNDOING = "void or refund"
    ENQUIRY = "enquiry"
    REVERSAL = "reversal"
    CONFIRMATION = "confirmation"
    SETTLEMENT = "settlement"
    NETWORK = "network"
    ACCOUNT = "account request"
    UNSUPPORTED = "unsupported"
    NOT_A_REQUEST = "not a request"


class Wish:
    """What a request asks for, and what it does with money, if it is about money."""

    def __init__(self, kind: Kind, transaction: Transaction | None) -> None:
        self.kind, self.transaction = kind, transaction


class Original(NamedTuple):
    """How a later message names the charge that it is about."""

    prefix: str
    """Start of the charge's identity: merchant|terminal|STAN|MTI class|."""
    batch: str
    de7: str

    @property
    def stan(self) -> str:
        """DE 11 of the original."""
        return self.prefix.split("|")[-3]

    def names(self, charge: Charge) -> bool:
        """Whether `charge` is the one that is meant."""
        return (
            charge.identity.startswith(self.prefix)
            and self.batch in ("", charge.batch)
            and self.de7 in ("", charge.de7)
        )


class Confirmation(NamedTuple):
    """A terminal's word on its service."""

    original: Original
    served: bool
    reason: str


MAC_FIELDS: Final = (64, 128)
"""Made anew on each side of the gateway."""
_MAC, _SECOND_MAC = MAC_FIELDS
_PAN_DIGITS_MAX: Final = 19
_OTHER_REASON: Final = "06"
_FIRST_TRY: Final = str.maketrans("135", "024")
"""From a repeat's last digit to that of its first try, whoever sent it."""
MTI_CLASS: Final = 0
"""Among fields to be joined: the second digit of the MTI."""
AMOUNT_DIGITS: Final = 12
_TERMINAL: Final = (42, 41)
_RESPONSE_FUNCTION: Final = {"0": "1", "2": "3"}
_ANSWERS: Final[dict[str, str]] = {}
"""What `answer_mti` found; there are not many."""
_FIRST_TRIES: Final[dict[str, str]] = {}
"""The same of `first_mti`."""


def answer_mti(mti: str) -> str:
    """The MTI of the answer to a request or to its repeat: 0200 and 0201 give 0210, 1804 1814."""
    known = _ANSWERS.get(mti)
    if known is None:
        known = mti[:2] + _RESPONSE_FUNCTION[mti[2]] + mti[3].translate(_FIRST_TRY)
        known = _ANSWERS[mti] = intern(known)
    return known


def first_mti(mti: str) -> str:
    """The MTI of a message's first try, as an acquirer sends it: of 0201, of 0203, 0200."""
    if mti[3] == "0":
        return mti
    known = _FIRST_TRIES.get(mti)
    if known is None:
        known = _FIRST_TRIES[mti] = mti[:3] + "0"
    return known


def is_request(mti: str) -> bool:
    """Whether an MTI is one that wants an answer."""
    return mti[2] in "02"


class Convention:
    """One dialect's meaning.  Stateless; every method is a pure function of its arguments."""

    required: ClassVar[tuple[int, ...]] = ()
    """Fields without which a charge is refused with 30."""
    alike: ClassVar[tuple[int, ...]] = (3, 25, 41, 42, 49)
    """Fields whose values say, with MTI and bitmap, what a request wishes and whose it is."""
    currency_field: ClassVar[int] = 49
    echo: ClassVar[tuple[int, ...]] = ()
    """Fields of the request that an answer of the gateway's own carries back."""
    sufficient: ClassVar[frozenset[int]] = frozenset()
    """Fields of a charge that a reversal needs later; all that is kept of it."""
    no_answer_code: ClassVar[str] = ""
    """DE 39 for: the host did not answer in time (a reversal is on its way)."""
    keeps_stan: ClassVar[bool] = False
    """Whether hosts of this dialect must see the terminal's own DE 11."""
    network_codes: ClassVar[Mapping[Purpose, str]] = {}
    """What stands for each purpose of network management; a host's agreement may say otherwise."""
    reasons: ClassVar[Mapping[str, str]] = {}
    """DE 39 of a reversal towards a host, by `Reason`; others go as 06."""
    reasons_given: ClassVar[Mapping[str, Reason]] = {}
    """What DE 39 of a terminal's own reversal says; any other is plain TERMINAL_REVERSAL."""
    settles: ClassVar[bool] = True
    """Whether terminals of this dialect close batches."""
    says_batch: ClassVar[bool] = False
    """Whether each message says in which batch it is; else the terminal's session does."""
    key_parts: ClassVar[tuple[str, ...]] = ()
    """What the parts of `key_of` are called."""
    stan_digits: ClassVar[int] = 6
    """Digits of DE 11."""
    repeats_as_sent: ClassVar[bool] = False
    """Whether a repeat towards a host is the same message; else its MTI says that it is one."""
    unkept: ClassVar[frozenset[int]] = frozenset()
    """Fields of an answer that must not rest on disk, because they mean something else here."""
    original_field: ClassVar[int] = 0
    """The field that names an original, and that the gateway words anew towards hosts; 0: none."""
    unknown_original_code: ClassVar[str] = ""
    """DE 39 for a terminal's reversal of something that never came here."""

    file_fields: ClassVar[FileFields] = IN_1987
    """Where account requests and their answers have their record, and how long it may be."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dialect = dialect(name)
        self._required, self.kept = self.required, self.sufficient
        self.keeps_number = self.keeps_stan
        self.has_header = bool(self.dialect.header)
        self.says_currency_alike = self.currency_field in self.alike

    @abstractmethod
    def kind(self, message: Message) -> Kind:
        """What this message from a terminal asks for."""

    @abstractmethod
    def transaction(self, message: Message) -> Transaction | None:
        """What a financial request does with money; None if it is no such request."""

    def wish(self, message: Message) -> Wish:
        """Both at once."""
        return Wish(self.kind(message), self.transaction(message))

    @abstractmethod
    def undone(self, message: Message) -> Original | None:
        """Which charge a void or refund is about; None if the message does not say."""

    @abstractmethod
    def completed(self, message: Message) -> Original | None:
        """Which preauthorisation a completion is about; None if the message does not say."""

    @abstractmethod
    def point_to(self, message: Message, original: Charge) -> None:
        """Name `original` in a void or refund towards a host, as that host knows it."""

    @abstractmethod
    def word(self, message: Message, transaction: Transaction) -> None:
        """Say in a request that came from another dialect which transaction it is."""

    def identity(self, message: Message) -> str:
        """The key under which a repeat of this charge is recognised."""
        return self.identity_after(beginning_of(message), message)

    @abstractmethod
    def identity_after(self, beginning: str, message: Message) -> str:
        """The same for who knows its terminal's `beginning_of` it."""

    @abstractmethod
    def batch(self, message: Message) -> str:
        """The terminal's batch number, or what else tells its STANs of today from yesterday's; ''
        where messages that name an original do not say it.
        """

    def batch_number(self, message: Message) -> int | None:  # noqa: ARG002 - most have no batches
        """The number of the batch that a terminal is in, as it says; None if it does not."""
        return None

    def operator(self, message: Message) -> str:  # noqa: ARG002 - most dialects have no such field
        """Who stands at the terminal, by a code of the merchant's; '' if it does not say."""
        return ""

    def account_named(self, message: Message) -> str:
        """The digit of the merchant's account that a request names in DE 63; '' for none."""
        said = message.get(63) or ""
        return said if is_account(said) else ""

    @abstractmethod
    def original(self, message: Message) -> Original | None:
        """Which charge a reversal is about; None if the message does not say."""

    @abstractmethod
    def confirmation(self, message: Message) -> Confirmation | None:
        """What a confirmation says; None if it can't be understood."""

    @abstractmethod
    def network_answer(self, request: Message, now: Now) -> Message:
        """The answer to a sign-on, sign-off or echo."""

    @abstractmethod
    def network_request(self, code: str, stan: str, now: Now) -> Message:
        """A network management message from the gateway to a host; `code` says what it is for."""

    @abstractmethod
    def network_code(self, message: Message) -> str:
        """What says in a network management message what it is for."""

    def network_purpose(self, message: Message) -> Purpose | None:
        """What a network management message is for; None if it is none of ours."""
        code = self.network_code(message)
        return next((each for each, known in self.network_codes.items() if known == code), None)

    @abstractmethod
    def file_action(self, message: Message) -> FileAction:
        """What an account request says."""

    @abstractmethod
    def file_answer(self, request: Message, told: Told, now: Now) -> Message:
        """The answer to an account request."""

    def is_answer(self, message: Message) -> bool:
        """Whether a message answers one of ours."""
        return not is_request(message.mti)

    @abstractmethod
    def key_of(
        self, mti_class: str, stan: str, sent_at: str, terminal: str, merchant: str
    ) -> int | str:
        """What ties a host's answer to a request, from its fields as sent: see `matching`."""

    def pending_number(self, message: Message) -> int:  # noqa: ARG002 - most have texts
        """The same key, read off an answer, where it is a number; else -1."""
        return -1

    def pending_key(self, message: Message) -> int | str:
        """The same key, read off an answer."""
        stan, sent_at = message.text(11), message.text(7)
        return self.key_of(message.mti[1], stan, sent_at, message.text(41), message.text(42))

    @abstractmethod
    def reversal(self, charge: Charge, mti: str) -> Message:
        """The reversal of a charge towards a host of this dialect, first try or repeat.

        `mti` is the host's choice between a request and an advice, where the dialect has both.
        """

    def rewritten(self, charge: Charge) -> dict[int, str]:  # noqa: ARG002 - most have none
        """Fields in which the reversal differs from its original, and which its answer echoes."""
        return {}

    @abstractmethod
    def refund(self, charge: Charge, stan: str, amount: int, now: Now) -> Message:
        """A refund of the gateway's own, of `amount` minor units of what this charge took."""

    def reason_given(self, reversal: Message) -> Reason:
        """Why a terminal reverses, as far as it says."""
        return self.reasons_given.get(reversal.get(39, ""), Reason.TERMINAL_REVERSAL)

    def reason_code(self, charge: Charge) -> str:
        """DE 39 of the reversal of this charge."""
        return self.reasons.get(charge.reason, _OTHER_REASON)

    def code_of(self, answer: Message) -> str:
        """DE 39 of a host's answer in the common code set; '' if it has none."""
        return answer.text(39)

    def code_for(self, request: Message, code: str) -> str:  # noqa: ARG002 - most need no request
        """DE 39 of the answer to `request` for a code of the common set."""
        return code

    def amount_of(self, message: Message) -> str:
        """The 12 digits of DE 4 that count minor units; '' if there is none."""
        return message.text(4)

    def amount(self, message: Message) -> int:
        """The minor units of DE 4; -1 unless it counts them in 12 digits."""
        return message.number(4, AMOUNT_DIGITS)

    def currency_of(self, message: Message) -> str:
        """The currency of DE 4; '' if the message does not say."""
        return message.text(49)

    def original_amount(self, reversal: Message) -> str:
        """The amount of its original that a terminal's reversal names, 12 digits; '' if none."""
        return self.amount_of(reversal)

    def kept_amount(self, reversal: Message) -> int:  # noqa: ARG002 - most know no such thing
        """Minor units that a terminal's partial reversal leaves charged; 0: it is a full one."""
        return 0

    @property
    def request_header(self) -> bytes:
        """The header of a request that the gateway makes itself."""
        return b""

    @abstractmethod
    def answer_header(self, request: Message) -> bytes:
        """The header of an answer to this request."""

    @abstractmethod
    def own_fields(self, now: Now) -> dict[int, str]:
        """What the gateway adds to an answer of its own."""

    def answer(self, request: Message, code: str, now: Now) -> Message:
        """An answer of the gateway's own: the echoed fields and DE 39."""
        fields = request.pick(self.echo)
        return self.compose(
            request, fields | self.own_fields(now) | {39: self.code_for(request, code)}
        )

    def compose(self, request: Message, fields: Mapping[int, str]) -> Message:
        """An answer to `request` that consists of `fields`."""
        header = self.answer_header(request)
        return build(self.dialect, answer_mti(request.mti), fields, header)

    def missing(self, message: Message) -> int | None:
        """The first field that a charge must have and this one lacks."""
        required = self._required
        return None if message.has_all(required) else first_missing(message, required)


def first_missing(message: Message, required: tuple[int, ...]) -> int | None:
    """The first of the fields that a message lacks."""
    for de in required:
        if not message.has(de):
            return de
    return None


def has_mac(message: Message) -> bool:
    """Whether a message carries a MAC, be it good or not."""
    return message.has(_MAC) or message.has(_SECOND_MAC)


def beginning_of(message: Message) -> str:
    """merchant|terminal|: how the identities of a terminal's charges begin, whatever characters the
    names have.
    """
    return message.joined(_TERMINAL, escaped=True) + "|"


def named(message: Message, stan: str, mti_class: str) -> str:
    """merchant|terminal|STAN|MTI class|: the same of one of its charges."""
    return named_after(beginning_of(message), stan, mti_class)


def named_after(beginning: str, stan: str, mti_class: str) -> str:
    """The same for who knows how it begins."""
    if "|" in stan or "\\" in stan:
        stan = stan.replace("\\", "\\\\").replace("|", "\\p")
    return f"{beginning}{stan}|{mti_class}|"


def pan_of(message: Message) -> str:
    """The card number, from DE 2 or track 2; '' if neither holds one."""
    if message.has(2):
        return message.text(2)
    pan, separator, _ = (message.get(35) or "").replace("D", "=").partition("=")
    return pan if separator and len(pan) <= _PAN_DIGITS_MAX else ""
