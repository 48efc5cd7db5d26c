"""The sessions of all terminals: what each is told, and what a next life must know of it.

What happens to one session stands in `sign_in`; what messages mean, in `terminal_network`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from routing import response_codes as rc
from routing.conventions import CONVENTIONS, Kind
from routing.conventions.management import DIGITS
from routing.entries import MerchantState, TerminalEntry
from routing.findings import Finding, Findings
from routing.keeper import AuditKind, KeptKind
from routing.registered import in_service
from routing.sign_in import Session, SignEvent, SignState, Till

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from codec import Message
    from routing.clock import Now
    from routing.downloads import Downloads
    from routing.effects import IssuedKeys
    from routing.entries import MerchantEntry
    from routing.lifecycle import Lifecycle
    from routing.listener import Listener
    from routing.registered import Registered
    from routing.sign_in_settings import SignInSettings

SPEAKS_OF_EARLIER: Final = frozenset({Kind.REVERSAL, Kind.CONFIRMATION, Kind.SETTLEMENT})
"""Needs its MAC and nothing else."""
_DIGIT_AT: Final = 7
"""Of the header: five bytes of TPDU, two before the one whose low half is the sixth digit."""
_ORDER: Final = "32145678"
"""Which wish comes first: a terminal is asked for one thing at a time."""


class SignIns:
    """Sessions by terminal: one for each registered terminal that ever signed in."""

    def __init__(self, life: Lifecycle, registered: Registered, downloads: Downloads) -> None:
        self._keeper, self._registry = life.keeper, life.registry
        self.registered = registered
        self._downloads = downloads
        self.findings = Findings(life.keeper)
        self._sessions: dict[Till, Session] = {}
        self._asked_for: dict[Till, str] = {}
        """The digit that answers to a terminal carry, where there is one."""
        self.events: Counter[SignEvent] = Counter()
        self.states: Counter[SignState] = Counter()
        """Sessions by state."""
        self._counted: dict[Till, SignState] = {}
        self.watchers: list[Callable[[Till, Finding, Now], None]] = []
        """Told of bursts of wrong MACs and the like, once per burst."""
        life.registry.watchers.append(self._entry_changed)

    def restore(self) -> None:
        """Take over the sessions of earlier lives."""
        for kept in self._keeper.left(KeptKind.SIGN_STATE):
            session = Session.of(kept.key, kept.data or {})
            self._sessions[session.till] = session
            self._count(session)
            self.ask_anew(session)

    def __len__(self) -> int:
        return len(self._sessions)

    def all(self) -> Iterable[Session]:
        """Every session."""
        return self._sessions.values()

    def session(self, till: Till) -> Session | None:
        """A terminal's session, if it ever signed in."""
        return self._sessions.get(till)

    def opened(self, till: Till, batch: int) -> Session:
        """A terminal's session; a new one begins with the batch that the registry names, or else
        with the one that the terminal is in itself.
        """
        session = self._sessions.get(till)
        if session is None:
            first = self.registered.first_batch(till) or batch
            session = self._sessions[till] = Session(till, batch=max(first, 1))
        return session

    def _entry_changed(self, entry: MerchantEntry | TerminalEntry, now: Now) -> None:
        if isinstance(entry, TerminalEntry):
            tills = [] if in_service(entry) else [Till.of(entry.merchant, entry.id)]
        elif entry.state is MerchantState.ACTIVE:
            return
        else:
            terminals = self._registry.terminals(entry.id)
            tills = [Till.of(each.merchant, each.id) for each in terminals]
        for till in tills:
            session = self._sessions.get(till)
            if session is not None and session.state is SignState.IN:
                self.happens(session, SignEvent.OUT_OF_SERVICE, now)

    # What requests are told

    def unauthentic(self, message: Message, kind: Kind, listener: Listener, now: Now) -> str:
        """DE 39 for a request whose MAC is wrong or can't be checked."""
        till = till_of(message)
        session = self._sessions.get(till)
        if session is None or not (session.key or session.new_key):
            standing = self.standing(till, now)
            return rc.BAD_MAC if kind in SPEAKS_OF_EARLIER else standing or rc.SIGN_IN_FIRST
        self._bad_mac(session, listener.sign_in, now)
        return rc.BAD_MAC

    def refused(self, message: Message, code: str, now: Now) -> None:
        """A terminal was refused: was it for numbers that another request had?"""
        if code == rc.DUPLICATE:
            self.found(Finding.REPLAY, till_of(message), now)

    def why_not(self, message: Message, now: Now) -> str:
        """DE 39 for a request with a good MAC that may not ask for money now; else ''."""
        session = self._sessions.get(till_of(message))
        if session is None or session.state is SignState.OUT:
            return rc.SIGN_IN_FIRST
        return self._batch_differs(session, {session.batch}, message, now)

    def why_not_settle(self, message: Message, now: Now) -> str:
        """DE 39 for a settlement of a batch that is neither in force nor the one closed last."""
        session = self._sessions.get(till_of(message))
        if session is None:
            return rc.SIGN_IN_FIRST
        return self._batch_differs(session, {session.batch, session.closed}, message, now)

    def batch_of(self, message: Message) -> str:
        """The batch that a settlement is of, or a terminal is in, where its dialect's messages do
        not say so each time; '' if it never signed in.
        """
        session = self._sessions.get(till_of(message)) if self._sessions else None
        if session is None or not CONVENTIONS[message.dialect.name].settles:
            return ""
        said = CONVENTIONS[message.dialect.name].batch_number(message)
        return f"{session.batch if said is None else said:06d}"

    def _batch_differs(
        self, session: Session, allowed: set[int], message: Message, now: Now
    ) -> str:
        number = CONVENTIONS[message.dialect.name].batch_number(message)
        if number is None or number in allowed:
            return ""
        self.found(Finding.BATCH_MISMATCH, session.till, now, said=number, is_=session.batch)
        return rc.SIGN_IN_FIRST

    def standing(self, till: Till, now: Now) -> str:
        """What the registry says: DE 39, or ''."""
        standing = self.registered.standing(till)
        if standing.finding is not None:
            self.found(standing.finding, till, now)
        return standing.code

    def _bad_mac(self, session: Session, rules: SignInSettings, now: Now) -> None:
        if now.monotonic - session.bad_macs_since > rules.bad_macs_s:
            session.bad_macs, session.bad_macs_since = 0, now.monotonic
        session.bad_macs += 1
        if session.bad_macs == rules.bad_macs_max:
            self.found(Finding.BAD_MACS, session.till, now)
            for watcher in self.watchers:
                watcher(session.till, Finding.BAD_MACS, now)

    def found(self, what: Finding, till: Till, now: Now, **said: str | int) -> None:
        """Count a finding on a terminal, and have it audited now and then."""
        # What anybody may write must not become a line of a log: it might be a card's number.
        is_known = till in self._sessions or self.registered.knows(till.merchant)
        merchant = till.merchant if is_known else ""
        terminal = till.terminal if till.terminal.isascii() and till.terminal.isalnum() else "?"
        self.findings.found(what, f"{merchant}|{terminal}", now, said)

    # What happens to sessions

    def happens(
        self,
        session: Session,
        event: SignEvent,
        now: Now,
        issued: IssuedKeys | None = None,
        used: int = 0,
    ) -> None:
        """Take a step, and keep what became of it."""
        if issued is None:
            session.take(event, used=used)
        else:
            session.take(event, issued.mak, issued.tdk)
        if event is SignEvent.BATCH_CLOSED or not session.batch_since:
            session.batch_since = now.wall
        self.events[event] += 1
        self.keep(session, now)

    def keep(self, session: Session, now: Now) -> None:
        """A next life must know this."""
        self._keeper.keep(KeptKind.SIGN_STATE, session.till.key, session.data(), now)
        self._count(session)
        self.ask_anew(session)

    def _count(self, session: Session) -> None:
        before = self._counted.get(session.till)
        if before is not None:
            self.states[before] -= 1
        self._counted[session.till] = session.state
        self.states[session.state] += 1

    def issued(self, session: Session, now: Now, *, said: dict[str, str | int]) -> None:
        """Write down that keys were given out."""
        self._keeper.audit(AuditKind.KEYS_ISSUED, session.till.key, now, said=said)

    def revoked(self, session: Session, who: str, now: Now) -> None:
        """Write down that its keys are good for nothing any more."""
        self._keeper.audit(AuditKind.KEYS_REVOKED, session.till.key, now, who=who)

    def new_key_used(self, till: Till, used: int, now: Now) -> None:
        """The first good MAC under new keys; `used` were issued after those."""
        session = self._sessions.get(till)
        if session is not None and used < len(session.unused()):
            self.happens(session, SignEvent.NEW_KEY_USED, now, used=used)

    def batch_settled(self, till: Till, number: str, now: Now) -> None:
        """A batch was settled to its end; said again of one that is closed, it changes nothing."""
        session = self._sessions.get(till)
        if session is not None and number == f"{session.batch:06d}":
            self.happens(session, SignEvent.BATCH_CLOSED, now)

    def has_settled(self, till: Till, number: str) -> bool:
        """Whether this is the batch that the terminal settled last."""
        session = self._sessions.get(till)
        return session is not None and number == f"{session.closed:06d}"

    # What terminals are asked for

    def want(self, till: Till, digit: str, now: Now, *, who: str = "") -> bool:
        """Have a terminal do something (see `management.DIGITS`); False if it never signed in."""
        session = self._sessions.get(till)
        if session is None or digit not in DIGITS:
            return False
        if digit not in session.wanted:
            session.wanted += digit
            said = {"digit": digit}
            self._keeper.audit(AuditKind.TERMINAL_ASKED, till.key, now, who=who, said=said)
            self.keep(session, now)
        return True

    def ask(self, subject: str, digit: str, now: Now) -> bool:
        """The same for merchant|terminal."""
        merchant, _, terminal = subject.partition("|")
        return self.want(Till.of(merchant, terminal), digit, now)

    def ask_anew(self, session: Session) -> None:
        """See what a terminal is to be asked for now."""
        wanted = set(session.wanted) | self._downloads.due(session.fetched)
        digit = next((each for each in _ORDER if each in wanted), "")
        if digit:
            self._asked_for[session.till] = digit
        else:
            self._asked_for.pop(session.till, None)

    def mark(self, message: Message) -> None:
        """Say in an answer to a terminal what it is asked for, where its dialect has a place."""
        if not self._asked_for:
            return
        digit = self._asked_for.get(till_of(message))
        header = message.header
        if digit is not None and len(header) > _DIGIT_AT:
            byte = header[_DIGIT_AT] & 0xF0 | int(digit)
            message.set_header(header[:_DIGIT_AT] + bytes((byte,)) + header[_DIGIT_AT + 1 :])


def till_of(message: Message) -> Till:
    """Whose message it is, as it says."""
    return Till.of(message.get(42, ""), message.get(41, ""))
