"""The world around one `Switch` in these tests: a clock, a journal in memory, both kinds of peers.

`World.settle` does what the gateway's pipeline does (records first, then sends), so that the tests
see routing from outside: what reached a terminal, what reached a host, what the journal holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from codec import Message, build, dialect
from gateway.mappings import mappings
from routing.charge import OPEN_STATES, Charge, State
from routing.clock import Now
from routing.effects import (
    Audited,
    BatchLookup,
    CloseLink,
    HostNews,
    Kept,
    Noted,
    Outbox,
    ToHost,
    ToTerminal,
    UnsettledLookup,
)
from routing.host_settings import HostSettings
from routing.records import MOVED, OPENED, Opened
from routing.reversal import ReversalSettings
from routing.service import Proof, ServiceSettings
from routing.settings import ListenerSettings, Settings
from routing.switch import Switch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routing.batches import Batch
    from routing.conventions import Original
    from routing.effects import KeyWork, Record, Send
    from routing.keeper import KeptKind


ISO: Final = "iso87-ascii"
POS: Final = "unionpay-pos"
DIALECTS: Final = (ISO, POS)
PAN: Final = "4761739001010119"
OTHER_PAN: Final = "6200000000000005"
TERMINAL: Final = "T0000001"
MERCHANT: Final = "MERCHANT0000001"
LISTENER: Final = "counter"
BANK: Final = "bank"
LINK: Final = 9001
OTHER_LINK: Final = 9002
WALL: Final = 1_790_000_000.0
BATCH: Final = "000007"
HEADER: Final = bytes.fromhex("6000030000602200000000")
ANSWER_TIMEOUT_S: Final = 5.0
PROOF_S: Final = 20.0
WINDOW_S: Final = 8.0
SCHEDULE_S: Final = (0.0, 2.0, 4.0)
REVERSAL_ANSWER_S: Final = 3.0
MARGIN_S: Final = 10.0
RRN: Final = "RRN000000042"
AUTH: Final = "AUTH42"


def sale(name: str = ISO, stan: int = 1, **changes: Any) -> Message:
    """A sale as a terminal of dialect `name` sends it; `changes` by `deN`, None to leave it out."""
    fields = {2: PAN, 3: "000000", 4: "000000001000", 11: f"{stan:06d}", 25: "00"}
    fields |= {22: "021", 35: PAN + "=30122011000012300", 41: TERMINAL, 42: MERCHANT}
    if name == ISO:
        fields |= {7: "1123171500", 12: "171500", 13: "1123", 49: "840"}
    else:
        fields |= {49: "156", 60: "22" + BATCH + "000"}
    mti = changes.pop("mti", "0200")
    return build(dialect(name), mti, changed(fields, changes), HEADER if name == POS else b"")


def changed(fields: dict[int, str], changes: dict[str, str | None]) -> dict[int, str]:
    """`fields` with `changes` made, keys like `de4`."""
    for key, value in changes.items():
        de = int(key.removeprefix("de"))
        if value is None:
            fields.pop(de, None)
        else:
            fields[de] = value
    return fields


def repeated(request: Message) -> Message:
    """The same sale again, as the dialect has it: an 0201, or the same bytes."""
    again = request.copy()
    if request.dialect.name == ISO:
        again.set_mti(request.mti[:3] + "1")
    return again


def reversal(original: Message, *, mti: str = "0400", **changes: Any) -> Message:
    """A terminal's own reversal of `original`."""
    fields = {de: original[de] for de in (2, 3, 4, 25, 41, 42, 49) if original.has(de)}
    if original.dialect.name == ISO:
        fields |= {7: "1123171600", 11: "900001", 12: "171600", 13: "1123"}
        fields[90] = f"{original.mti[:3]}0{original[11]}{original[7]}" + "0" * 22
        return build(original.dialect, mti, changed(fields, changes))
    fields |= {11: original[11], 39: "98", 60: original[60], 61: original["60.2"] + original[11]}
    return build(original.dialect, "0400", changed(fields, changes), HEADER)


def void(original: Message, stan: int = 50, **changes: Any) -> Message:
    """The void of a sale or of a preauthorisation, as the cashier's terminal sends it."""
    fields = {de: original[de] for de in (2, 4, 25, 41, 42, 49) if original.has(de)}
    fields |= {11: f"{stan:06d}"}
    if original.dialect.name == ISO:
        fields |= {3: "020000", 7: "1123171800", 12: "171800", 13: "1123"}
        fields[90] = f"{original.mti[:3]}0{original[11]}{original[7]}" + "0" * 22
        return build(original.dialect, original.mti, changed(fields, changes))
    function = {"22": "23", "20": "21", "10": "11"}[original["60.1"]]
    fields |= {3: "200000", 60: function + BATCH + "000", 61: BATCH + original[11] + "1123"}
    return build(original.dialect, original.mti, changed(fields, changes), HEADER)


