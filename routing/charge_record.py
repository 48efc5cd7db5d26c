"""What is known of one charge: the record that the journal keeps, and what lives in memory only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from routing.states import State
from routing.transaction import Transaction

if TYPE_CHECKING:
    from codec import Message
    from codec.kept import Fields
    from routing.deadlines import Due
    from routing.line import Line
    from routing.shelf import Shelf

_SALE: Final = Transaction.SALE
_SENT: Final = State.SENT


class Trouble:
    """What has to be known of a charge that does not go well, in this process's life only; of
    nearly all others there is none, so they share one, which nobody writes to.
    """

    def __init__(self) -> None:
        self.answer_forged = False
        """An answer came whose MAC was wrong: no answer, but a reason to give."""
        self.too_late = False
        """Its deadline passed before its record was durable: it leaves no more."""
        self.proof_until = 0.0
        """Monotonic time until which its delivery may be proven."""
        self.reversal_in_flight = False
        self.tries: tuple[tuple[float, int], ...] = ()
        """Monotonic time and link of each reversal try that may still be answered, oldest first."""
        self.told_nothing_at = 0.0
        """Monotonic time of the host's last "nothing to reverse" that was no copy; 0: none."""
        self.reversal_link = 0
        """The link that carried the last try of its reversal."""


NO_TROUBLE: Final = Trouble()


@dataclass(kw_only=True, repr=False, eq=False)
class Charge:
    """What is known of one charge; the last block lives in memory only.

    Amounts are minor units of `currency`; times ending in `_at` are seconds since the epoch.
    `pan` is in clear in memory only: the journal enciphers it, and `repr` hides it.
    """

    id: int
    epoch: int
    till: str = field(init=False)
    """Whose charge it is: merchant|terminal."""
    undoes: bool = field(init=False)
    """Whether it gives money back: a void or a refund."""
    opened_at: float
    identity: str
    """Duplicate key: merchant|terminal|STAN|MTI class|rest by dialect (see `conventions`)."""
    dialect: str
    listener: str
    mti: str
    merchant: str
    terminal: str
    stan: str
    batch: str
    de7: str
    processing_code: str
    amount: int
    currency: str
    pan: str
    proof: str
    window_s: float
    host: str
    host_stan: str
    host_de7: str
    sent: Fields | dict[int, str]
    """The reversal-sufficient part of what the host got; no card number, no track, no PIN."""
    kind: Transaction = Transaction.SALE
    original_id: int = 0
    """The charge that a void or refund is about; 0: none, or none that this journal knows."""
    operator: str = ""
    """Who stood at the terminal, where it says so (DE 63.1); digits and letters only."""
    sent_header: str = ""
    """Header of the frame that the host got, as hex; empty where the dialect has none."""
    sent_on: str = ""
    """The host's settlement date (MMDD) when it was sent; '' if the host had told none."""
    account: str = ""
    """The merchant's account that it goes to, by its digit; '' is the main one.  What gives money
    back has its original's."""
    channel: str = ""
    """How it was collected (`plan.CHANNELS`), where its merchant has several accounts; else ''."""

    state: State = State.SENT
    updated_at: float = 0.0
    reason: str = ""
    """Why it is reversed or a case, in words of `reason.Reason`."""
    remark: str = ""
    """What a terminal or till gave as its reason for not serving, if it is words only."""
    code: str = ""
    """DE 39 as the terminal was told."""
    rrn: str = ""
    approval_code: str = ""
    answer: Fields | dict[int, str] | None = None
    """The stored answer, without card data."""
    echoed: tuple[int, ...] = ()
    """Fields of the answer that a repeat brings along itself (card data)."""
    approved_amount: int = 0
    approval_held: bool = False
    stood: str = ""
    """The state in which it was to be voided, and in which it stands if it is not."""
    settled_on: str = ""
    """The host's settlement date (MMDD) of its approval, until then `sent_on`; '' if not known."""
    keeps: int = 0
    """Minor units that were served and stay charged; its reversal gives back the rest.  0: all."""
    given_back: int = 0
    """Minor units that refunds gave back, or may yet give back."""
    proof_restarts: int = 0
    reversal_stan: str = ""
    reversal_de7: str = ""
    reversal_since: float = 0.0
    attempts: int = 0
    repeats_answered: int = 0

    request: Message | None = None
    """The terminal's request while somebody waits for its answer."""
    line: Line | None = None
    """The terminal's connection that waits, or that the answer was handed to; None: none."""
    handed: bool = False
    """An approval was handed to `conn` in this process's life."""
    maybe_told: bool = False
    """An approval was handed to some connection, now or in an earlier life."""
    link: int = 0
    left: bool = False
    """A byte of it may have reached the host."""
    known_since: float = 0.0
    """Monotonic time at which this process opened it or found it in the journal."""
    due: Due | None = None
    """Its place among the deadlines: the next thing to do; None: nothing is due."""
    approval_held_since: float = 0.0
    """Monotonic time at which the approval came; 0 if an earlier life of the gateway got it."""
    trouble: Trouble = NO_TROUBLE
    """To be read only: see `in_trouble`."""
    shelf: Shelf | None = None
    """Where the book keeps it; None: it is not in memory."""
    has_ended: bool = False
    """It came to its end, as far as the book knows."""
    earlier: Charge | None = None
    later: Charge | None = None
    """Its neighbours among the charges that are open, or that have ended; see `chain`."""

    def __repr__(self) -> str:
        return f"<Charge {self.id} {self.state} terminal={self.terminal} stan={self.stan}>"

    def __post_init__(self) -> None:
        self.till = f"{self.merchant}|{self.terminal}"
        self.undoes = self.kind is not _SALE and self.kind.undoes

    def in_trouble(self) -> Trouble:
        """Its trouble, for who has something to add."""
        if self.trouble is NO_TROUBLE:
            self.trouble = Trouble()
        return self.trouble

    @property
    def conn(self) -> int:
        """The number of that connection; 0: none."""
        return self.line.conn if self.line is not None else 0

    @property
    def money(self) -> int:
        """The amount at stake in minor units: the approved one once it is known."""
        return self.approved_amount or self.amount


def blank() -> Charge:
    """A charge of which nothing is known yet: whoever makes it says what has no default.

    The same as `Charge(...)` for who has no time for thirty names.
    """
    charge = Charge.__new__(Charge)
    charge.kind, charge.state, charge.undoes = _SALE, _SENT, False
    charge.original_id = charge.approved_amount = charge.keeps = charge.given_back = 0
    charge.proof_restarts = charge.attempts = charge.repeats_answered = 0
    charge.operator = charge.sent_header = charge.sent_on = charge.account = charge.channel = ""
    charge.reason = charge.remark = charge.code = charge.rrn = charge.approval_code = ""
    charge.stood = charge.settled_on = charge.reversal_stan = charge.reversal_de7 = ""
    charge.answer = charge.request = charge.due = charge.shelf = None
    charge.echoed, charge.trouble = (), NO_TROUBLE
    charge.approval_held = charge.handed = charge.maybe_told = False
    charge.left = charge.has_ended = False
    charge.updated_at = charge.reversal_since = charge.known_since = 0.0
    charge.approval_held_since = 0.0
    charge.line = charge.earlier = charge.later = None
    charge.link = 0
    return charge
