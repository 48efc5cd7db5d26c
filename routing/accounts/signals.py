"""What terminals show of themselves: health from status uploads, and what looks like an attack.

Rule 1.  Too many wrong MACs, used numbers or unreadable requests of one terminal within a time
         suspend it at once.  Nobody's money is taken by that; a person looks at it afterwards.
Rule 2.  A part that does not work, or too many sales that the terminal could not finish, propose to
         take it out of service; a person decides.

Counts are in memory: an attack goes on, and is counted anew.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from routing import response_codes as rc
from routing.accounts.device_tests import ECHO, SIGN_IN, STATUS
from routing.accounts.proposals import propose, suspend
from routing.accounts.why import Why
from routing.conventions import CONVENTIONS
from routing.conventions.management import broken_parts, was_opened
from routing.keeper import KeptKind
from routing.purpose import Purpose
from routing.reason import Reason
from routing.states import State
from routing.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from codec import Message
    from routing.accounts.office import Office
    from routing.charge import Charge
    from routing.clock import Now

TERMINALS_MAX: Final = 20_000
"""Terminals whose signals are counted; those that gave none for longest are forgotten."""
_DAY_S: Final = 86_400.0
_ASKS_EVERY_S: Final = 600.0
UPLOAD_STATUS: Final = "2"
NEW_SOFTWARE: Final = "6"
"""What an answer's header asks a terminal for."""
_STATUS_UPLOAD: Final = "362"
_SIGNALS: Final = {
    rc.BAD_MAC: "wrong MAC",
    rc.DUPLICATE: "replay",
    rc.FORMAT_ERROR: "malformed",
}
"""By DE 39 of the refusal."""
COULD_NOT_FINISH: Final = "could not finish"
RTT_S: Final = (0.005, 0.02, 0.05, 0.1, 0.25, 1.0)
SIGNALS: Final = (*_SIGNALS.values(), COULD_NOT_FINISH)


class Health(NamedTuple):
    """What a terminal last said of itself."""

    status_at: float = 0.0
    broken: tuple[str, ...] = ()
    software: str = ""


class Link(NamedTuple):
    """How a terminal was connected, by its network management, in this life."""

    conn: int = 0
    connects: int = 0
    echoes: int = 0
    seen_at: float = 0.0
    rtt_s: float = 0.0
    """The last round trip that its TCP measured."""
    resent: int = 0
    """Segments that were sent again, over all its connections."""
    resent_now: int = 0
    """Those of the connection that it has."""


def _cannot_ask(subject: str, digit: str, now: Now) -> None:
    del subject, digit, now