def refund(original: Message, amount: int = 1000, stan: int = 60, **changes: Any) -> Message:
    """A refund of some of a sale."""
    fields = {de: original[de] for de in (2, 25, 41, 42, 49) if original.has(de)}
    fields |= {3: "200000", 4: f"{amount:012d}", 11: f"{stan:06d}"}
    if original.dialect.name == ISO:
        fields |= {7: "1123171900", 12: "171900", 13: "1123"}
        fields[90] = f"{original.mti[:3]}0{original[11]}{original[7]}" + "0" * 22
        return build(original.dialect, "0200", changed(fields, changes))
    fields |= {60: "25" + BATCH + "000", 61: BATCH + original[11] + "1123"}
    return build(original.dialect, "0220", changed(fields, changes), HEADER)


def confirmation(original: Message, *, served: bool = True, **changes: Any) -> Message:
    """A terminal's word on its service."""
    fields = {de: original[de] for de in (3, 4, 41, 42, 49) if original.has(de)}
    if original.dialect.name == ISO:
        fields |= {7: "1123171700", 11: "900002", 12: "171700", 13: "1123"}
        fields[90] = f"{original.mti[:3]}0{original[11]}{original[7]}" + "0" * 22
        fields[60] = "SERVED" if served else "NOT:GOODS_NOT_SOLD"
        return build(original.dialect, "0220", changed(fields, changes))
    fields |= {11: "900002", 60: ("80" if served else "81") + BATCH + ("000" if served else "001")}
    fields[61] = original["60.2"] + original[11]
    return build(original.dialect, "0220", changed(fields, changes), HEADER)


def answer(request: Message, code: str = "00", **changes: Any) -> Message:
    """A host's answer to `request`, as it got it."""
    echoed = (3, 4, 7, 11, 12, 13, 41, 42, 49, 60)
    fields = {de: request[de] for de in echoed if request.has(de)} | {39: code}
    if request.mti[1] != "4":
        fields |= {37: RRN}
        if code in ("00", "10"):
            fields |= {38: AUTH}
    function = {"0": "1", "2": "3"}[request.mti[2]]
    mti = request.mti[:2] + function + "0"
    return build(request.dialect, mti, changed(fields, changes), request.header)


class Told(NamedTuple):
    """A message that reached a terminal's socket."""

    conn: int
    message: Message
    charge: Charge | None


class Got(NamedTuple):
    """A message that reached a host."""

    link: int
    message: Message


class MemoryJournal:
    """Keeps the records' last values: enough to restore every charge, and nothing else."""

    def __init__(self) -> None:
        self.opened: dict[int, tuple[Any, ...]] = {}
        self.moved: dict[int, tuple[Any, ...]] = {}
        self.records: list[Record] = []
        self.entries: list[Noted] = []
        self.kept: dict[tuple[KeptKind, str], Kept] = {}
        self.audit: list[Audited] = []

    def append(self, records: Iterable[Record]) -> dict[int, Charge]:
        """As a journal does: a charge with a known identity is not taken."""
        known: dict[int, Charge] = {}
        for record in records:
            if isinstance(record, Noted):
                self.entries.append(record)
            elif isinstance(record, Audited):
                self.audit.append(record)
            elif isinstance(record, Kept):
                self._keep(record)
            elif isinstance(record, Opened):
                identity = record.values[OPENED.index("identity")]
                same = [i for i in self.opened if self.charge(i).identity == identity]
                if same:
                    known[record.id] = self.charge(same[0])
                    continue
                self.opened[record.id] = record.values
            elif record.id not in known:
                assert record.id in self.opened, "a step of a charge that was never opened"
                self.moved[record.id] = record.values
            self.records.append(record)
        return known

    def _keep(self, record: Kept) -> None:
        name = record.kind, record.key
        known = self.kept.pop(name, None)
        assert record.version == (known.version if known else 0) + 1, "a version out of step"
        if record.data is not None:
            self.kept[name] = record

    def charge(self, charge_id: int) -> Charge:
        """A charge as the journal has it."""
        values = dict(zip(OPENED, self.opened[charge_id], strict=True))
        if charge_id in self.moved:
            values |= dict(zip(MOVED, self.moved[charge_id], strict=True))
        return Charge(**values)

    def find(self, original: Original | int | str) -> Charge | None:
        """The charge with this id, or the newest that `original` names."""
        if isinstance(original, int):
            return self.charge(original) if original in self.opened else None
        if isinstance(original, str):
            return next((x for x in self.charges() if x.identity == original), None)
        found = [each for each in map(self.charge, self.opened) if original.names(each)]
        return found[-1] if found else None

    def knows(self, identity: str) -> bool:
        """Whether a charge with this identity was opened."""
        return any(each.identity == identity for each in self.charges())

    def batch(self, wanted: Batch) -> list[Charge]:
        """The charges of a terminal's batch, oldest first."""
        each = ((c.merchant, c.terminal, c.batch) for c in self.charges())
        return [c for c, b in zip(self.charges(), each, strict=True) if b == wanted]

    def unsettled(self, wanted: UnsettledLookup) -> tuple[int, int]:
        """Count and money of what a merchant's terminals have not settled."""
        after = dict(wanted.after)
        found = [
            each
            for each in self.charges()
            if each.merchant == wanted.merchant
            and each.batch
            and each.state in wanted.states
            and each.id > after.get(each.terminal, each.id)
        ]
        return len(found), sum(each.money for each in found)

    def charges(self) -> list[Charge]:
        """Every charge, oldest first."""
        return [self.charge(each) for each in sorted(self.opened)]


