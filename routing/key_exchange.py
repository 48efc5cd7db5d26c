"""The MAC key that is shared with one host: when it is changed, and what becomes of a wrong MAC.

Rule 1.  A new key comes under the zone key, in an answer to our asking or in a request of the
         host's own; it is used as soon as its check value fits, and answered 00.
Rule 2.  The old key stays good for what is on its way, for `grace_s`.
Rule 3.  On a wrong MAC, the host's or one that it says was ours (A0), a new key is asked for once,
         at once.  Is another MAC wrong before one was good under the new key, or does no key come,
         the host is BLOCKED: it gets nothing but network management, and a person is told.
Rule 4.  A blocked host is asked for a key again and again; one that comes is given its chance.
Rule 5.  A host without any key yet is BLOCKED until the first one came.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from routing.effects import HostNews, ReceivedKey, TakenKey, ToHost
from routing.keeper import AuditKind
from routing.key_ring import KeyPlace, RingKey
from routing.purpose import Purpose
from routing.response_codes import APPROVED, FORMAT_ERROR, KEY_ERROR, SYSTEM_ERROR

if TYPE_CHECKING:
    from collections.abc import Callable

    from codec import Message
    from routing.clock import Now
    from routing.effects import Send
    from routing.hosts import Host
    from routing.key_ring import KeyRing
    from routing.lifecycle import Lifecycle


class KeyState(StrEnum):
    """How a host's key stands."""

    STEADY = "steady"
    ASKED = "asked"
    DOUBTED = "doubted"
    """A MAC was wrong, and a new key was asked for."""
    PROVING = "proving"
    """The key is new because a MAC was wrong; none was good under it yet."""
    BLOCKED = "blocked"


class KeyEvent(StrEnum):
    """What happens to it."""

    DUE = "its time is over"
    MAC_ERROR = "a MAC was wrong"
    CHANGED = "a new key came, and its check value fits"
    PROVEN = "a MAC was good under the new key"
    FAILED = "no key came of it"


class KeyAction(StrEnum):
    """What is done about it."""

    ASK = "asks the host for a new key"
    BLOCK = "sends nothing more, and tells a person"
    UNBLOCK = "sends again"


class KeyStep(NamedTuple):
    """The next state, and what is done."""

    next: KeyState
    actions: tuple[KeyAction, ...] = ()


_S, _E, _A = KeyState, KeyEvent, KeyAction

TABLE: Final[dict[tuple[KeyState, KeyEvent], KeyStep]] = {
    (_S.STEADY, _E.DUE): KeyStep(_S.ASKED, (_A.ASK,)),
    (_S.STEADY, _E.MAC_ERROR): KeyStep(_S.DOUBTED, (_A.ASK,)),
    (_S.STEADY, _E.CHANGED): KeyStep(_S.STEADY),
    (_S.STEADY, _E.PROVEN): KeyStep(_S.STEADY),
    (_S.STEADY, _E.FAILED): KeyStep(_S.STEADY),
    (_S.ASKED, _E.DUE): KeyStep(_S.ASKED, (_A.ASK,)),
    (_S.ASKED, _E.MAC_ERROR): KeyStep(_S.DOUBTED),
    (_S.ASKED, _E.CHANGED): KeyStep(_S.STEADY),
    (_S.ASKED, _E.PROVEN): KeyStep(_S.ASKED),
    (_S.ASKED, _E.FAILED): KeyStep(_S.STEADY),
    # No link was there to ask over.
    (_S.DOUBTED, _E.DUE): KeyStep(_S.DOUBTED, (_A.ASK,)),
    (_S.DOUBTED, _E.MAC_ERROR): KeyStep(_S.DOUBTED),
    (_S.DOUBTED, _E.CHANGED): KeyStep(_S.PROVING),
    (_S.DOUBTED, _E.PROVEN): KeyStep(_S.DOUBTED),
    (_S.DOUBTED, _E.FAILED): KeyStep(_S.BLOCKED, (_A.BLOCK,)),
    (_S.PROVING, _E.DUE): KeyStep(_S.PROVING),
    (_S.PROVING, _E.MAC_ERROR): KeyStep(_S.BLOCKED, (_A.BLOCK,)),
    (_S.PROVING, _E.CHANGED): KeyStep(_S.PROVING),
    (_S.PROVING, _E.PROVEN): KeyStep(_S.STEADY),
    (_S.PROVING, _E.FAILED): KeyStep(_S.PROVING),
    (_S.BLOCKED, _E.DUE): KeyStep(_S.BLOCKED, (_A.ASK,)),
    (_S.BLOCKED, _E.MAC_ERROR): KeyStep(_S.BLOCKED),
    (_S.BLOCKED, _E.CHANGED): KeyStep(_S.PROVING, (_A.UNBLOCK,)),
    (_S.BLOCKED, _E.PROVEN): KeyStep(_S.BLOCKED),
    (_S.BLOCKED, _E.FAILED): KeyStep(_S.BLOCKED),
}
RESULTS: Final = (
    *("changed", "refused", "no answer", "wrong length", "wrong check value", "no zone key"),
    "custody unavailable",
)
"""What can come of an exchange."""
_ANSWERS: Final = {
    "changed": APPROVED,
    "wrong length": FORMAT_ERROR,
    "wrong check value": KEY_ERROR,
}
"""DE 39 to a host that sent a key by itself; anything else is our own fault: 96."""


