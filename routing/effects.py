"""What must be done after a decision: the only way out of `routing`.

An `Outbox` gathers the effects of one turn.  Its `records` must be durable before any of its
`sends` may leave; sends of one outbox leave in their order.  `express` may leave at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from routing.records import Moved, Opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from codec import Message
    from routing.accounts.new_card import NewCard
    from routing.batches import Batch
    from routing.charge import Charge, State
    from routing.clock import Now
    from routing.conventions import Original
    from routing.keeper import AuditKind, KeptKind
    from routing.sign_in_settings import KeyLengths


class Noted(NamedTuple):
    """Something that was said or found beside the steps of charges: an entry of the docket.

    `said` holds no card data.  An entry whose kind has its `key` already is not written again.
    """

    id: int
    """The charge that it is about; 0: none."""
    epoch: int
    at: float
    kind: str
    key: str
    who: str
    """The person that said it; '' for the gateway itself."""
    said: dict[str, str | int | float]


class Kept(NamedTuple):
    """Data that must outlive this process, under a key: an upsert.  Made by `routing.keeper`.

    `version` must be the stored one's + 1 (1: nothing is stored): the journal takes the batch whole
    or, where another writer came in between, not at all.  None as data removes the key; a key that
    comes back begins at 1 again.  The data are of JSON's types, hold no card data and no clear key,
    and are not changed any more once they are in here: the journal reads them later.
    """

    epoch: int
    at: float
    kind: KeptKind
    key: str
    version: int
    data: dict[str, Any] | None

    @property
    def id(self) -> int:
        """It is about no charge."""
        return 0


class Audited(NamedTuple):
    """One line of the audit log: appended, chained by hashes, never changed, never removed.

    Made by `routing.keeper`.  Neither `subject` nor `said` holds card data or a key.
    """

    epoch: int
    at: float
    kind: AuditKind
    subject: str
    """What it happened to: a terminal, a merchant, a host, a key's name."""
    who: str
    """The person that did it; '' for the gateway itself."""
    said: dict[str, Any]

    @property
    def id(self) -> int:
        """It is about no charge."""
        return 0


Record = Opened | Moved | Noted | Kept | Audited


@dataclass
class ToTerminal:
    """An answer to a terminal; with `charge`, the approval of that charge."""

    conn: int
    message: Message
    charge: Charge | None = None
    hurries: bool = False
    """It waits for no MAC that only a security module can make."""
    says_again: Charge | None = None
    """The charge whose approval was delivered before and is said once more; nobody watches what
    becomes of that, but it leaves only while the charge stands."""


@dataclass
class ToHost:
    """A message to a host link; `charge` is the one that it charges or reverses."""

    link: int
    message: Message
    charge: Charge | None = None
    reverses: bool = False


def to_terminal(conn: int, message: Message, charge: Charge | None = None) -> ToTerminal:
    """An answer, and whether it is an approval that is watched."""
    send = ToTerminal.__new__(ToTerminal)
    send.conn, send.message, send.charge, send.hurries = conn, message, charge, False
    send.says_again = None
    return send


def to_host(link: int, message: Message, charge: Charge) -> ToHost:
    """A charge on its way."""
    send = ToHost.__new__(ToHost)
    send.link, send.message, send.charge, send.reverses = link, message, charge, False
    return send


class CloseLink(NamedTuple):
    """A host link is of no use any more: end it, so that it is made anew."""

    link: int
    why: str


class HostNews(NamedTuple):
    """Something about a host that belongs into the log."""

    host: str
    what: str
    alarms: bool
    """Whether a person should look."""


class TakenKey(NamedTuple):
    """A key that the custody took over, wrapped, and its check value."""

    text: str
    check: str


class ReceivedKey(NamedTuple):
    """A host's MAC key came: whoever keeps the keys has to take it over, then call `done`."""

    host: str
    zone: str
    """The zone key, wrapped."""
    data: bytes
    """The key under it."""
    check: bytes
    cipher: Literal["des", "aes", "sm4"]
    done: Callable[[TakenKey | None, str, Now], bool]
    """With None why not; returns whether MACs are made with it from now on."""

    def __repr__(self) -> str:
        return f"<ReceivedKey of {self.host}>"