class Signals:
    """Counts and remembers."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._times: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._health: dict[str, Health] = {}
        self._links: OrderedDict[str, Link] = OrderedDict()
        self.ask: Callable[[str, str, Now], object] = _cannot_ask
        """Have a terminal (merchant|terminal) asked for something, by a digit of its header."""
        self._asked_at = 0.0
        self._measured = (0, 0.0, 0)
        self.rtt_s = Tally(RTT_S)
        """Round trips to terminals, measured whenever one signs in, echoes or tells its state."""
        self.seen: Counter[str] = Counter()
        """Signals of this life, by kind."""
        self.suspended: Counter[str] = Counter()
        office.life.watchers.add(self._moved, after=(State.REVERSAL_DUE,))

    def restore(self) -> None:
        """What terminals said of themselves in earlier lives."""
        for each in self._office.life.keeper.left(KeptKind.TERMINAL_HEALTH):
            data: dict[str, Any] = each.data or {}
            self._health[each.key] = Health(
                float(data["status_at"]), tuple(data["broken"]), str(data["software"])
            )

    def health_of(self, subject: str) -> Health:
        """What a terminal last said of itself; nothing, if it never did."""
        return self._health.get(subject, Health())

    def link_of(self, subject: str) -> Link:
        """How a terminal was connected."""
        return self._links.get(subject, Link())

    def measured(self, conn: int, rtt_s: float, resent: int) -> None:
        """How good the line is over which network management comes next."""
        self._measured = conn, rtt_s, resent
        self.rtt_s.add(rtt_s)

    def _linked(self, subject: str, conn: int, what: str, now: Now) -> None:
        link = self.link_of(subject)
        another = conn != link.conn
        rtt_s, resent_now = link.rtt_s, 0 if another else link.resent_now
        resent = link.resent
        if self._measured[0] == conn:
            _, rtt_s, now_resent = self._measured
            resent, resent_now = resent + now_resent - resent_now, now_resent
        echoes = link.echoes + (what == ECHO)
        self._links[subject] = Link(
            conn, link.connects + another, echoes, now.wall, rtt_s, resent, resent_now
        )
        self._links.move_to_end(subject)
        if len(self._links) > TERMINALS_MAX:
            self._links.popitem(last=False)

    def broken(self) -> Counter[str]:
        """Terminals by the parts of theirs that do not work."""
        return Counter(part for health in self._health.values() for part in health.broken)

    def oldest_status(self) -> float:
        """When the terminal spoke that is silent about its state for longest; 0: none ever did."""
        return min((each.status_at for each in self._health.values()), default=0.0)

    def tick(self, now: Now) -> None:
        """Now and then, ask those for their state who have not told it for long."""
        most = self._office.settings.status_age_max_s
        if not most or now.monotonic < self._asked_at + _ASKS_EVERY_S:
            return
        self._asked_at = now.monotonic
        for subject, link in self._links.items():
            if now.wall - self.health_of(subject).status_at > most and link.seen_at:
                self.ask(subject, UPLOAD_STATUS, now)

    # Attacks

    def refused(self, message: Message, code: str, now: Now) -> None:
        """A terminal's request was refused by the gateway."""
        what = _SIGNALS.get(code)
        if what is None:
            return
        self.seen[what] += 1
        merchant, terminal = message.get(42, "").rstrip(), message.get(41, "").rstrip()
        most = self._office.settings.most_of(what)
        if most and self._is_known(merchant, terminal):
            subject = f"{merchant}|{terminal}"
            if self._counted(subject, what, now.monotonic, self._window_s) >= most:
                self._times.pop((subject, what), None)
                self.suspended[what] += 1
                suspend(self._office, (merchant, terminal), Why.VIOLATION, what, now)

    @property
    def _window_s(self) -> float:
        return self._office.settings.signals_window_s

    def _is_known(self, merchant: str, terminal: str) -> bool:
        """Who is nobody's terminal is suspended by nobody."""
        return self._office.registered.knows(merchant, terminal)

    def _counted(self, subject: str, what: str, now: float, window_s: float) -> int:
        times = self._times.setdefault((subject, what), deque())
        self._times.move_to_end((subject, what))
        times.append(now)
        while times[0] < now - window_s:
            times.popleft()
        if len(self._times) > TERMINALS_MAX:
            self._times.popitem(last=False)
        return len(times)

    # Health

    def network(self, conn: int, message: Message, now: Now) -> str:
        """A terminal's network management: sign-in, echo, status upload.  DE 39 for the sign-in of
        one that may not; else ''.
        """
        merchant, terminal = message.get(42, "").rstrip(), message.get(41, "").rstrip()
        if not merchant or not terminal:
            return ""
        subject = f"{merchant}|{terminal}"
        what = ""
        if message.mti[1:3] == "82" and message.get("60.3") == _STATUS_UPLOAD:
            self._status(merchant, terminal, message, now)
            what = STATUS
        else:
            purpose = CONVENTIONS[message.dialect.name].network_purpose(message)
            what = _TESTED.get(purpose, "") if purpose is not None else ""
            if not what and message.mti[1:3] == "80":
                what = SIGN_IN  # the other sign-ins of the POS dialect, which bring keys
        self._linked(subject, conn, what, now)
        code = self._office.devices.sign_in_refusal(merchant, terminal) if what == SIGN_IN else ""
        if what and not code:
            self._office.heard(subject, what, now)
        return code

    def _status(self, merchant: str, terminal: str, message: Message, now: Now) -> None:
        if not self._is_known(merchant, terminal):
            return
        subject, broken = f"{merchant}|{terminal}", broken_parts(message.get(62, ""))
        before = self._health.get(subject)
        if before is None and len(self._health) >= TERMINALS_MAX:
            return
        software = message.header[6:7].hex()
        health = self._health[subject] = Health(now.wall, broken, software)
        self._office.life.keeper.keep(KeptKind.TERMINAL_HEALTH, subject, health._asdict(), now)
        if was_opened(message.get(62, "")):
            suspend(self._office, (merchant, terminal), Why.VIOLATION, "casing opened", now)
        elif broken and (before is None or broken != before.broken):
            propose(self._office, (merchant, terminal), Why.FAULT, ",".join(broken), now)

    def _moved(self, charge: Charge, before: State, event: object, now: Now) -> None:
        """Sales that a terminal could not finish."""
        del before, event
        most = self._office.settings.reversal_96_max
        if not most:
            return
        if charge.reason == Reason.TERMINAL_CANNOT_FINISH:
            what = COULD_NOT_FINISH
            self.seen[what] += 1
            if self._counted(charge.till, what, now.monotonic, _DAY_S) >= most:
                self._times.pop((charge.till, what), None)
                propose(self._office, (charge.merchant, charge.terminal), Why.FAULT, what, now)


_TESTED: Final = {Purpose.SIGN_ON: SIGN_IN, Purpose.ECHO: ECHO}