class World:
    """One switch, its terminals, its bank, its journal and its clock."""

    def __init__(
        self,
        name: str = ISO,
        host: str | None = None,
        *,
        resolves_first: bool = True,
        links: int = 1,
        host_settings: dict[str, Any] | None = None,
        listener_settings: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        self.name = name

        listener = ListenerSettings(
            name=LISTENER,
            dialect=name,
            terminal_resolves_first=resolves_first,
            **(listener_settings or {}),
        )
        bank = HostSettings(
            name=BANK,
            dialect=host or name,
            **{"answer_timeout_s": ANSWER_TIMEOUT_S, "echo_idle_s": 0.0} | (host_settings or {}),
        )
        rules: dict[str, Any] = {
            "listeners": (listener,),
            "hosts": (bank,),
            "service": service(),
            "reversal": reversal_rules(),
            "mappings": mappings(),
        }
        self.settings = Settings(**rules | settings)
        self.monotonic, self.wall = 1_000.0, WALL
        self.journal = MemoryJournal()
        self.gone: set[int] = set()
        self.links = tuple(range(LINK, LINK + links))
        self.epoch = 0
        self.start()

    def start(self) -> None:
        """A new life of the gateway on the same journal."""
        self.epoch += 1
        self.told: list[Told] = []
        self.got: list[Got] = []
        self.closed_links: list[CloseLink] = []
        self.news: list[HostNews] = []
        self.key_work: list[KeyWork] = []
        held = self.journal.charges()
        self.switch = Switch(
            self.settings,
            epoch=self.epoch,
            last_id=max(self.journal.opened, default=0),
            last_stans={BANK: (self.epoch - 1) * 1_000},
        )
        self.switch.restore(held, self.now, self.journal.entries, self.journal.kept.values())
        for link in self.links:
            self.switch.link_up(BANK, link, self.now)
        self.settle()

    restart = start

    @property
    def now(self) -> Now:
        """This instant."""
        return Now(self.monotonic, self.wall)

    def wait(self, seconds: float, step_s: float = 0.25) -> None:
        """Let time pass, with ticks."""
        until = self.monotonic + seconds
        while self.monotonic < until:
            passed = min(step_s, until - self.monotonic)
            self.monotonic += passed
            self.wall += passed
            self.switch.tick(self.now)
            self.switch.tick_hosts(self.now)
            self.settle()

    def says(self, conn: int, message: Message, *, mac_good: bool = True) -> None:
        """A terminal sends, and all that follows at once happens."""
        self.hears(conn, message, mac_good=mac_good)
        self.settle()

    def hears(self, conn: int, message: Message, *, mac_good: bool = True) -> None:
        """A terminal sends; what is decided still waits for the journal."""
        self.switch.from_terminal(conn, LISTENER, message.copy(), self.now, mac_good=mac_good)

    def answers(self, message: Message, link: int = LINK, *, mac_good: bool = True) -> None:
        """The host sends, and all that follows at once happens."""
        self.switch.from_host(BANK, link, message.copy(), self.now, mac_good=mac_good)
        self.settle()

    def settle(self) -> None:
        """Commit and release until nothing is left to do, as the pipeline does."""
        while self.switch.has_effects:
            self.release(self.commit())
            self.switch.tick(self.now)

    def commit(self) -> Outbox:
        """Make what was decided durable; the caller owes its sends."""
        outbox = self.switch.take()
        for charge_id, earlier in self.journal.append(outbox.records).items():
            self.switch.known_already(charge_id, earlier, self.now)
        return outbox

    def release(self, outbox: Outbox) -> None:
        """Let a committed outbox leave."""
        self.key_work += outbox.key_work
        for question in outbox.questions:
            question.answered(self.journal.knows(question.identity), self.now)
        for send in (*outbox.express, *outbox.sends):
            if self.switch.may_leave(send, self.now):
                self._leave(send)
        for lookup in outbox.lookups:
            if isinstance(lookup, BatchLookup):
                charges = self.journal.batch(lookup.wanted)
                lookup.found([self.switch.adopt(each) for each in charges], self.now)
                continue
            if isinstance(lookup, UnsettledLookup):
                lookup.found(*self.journal.unsettled(lookup), self.now)
                continue
            found = self.journal.find(lookup.wanted)
            lookup.found(None if found is None else self.switch.adopt(found), self.now)

    def _leave(self, send: Send) -> None:
        if isinstance(send, ToTerminal):
            if send.conn in self.gone:
                self.switch.undelivered(send, self.now)
            else:
                self.told.append(Told(send.conn, send.message, send.charge))
                self.switch.handed(send)
        elif isinstance(send, ToHost):
            if send.link in self.gone:
                self.switch.unsent(send, self.now)
            else:
                self.got.append(Got(send.link, send.message))
        elif isinstance(send, CloseLink):
            self.closed_links.append(send)
        else:
            self.news.append(send)

    # What the tests look at

    def charge(self, stan: int = 1) -> Charge:
        """The newest charge in memory with this STAN of the terminal."""
        book = self.switch.life.book
        return next(each for each in book.newest() if each.stan == f"{stan:06d}")

    def state(self, stan: int = 1) -> State:
        """Where that charge stands."""
        return self.charge(stan).state

    def codes(self, conn: int) -> list[str]:
        """DE 39 of everything that this connection was told."""
        return [told.message[39] for told in self.told if told.conn == conn]

    def at_host(self, mti: str) -> list[Message]:
        """What the host got with an MTI that starts so."""
        return [got.message for got in self.got if got.message.mti.startswith(mti)]

    @property
    def charges_sent(self) -> list[Message]:
        """Requests that take money, as the host got them."""
        return [got.message for got in self.got if got.message.mti[1] in "12"]

    @property
    def reversals_sent(self) -> list[Message]:
        """Reversals as the host got them."""
        return [got.message for got in self.got if got.message.mti[1] == "4"]

    # Stories that many tests begin with

    def approved(self, stan: int = 1, conn: int = 1, **changes: Any) -> Message:
        """A sale that the host approved and the terminal's socket has."""
        request = sale(self.name, stan, **changes)
        self.says(conn, request)
        self.answers(answer(self.charges_sent[-1]))
        return request

    def acknowledge(self, stan: int = 1, conn: int = 1) -> None:
        """The terminal's TCP has the answer."""
        self.switch.acknowledged(self.charge(stan), conn, self.now)
        self.settle()

    def lose(self, conn: int) -> None:
        """A terminal's connection is reset."""
        self.gone.add(conn)
        self.switch.terminal_lost(conn, self.now)
        self.settle()

    def reversal_due(self, stan: int = 1, conn: int = 1) -> Message:
        """A sale whose reversal was sent once, because the host did not answer."""
        request = sale(self.name, stan)
        self.says(conn, request)
        self.wait(ANSWER_TIMEOUT_S + 0.25)
        return request


def service(proof: str = "approval") -> ServiceSettings:
    """Service settings of these tests."""
    return ServiceSettings(proof=Proof(proof), window_s=WINDOW_S, delivery_proof_s=PROOF_S)


def reversal_rules(**changes: Any) -> ReversalSettings:
    """Reversal settings of these tests."""
    rules: dict[str, Any] = {
        "schedule_s": SCHEDULE_S,
        "spread": 0.0,
        "answer_timeout_s": REVERSAL_ANSWER_S,
        "reorder_margin_s": MARGIN_S,
        "attempts_max": 6,
    }
    return ReversalSettings(**rules | changes)


def is_open(state: State) -> bool:
    """Whether a charge in this state has not come to an end."""
    return state in OPEN_STATES