class Lookup(NamedTuple):
    """A charge is needed that memory no longer holds: ask the journal, then call `found`."""

    wanted: Original | int | str
    """How a message names it, its id, or its identity."""
    found: Callable[[Charge | None, Now], None]
    stays: bool = False
    """Nobody would ask again: where the journal can't be asked, it is asked until it can."""


class Question(NamedTuple):
    """Has the journal ever had a charge with this identity?  Asked beside the batches: neither a
    batch that is on its way nor anything that waits for one is waited for.
    """

    identity: str
    answered: Callable[[bool, Now], None]


class BatchLookup(NamedTuple):
    """All charges of a terminal's batch are needed, oldest first: ask the journal."""

    wanted: Batch
    found: Callable[[list[Charge], Now], None]


class UnsettledLookup(NamedTuple):
    """What a merchant's terminals have not settled yet: ask the journal for count and money."""

    merchant: str
    after: tuple[tuple[str, int], ...]
    """Terminals, each with the newest charge that its last settlement covered."""
    states: tuple[State, ...]
    found: Callable[[int, int, Now], None]


AnyLookup = Lookup | BatchLookup | UnsettledLookup


class ForgetKeys(NamedTuple):
    """A terminal's working keys were revoked: whoever holds them in memory forgets them."""

    merchant: str
    terminal: str


class NewWorkingKeys(NamedTuple):
    """Working keys for a terminal are wanted."""

    merchant: str
    terminal: str
    master: str
    """Its TMK, wrapped."""
    lengths: KeyLengths
    listener: str
    """Where it signs in, which says how its MACs are made."""


class IssuedKeys(NamedTuple):
    """Working keys that the custody made; nothing here is in clear."""

    block: bytes
    """As the terminal gets them: under its TMK, with check values."""
    mak: str
    """The MAC key, wrapped: as it is kept."""
    tdk: str = ""
    """The track key, wrapped, where one was wanted."""


class KeyWork(NamedTuple):
    """Whoever keeps the keys has to do something: ask, without holding up anything, then call
    `done`; with None if it can't be done.
    """

    what: NewWorkingKeys
    done: Callable[[IssuedKeys | None, Now], bool]
    """Whether the result is taken: the terminal's MACs are then made with it."""


class SealedCard(NamedTuple):
    """A card number as it came, enciphered: see `gateway.card_door`."""

    text: str
    again: str
    """The same number enciphered once more, where both do not stand in `text`."""
    key: str
    """The terminal's track key, wrapped; '' where it has none."""

    def __repr__(self) -> str:
        return "<SealedCard>"


class CardWork(NamedTuple):
    """Somebody sent a card number: have it opened, and enciphered for the bank, then call `done`;
    with `new_card.UNREADABLE` if it can't be.
    """

    what: SealedCard
    done: Callable[[NewCard, Now], None]


Send = ToTerminal | ToHost | CloseLink | HostNews | ReceivedKey | ForgetKeys


@dataclass
class Outbox:
    """The effects of one turn."""

    express: list[Send] = field(default_factory=list)
    """What rests on no record and need not wait for the journal, be it slow or failing: refusals,
    network management, enquiries."""
    records: list[Record] = field(default_factory=list)
    sends: list[Send] = field(default_factory=list)
    lookups: list[AnyLookup] = field(default_factory=list)
    key_work: list[KeyWork | CardWork] = field(default_factory=list)
    """Rests on no record, and waits for none."""
    questions: list[Question] = field(default_factory=list)
    """The same."""

    def size(self) -> int:
        """How many there are."""
        decided = len(self.express) + len(self.records) + len(self.sends)
        return decided + len(self.lookups) + len(self.key_work) + len(self.questions)

    def __len__(self) -> int:
        return self.size()

    def take_express(self) -> list[Send]:
        """What need not wait; it is no more in here."""
        express = self.express
        if express:
            self.express = []
        return express

    def take_beside(self) -> tuple[list[KeyWork | CardWork], list[Question]]:
        """The same of what rests on no record and waits for none."""
        work, questions = self.key_work, self.questions
        self.key_work, self.questions = [], []  # also where empty: what is handed out may grow here
        return work, questions


def outbox() -> Outbox:
    """The same as `Outbox()`: one is begun each turn."""
    box = Outbox.__new__(Outbox)
    box.express, box.records, box.sends = [], [], []
    box.lookups, box.key_work, box.questions = [], [], []
    return box