class KeyExchange:
    """One host's key."""

    def __init__(self, host: Host, life: Lifecycle, ring: KeyRing) -> None:
        self._host, self._life, self._ring = host, life, ring
        self.state, self._begun = KeyState.BLOCKED, False
        host.links.block(on=True)
        self._due_at = 0.0
        """When a new key is due, monotonic; 0: never."""
        self._late_at = 0.0
        """When a question that was asked is not going to be answered any more; 0: none is."""
        self.mac_errors = 0
        self.results: Counter[str] = Counter()

    @property
    def _place(self) -> KeyPlace:
        return KeyPlace("zak", self._host.name, self._host.settings.key_change.cipher)

    @property
    def key(self) -> str:
        """The key in use, wrapped; '' if there is none yet."""
        return self._ring.text(*self._place)

    def age_s(self, now: Now) -> float:
        """How old the key in use is."""
        key = self._ring.find(self._place)
        return 0.0 if key is None else max(now.wall - key.made, 0.0)

    @property
    def blocked(self) -> bool:
        """Whether the host gets nothing but network management."""
        return self.state is KeyState.BLOCKED

    def begin(self, now: Now) -> None:
        """The key of an earlier life goes on; without one nothing is sent before one came."""
        self._begun = True
        if self._ring.find(self._place) is None:
            self.lost(now)
            return
        self.state, every_s = KeyState.STEADY, self._host.settings.key_change.every_s
        self._due_at = now.monotonic + max(every_s - self.age_s(now), 1.0) if every_s else 0.0
        self._host.links.block(on=False)

    def lost(self, now: Now) -> None:
        """There is no key, or nobody can open it: a new one is needed before anything else."""
        self._begun, self.state, self._due_at = True, KeyState.BLOCKED, now.monotonic
        self._host.links.block(on=True)

    # What happens

    def tick(self, now: Now) -> list[Send]:
        """Is a new key due, or an answer overdue?"""
        if not self._begun:
            self.lost(now)
        if self._late_at and now.monotonic >= self._late_at:
            self._late_at = 0.0
            return self._failed("no answer", now)
        if self._due_at and now.monotonic >= self._due_at and not self._late_at:
            return self._happens(KeyEvent.DUE, now)
        return []

    def mac_error(self, now: Now) -> list[Send]:
        """A MAC was wrong: of an answer of the host's, or one of ours as it says."""
        self.mac_errors += 1
        return self._happens(KeyEvent.MAC_ERROR, now)

    def proven(self, now: Now) -> None:
        """A MAC was good under the new key."""
        self._life.outbox.express += self._happens(KeyEvent.PROVEN, now)

    def answered(self, message: Message, now: Now) -> list[Send]:
        """The host answers our question: with the key, or it sends that by itself now."""
        if self._host.convention.code_of(message) != APPROVED:
            self._late_at = 0.0
            return self._failed("refused", now)
        if not message.has(self._host.settings.key_change.field):
            return []
        return self._take(message, lambda _: None, now)

    def told(self, link: int, message: Message, now: Now) -> list[Send]:
        """The host sends a key by itself; it is answered once it is known to be good."""
        convention = self._host.convention

        def answer(code: str) -> None:
            said = convention.network_answer(message, now)
            if code != APPROVED:
                said.patch(39, convention.code_for(message, code))
            if said.has(self._host.settings.key_change.field):
                said.remove(self._host.settings.key_change.field)
            self._life.outbox.express.append(ToHost(link, said))

        return self._take(message, answer, now)

    def _take(self, message: Message, answer: Callable[[str], None], now: Now) -> list[Send]:
        """Have the custody take the key over; what comes of it is answered."""
        self._late_at = 0.0
        found, zone = self._key_in(message), self._ring.text("zmk", self._host.name)
        if found is None or not zone:
            why = "no zone key" if found is not None else "wrong length"
            answer(_ANSWERS.get(why, SYSTEM_ERROR))
            return self._failed(why, now)

        def done(taken: TakenKey | None, why: str, now: Now) -> bool:
            if taken is None:
                answer(_ANSWERS.get(why, SYSTEM_ERROR))
                self._life.outbox.express += self._failed(why, now)
                return False
            # The answer leaves before anything is signed with the new key; were the key lost before
            # it is durable, the first wrong MAC of the next life would bring another.
            answer(APPROVED)
            self._ring.hang(self._place, RingKey(*taken, now.wall, "exchanged"), now)
            self.results["changed"] += 1
            every_s = self._host.settings.key_change.every_s
            self._due_at = now.monotonic + every_s if every_s else 0.0
            self._life.outbox.express += self._happens(KeyEvent.CHANGED, now)
            return True

        cipher = self._host.settings.key_change.cipher
        return [ReceivedKey(self._host.name, zone, *found, cipher, done)]

    def _key_in(self, message: Message) -> tuple[bytes, bytes] | None:
        """The key as it came, and its check value; None if it has not the length agreed on."""
        agreed = self._host.settings.key_change
        value: str = message.get(agreed.field, "")[agreed.offset :]
        try:
            data = bytes.fromhex(value) if agreed.form == "hex" else value.encode("latin-1")
        except (ValueError, UnicodeEncodeError):
            return None
        if len(data) != agreed.key_bytes + agreed.check_bytes:
            return None
        return data[: agreed.key_bytes], data[agreed.key_bytes :]

    # The table, carried out

    def _failed(self, why: str, now: Now) -> list[Send]:
        self.results[why] += 1
        self._due_at = now.monotonic + self._host.settings.key_change.retry_s
        name = self._host.name
        said = {"why": why}
        self._life.keeper.audit(AuditKind.KEY_EXCHANGE_FAILED, name, now, said=said)
        news = HostNews(name, f"key exchange failed: {why}", alarms=True)
        return [news, *self._happens(KeyEvent.FAILED, now)]

    def _happens(self, event: KeyEvent, now: Now) -> list[Send]:
        step = TABLE[self.state, event]
        self.state = step.next
        sends: list[Send] = []
        for action in step.actions:
            match action:
                case KeyAction.ASK:
                    sends += self._ask(now)
                case KeyAction.BLOCK:
                    sends += self._block(now)
                case KeyAction.UNBLOCK:
                    self._host.links.block(on=False)
        return sends

    def _ask(self, now: Now) -> list[Send]:
        asks = self._host.links.ask_somebody(Purpose.KEY_CHANGE, now)
        if asks:
            self._late_at = now.monotonic + self._host.settings.answer_timeout_s
        # Without a link it stays due.
        self._due_at = 0.0 if asks else now.monotonic + 1.0
        return asks

    def _block(self, now: Now) -> list[Send]:
        name = self._host.name
        self._host.links.block(on=True)
        self._due_at = now.monotonic + self._host.settings.key_change.retry_s
        self._life.keeper.audit(AuditKind.HOST_BLOCKED, name, now)
        return [HostNews(name, "host blocked: MACs are wrong also under a new key", alarms=True)]


def exchange_keys(host: Host, life: Lifecycle, ring: KeyRing) -> None:
    """Exchange MAC keys with a host from now on where its settings say so, else no more."""
    wanted = bool(host.settings.key_change.field)
    if wanted and host.links.exchange is None:
        host.links.exchange = KeyExchange(host, life, ring)
    elif not wanted:
        host.links.exchange = None
