"""The bank hosts: their books, their moods, their links.

Money is booked by `gateway.simulators.bank`, messages are worded by `host_speech`; here are the
faults.  An approved charge is charged, whether its answer is sent or not.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from codec import Message, mac
from codec.framing import Framer, frame
from gateway.simulators.bank import APPROVED, PARTIAL, UNKNOWN_ORIGINAL, Bank, Reversed
from gateway.simulators.host_speech import SPEECHES, Iso87HostSpeech, Kind, kind
from tests.simulation.agenda import WALL_AT_START
from tests.simulation.keys import FIELD

if TYPE_CHECKING:
    import random

    from gateway.simulators.bank import Charge
    from tests.simulation.agenda import Agenda
    from tests.simulation.chance import Chance
    from tests.simulation.checkers import Checkers, Name
    from tests.simulation.keys import HostsKeys
    from tests.simulation.wires import End

_FRAME_MAX: Final = 4_096
_BUSY: Final = ("96", "91", "68")
_SIGNED_OFF: Final = "91"
_BAD_MAC: Final = "A0"
_SIGN_ON: Final = "001"
_SIGN_OFF: Final = "002"
_MORE_THAN_ASKED: Final = 1_000_000_000
"""Less than the whole would pass for a partial approval."""
_LATE_REVERSAL_S: Final = (7.0, 10.0)
_COPIES_AFTER_S: Final = (0.0, 0.5, 1.2, 12.0)
_COPIES_OF_25: Final = 8.0
"""How much oftener a host answers twice that it has nothing to reverse."""
_SPEAKS_UP_S: Final = 0.01
_SAYS_AGAIN_S: Final = 3.0
"""How soon a sign-on or sign-off that was not answered is sent again."""


@dataclass(slots=True)
class Moods:
    """Shares of messages that meet a fault."""

    silent: float = 0.0
    late: float = 0.0
    decline: float = 0.0
    partial: float = 0.0
    duplicate: float = 0.0
    wrong_field: float = 0.0
    wrong_mac: float = 0.0
    reversal_silent: float = 0.0
    reversal_late: float = 0.0
    """The answer comes after the gateway has tried again."""
    reversal_busy: float = 0.0
    drops_link: float = 0.0
    """The link is cut as soon as a charge was booked."""


class SimHost:
    """One bank host; the `Owner` of its ends."""

    def __init__(
        self,
        name: str,
        dialect: str,
        keys: HostsKeys | None,
        agenda: Agenda,
        chance: Chance,
        checkers: Checkers,
        moods: Moods,
    ) -> None:
        self.name = name
        self.speech = SPEECHES[dialect]
        self.bank = Bank(chance.of("rrn", name).randrange(10**6) * 10**5 + 1)
        self.moods = moods
        self.down = False
        self.mute = False
        """It decides on charges, and its answers to them get lost."""
        self.signed_off = False
        self._unheard: set[End] = set()
        """Links that have not answered the last sign-on or sign-off."""
        self._left: set[End] = set()
        """Links that the gateway signed off on."""
        self._said: set[str] = set()
        """STANs under which that was said."""
        self._announced = 0
        self._keys, self._agenda, self._chance, self._checkers = keys, agenda, chance, checkers
        self._heard_of: Counter[str] = Counter()
        """Messages by the terminal that they speak of."""
        self._framers: dict[End, Framer] = {}
        self.books: dict[str, Charge] = {}
        """Decided charges by merchant|terminal|amount."""
        self.reversals = 0
        self._stan = 0
        self.tells_days = False
        """Its messages name its settlement date, and it closes its days."""
        self._day, self._is_night = 0, False
        self._days: dict[str, int] = {}
        """The day of each charge and void, by its RRN."""
        self._today: list[Name] = []

    # Links (Owner)

    def accept(self, end: End) -> bool:
        """A gateway connects."""
        if self.down:
            return False
        end.owner = self
        self._framers[end] = Framer(_FRAME_MAX)
        if self._announced:
            # Nobody may have heard the last word on it: a gateway that is told of a sign-off, and
            # loses that link, has to wait for the sign-on on the next one, too.
            self._unheard.add(end)
        if self._announced and not self.signed_off:
            self._announced += 1
            self._agenda.after(_SPEAKS_UP_S, self._announce, self._announced)
        return True

    def sign(self, *, off: bool) -> None:
        """Tell every link that from now on nothing, or everything, is taken; until it is heard."""
        self.signed_off = off
        self._announced += 1
        self._unheard, self._said = set(self._framers), set()
        self._announce(self._announced)

    def _announce(self, number: int) -> None:
        if number != self._announced:
            return
        now = datetime.fromtimestamp(WALL_AT_START + self._agenda.now, UTC)
        what = "sign-off" if self.signed_off else "sign-on"
        for end in self._framers:
            if end in self._unheard:
                self._stan = self._stan % 999_999 + 1
                self._said.add(f"{self._stan:06d}")
                self._send(end, self.speech.network_request(what, f"{self._stan:06d}", now), False)
        if self.signed_off or self._unheard & self._framers.keys():
            self._agenda.after(_SAYS_AGAIN_S, self._announce, number)

    # Settlement days

    def _dated(self) -> dict[int, str]:
        """DE 15, where it tells its date."""
        date = datetime.fromtimestamp(WALL_AT_START, UTC) + timedelta(days=self._day)
        return {15: date.strftime("%m%d")} if self.tells_days else {}

    def end_day(self) -> None:
        """What was charged until now is settled: it is reversed no more."""
        if self.down or self._is_night:
            return
        self._is_night = True
        self._checkers.day_over(self._today)
        self._day, self._today = self._day + 1, []
        self._tell("cut-over begins")

    def begin_day(self) -> None:
        """New charges are of the new day."""
        if self._is_night:
            self._is_night = False
            self._tell("cut-over ends")
            self._agenda.after(_SAYS_AGAIN_S, self._tell, "cut-over ends")

    def _tell(self, what: str) -> None:
        """The dialect of POS terminals has no word for it: there the next answer tells."""
        now = datetime.fromtimestamp(WALL_AT_START + self._agenda.now, UTC)
        for end in list(self._framers) if isinstance(self.speech, Iso87HostSpeech) else ():
            self._stan = self._stan % 999_999 + 1
            message = self.speech.network_request(what, f"{self._stan:06d}", now)
            message.patch(15, self._dated()[15])
            self._send(end, message, False)

    def _is_settled(self, original: str) -> bool:
        charge = self.bank.known(original)
        if charge is None or charge.code not in (APPROVED, PARTIAL):
            return False
        return self._days.get(charge.rrn, self._day) < self._day

    def drop_links(self) -> None:
        """Cut every link, whatever is in flight."""
        for end in list(self._framers):
            del self._framers[end]
            end.reset()

    def cut(self, end: End) -> None:
        """A link was reset."""
        self._framers.pop(end, None)

    def readable(self, end: End) -> None:
        """Bytes wait on a link."""
        framer = self._framers.get(end)
        if framer is None:
            return
        data = bytes(end.received)
        end.received.clear()
        for each in framer.feed(data):
            message = Message(each, self.speech.dialect)
            self._keeps_to_the_sign_off(end, message)
            rng = self._chance_of(message)
            pause_s = rng.choice((0.0, 0.002, 0.01, 0.05, 0.4))
            self._agenda.after(pause_s, self._heard, end, message, rng)
        if end.ended:
            self._framers.pop(end, None)
            end.close()

    def _keeps_to_the_sign_off(self, end: End, message: Message) -> None:
        """Once a sign-off was answered nothing but network management may follow on that link."""
        what = kind(message)
        is_yes = what is Kind.ANSWER and message.get(39) == APPROVED
        if is_yes and self._keys is not None and self._keys.took(message.get(11, "")):
            self._checkers.note("key", self.name, "handed out")
        if what is Kind.NETWORK and message.get(70) == _SIGN_OFF:
            self._left.add(end)
        elif end in self._left and what not in (Kind.NETWORK, Kind.ANSWER):
            self._checkers.violated(10, f"host {self.name} got {what} after the gateway's sign-off")
        if what is Kind.ANSWER and message.get(11) in self._said:
            self._unheard.discard(end)
        elif what not in (Kind.NETWORK, Kind.ANSWER, Kind.ENQUIRY) and (
            self.signed_off and not self.down and end not in self._unheard
        ):
            self._checkers.violated(10, f"host {self.name} got {what} after its sign-off")

    def _chance_of(self, message: Message) -> random.Random:
        """What becomes of a message depends on its terminal and on what that asked before."""
        terminal = message.get(41, "")
        self._heard_of[terminal] += 1
        return self._chance.of("host", self.name, terminal, self._heard_of[terminal])

    def _heard(self, end: End, message: Message, rng: random.Random) -> None:
        if self.down:
            return
        if message.mti[1] != "8" and self._keys is not None and not self._keys.good(message):
            if self._keys.was_good(message):
                # The gateway lost a newer key: it is told, and asks for another.
                self._answer(end, self.speech.answer(message, {39: _BAD_MAC}), 0.0)
            else:
                self._checkers.violated(5, f"host {self.name} got a wrong MAC")
            return
        match kind(message):
            case Kind.CHARGE:
                self._charge(end, message, rng)
            case Kind.VOID | Kind.REFUND:
                self._undoing(end, message, rng)
            case Kind.REVERSAL:
                self._reversal(end, message, rng)
            case Kind.NETWORK if self.speech.network_what(message) == "key change":
                self._gives_key(end, message)
            case Kind.NETWORK:
                refused = self.signed_off and message.get(70) == _SIGN_ON
                code = _SIGNED_OFF if refused else APPROVED
                self._answer(end, self.speech.answer(message, {39: code}), 0.0)

    # Keys

    def send_key(self, *, wrong: bool) -> None:
        """Hand out a new MAC key over one link, with a wrong check value perhaps."""
        if self._keys is None or not self._keys.changes or self.down or not self._framers:
            return
        now = datetime.fromtimestamp(WALL_AT_START + self._agenda.now, UTC)
        self._stan = self._stan % 999_999 + 1
        message = self.speech.network_request("key change", f"{self._stan:06d}", now)
        message.patch(FIELD, self._keys.offer(message[11], wrong=wrong))
        self._send(next(iter(self._framers)), message, False)

    def _gives_key(self, end: End, message: Message) -> None:
        """The gateway asks for a key: it uses it as soon as it has the answer."""
        assert self._keys is not None
        said = {39: APPROVED, FIELD: self._keys.offer(f"asked {message[11]}", wrong=False)}
        self._checkers.note("key", self.name, "asked for")
        self._send(end, self.speech.answer(message, said), False)

    # Charges

    def _charge(self, end: End, message: Message, rng: random.Random) -> None:
        request = self.speech.charge_request(message)
        if self.bank.known(request.identity) is not None:
            self._checkers.violated(4, f"host {self.name} got one charge twice")
            return
        moods = self.moods
        code, part = APPROVED, None
        if self.signed_off:
            code = _SIGNED_OFF
        elif rng.random() < moods.decline:
            code = rng.choice(("05", "51"))
        elif rng.random() < moods.partial:
            code, part = PARTIAL, rng.randint(1, request.amount)
        charge = self.bank.decide(request, code, part)
        self._days[charge.rrn] = self._day
        self._today.append((request.merchant, request.terminal, request.amount))
        self._checkers.decided(self.name, charge)
        fields: dict[int, str] = {37: charge.rrn, 39: code} | self._dated()
        if part is not None:
            fields[4] = f"{part:012d}"
        if charge.approval_code:
            fields[38] = charge.approval_code
        if rng.random() < moods.drops_link:
            self.drop_links()
        elif not self.mute:
            self._with_faults(end, self.speech.answer(message, fields), rng)

    def _undoing(self, end: End, message: Message, rng: random.Random) -> None:
        request = self.speech.charge_request(message)
        if self.bank.known(request.identity) is not None:
            self._checkers.violated(4, f"host {self.name} got one void twice")
            return
        original = self.speech.original(message)
        if self.signed_off:
            undoing = self.bank.decide(request, _SIGNED_OFF)
        elif rng.random() < self.moods.decline:
            undoing = self.bank.decide(request, "57")
        else:
            undoing = self.bank.undo(request, original, whole=kind(message) is Kind.VOID)
        self._days[undoing.rrn] = self._day
        fields = {37: undoing.rrn, 39: undoing.code} | self._dated()
        self._checkers.note("decided", self.name, *request[1:], "void", undoing.code)
        if not self.mute:
            self._with_faults(end, self.speech.answer(message, fields), rng)

    def _with_faults(self, end: End, answer: Message, rng: random.Random) -> None:
        moods = self.moods
        drawn = rng.random()
        for fault in ("silent", "late", "duplicate", "wrong_field", "wrong_mac"):
            drawn -= getattr(moods, fault)
            if drawn < 0:
                self._faulty(end, answer, fault, rng)
                return
        self._answer(end, answer, rng.choice((0.0, 0.01, 0.1, 1.0)))

    def _faulty(self, end: End, answer: Message, fault: str, rng: random.Random) -> None:
        match fault:
            case "late":
                self._answer(end, answer, rng.uniform(5.0, 60.0))
            case "duplicate":
                self._answer(end, answer, 0.0)
                self._answer(end, answer, rng.choice(_COPIES_AFTER_S))
            case "wrong_field":
                answer.patch(4, f"{int(answer[4]) + _MORE_THAN_ASKED:012d}")
                self._answer(end, answer, 0.0)
            case "wrong_mac" if self._keys is not None:
                answer.patch(39, "05" if answer[39] == APPROVED else APPROVED)
                self._answer(end, answer, 0.0, spoil=True)

    def _reversal(self, end: End, message: Message, rng: random.Random) -> None:
        moods = self.moods
        self.reversals += 1
        drawn = rng.random()
        if self.signed_off or drawn < moods.reversal_busy:
            busy = self.speech.answer(message, {39: rng.choice(_BUSY)})
            self._answer(end, busy, 0.0)
            return
        identity, original = self.speech.identity(message), self.speech.original(message)
        if self._is_settled(original) and not self.bank.has_reversed(identity):
            outcome = Reversed(UNKNOWN_ORIGINAL, 0, repeat=False, charge=None)
        else:
            outcome = self.bank.reverse(identity, original)
        self._checkers.gave_back(self.name, message, outcome)
        if rng.random() < moods.reversal_silent:
            return
        answer = self.speech.answer(message, {39: outcome.code} | self._dated())
        is_late = rng.random() < moods.reversal_late
        pause_s = rng.uniform(*_LATE_REVERSAL_S) if is_late else rng.choice((0.0, 0.05, 3.0))
        self._answer(end, answer, pause_s)
        # A copy of "nothing to reverse" does harm if it passes for the next try's answer.
        share = _COPIES_OF_25 if outcome.code == UNKNOWN_ORIGINAL else 1.0
        if rng.random() < moods.duplicate * share:
            self._answer(end, answer, pause_s + rng.choice(_COPIES_AFTER_S))

    # Answers

    def _answer(self, end: End, message: Message, after_s: float, **how: Any) -> None:
        self._agenda.after(after_s, self._send, end, message, how.get("spoil", False))

    def _send(self, end: End, message: Message, spoil: bool) -> None:
        if self.down or end not in self._framers:
            return
        if self._keys is not None and message.mti[1] != "8":
            mac.sign(message, self._keys.key)
            if spoil:
                code: str = message[64]
                message.patch(64, code[:-1] + ("0" if code[-1] != "0" else "1"))
        end.send(frame(message.raw))
