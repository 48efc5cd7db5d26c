"""Deliberate bugs in the real code: the simulator is worth something only if it catches them.

Each replaces one function of the gateway while it is applied.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from codec import Message
from gateway.journal import commits
from gateway.journal.redo import RedoLog
from gateway.journal.sqlite import SqliteJournal
from gateway.journal.tables import Tables
from gateway.pipeline import Pipeline
from gateway.terminal_keys import TerminalKeys
from routing import answers, host_side, reversals
from routing.accounts.gate import Gate
from routing.accounts.settlement_cards import SettlementCards
from routing.accounts.settlement_days import SettlementDays
from routing.accounts.standing import Standing
from routing.admission import Admission
from routing.book import ChargeBook
from routing.charge import TABLE, Action, Charge, Event, State, Step
from routing.conventions.iso87 import Iso87
from routing.deadlines import Deadlines
from routing.effects import ToHost
from routing.hosts import Host
from routing.key_exchange import TABLE as KEY_STEPS
from routing.key_exchange import KeyEvent, KeyState, KeyStep
from routing.lifecycle import Lifecycle
from routing.link_states import TABLE as LINK_STEPS
from routing.link_states import LinkEvent, LinkState, LinkStep
from routing.matching import PendingKeys
from routing.reversals import Reversals
from routing.switch import Switch
from routing.terminal_side import TerminalSide
from routing.tombstones import Tombstones

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from routing.clock import Now

SEEDS_MAX: Final = 60
"""Within so many seeds each of these bugs is caught, unless it says otherwise."""
RARE: Final = 240
"""The same for bugs that several things must come together for."""
RAREST: Final = 600
"""And for one that more must come together for than most worlds have."""


class Mutation(NamedTuple):
    """One deliberate bug: `name` of `place` is replaced by what `make` makes of it."""

    what: str
    place: Any
    name: Any
    make: Callable[[Any], Any]
    also: Mutation | None = None
    """What must be broken besides, because two parts of the gateway guard against this."""
    seeds: int = SEEDS_MAX
    """Within so many it is caught."""

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The bug is in the code within this context."""
        with self.also.applied() if self.also is not None else nullcontext(), self._alone():
            yield

    @contextmanager
    def _alone(self) -> Iterator[None]:
        original = (
            self.place[self.name] if isinstance(self.place, dict) else vars(self.place)[self.name]
        )
        self._put(self.make(original))
        try:
            yield
        finally:
            self._put(original)

    def _put(self, value: Any) -> None:
        if isinstance(self.place, dict):
            self.place[self.name] = value
        else:
            setattr(self.place, self.name, value)


def _skips_journal(original: Any) -> Any:
    def append(self: SqliteJournal, records: Any) -> dict[int, Charge]:
        kept = [r for r in records if r.id % 7]
        return original(self, kept) if kept else {}

    return append


def _sends_first(original: Any) -> Any:
    def begin(self: Any, batch: Any) -> None:
        self._release(batch.sends)
        batch.sends = []
        original(self, batch)

    return begin


def _does_not_sync(original: Any) -> Any:
    del original

    def write(self: Any, frame: bytearray) -> None:
        self._files[self._at].write(self._end, frame)

    return write


def _forgets_too_early(original: Any) -> Any:
    def sync(self: Any, *, each: bool) -> None:
        original(self, each=each and not hasattr(self, "number"))

    return sync


def _leaves_the_log_alone(original: Any) -> Any:
    del original

    def take_in(redo: RedoLog, tables: Tables) -> None:
        redo.frames_after(tables.number)
        redo.in_tables(redo.number)

    return take_in


def _gives_up_on_errors(original: Any) -> Any:
    def taken(self: Any, told: Any, records: int) -> Any:
        known = original(self, told, records)
        return {} if known is None else known

    return taken


def _new_identity(original: Any) -> Any:
    def send(self: Any, charge: Charge, now: Now) -> None:
        if charge.attempts and charge.reversal_de7:
            charge.reversal_stan = self._life.hosts[charge.host].keys.next_stan()
        original(self, charge, now)

    return send


def _new_identity_at_restart(original: Any) -> Any:
    def restore(self: Any, charge: Charge, now: Now) -> None:
        if charge.reversal_de7 and charge.state is State.REVERSAL_DUE:
            charge.reversal_stan = self.hosts[charge.host].keys.next_stan()
        original(self, charge, now)

    return restore


def _forgets_deadline(original: Any) -> Any:
    def watch(self: Any, item: Any, at: float) -> Any:
        due = original(self, item, at)
        if isinstance(item, Charge) and item.state is State.SENT and item.id % 5 == 0:
            self.leave(due)
        return due

    return watch


def _one_key(original: Any) -> Any:
    del original

    def key_of(self: Any, cls: str, stan: str, *rest: str) -> str:
        return f"{cls}|{stan[-1:]}"

    return key_of


def _read_off(original: Any) -> Any:
    """That key, read off an answer."""
    del original
    return lambda self, message: self.key_of(message.mti[1], message.get(11) or "")


def _no_number(original: Any) -> Any:
    del original
    return lambda *_: -1


def _always(original: Any) -> Any:
    del original
    return lambda *_: True


def _takes_any_key(original: Any) -> Any:
    del original

    def take_new(self: Any, key: str, owner: Any) -> bool:
        self._owners[key] = owner
        return True

    return take_new


def _sent_is_forgotten(original: Any) -> Any:
    def restore(self: Any, charge: Charge, now: Now) -> None:
        if charge.state is not State.SENT:
            original(self, charge, now)

    return restore


def _early_nothing(original: Any) -> Any:
    def verdict(charge: Charge, code: str, *, may_have_overtaken: bool) -> Event:
        found: Event = original(charge, code, may_have_overtaken=False)
        return found

    return verdict


def _nothing_ends_all(original: Any) -> Any:
    def verdict(charge: Charge, code: str, *, may_have_overtaken: bool) -> Event:
        if code in ("25", "12"):
            return Event.NOTHING_FOUND
        found: Event = original(charge, code, may_have_overtaken=may_have_overtaken)
        return found

    return verdict


def _busy_is_done(original: Any) -> Any:
    def verdict(charge: Charge, code: str, **how: bool) -> Event:
        found: Event = original(charge, code, **how)
        return Event.REVERSAL_ACCEPTED if code == "96" else found

    return verdict


def _loses_answer(original: Any) -> Any:
    def remember(charge: Charge, answer: Message, request: Message) -> None:
        original(charge, answer, request)
        charge.answer, charge.echoed = {39: "00"}, ()

    return remember


def _any_sale_is_new(original: Any) -> Any:
    del original
    return lambda *_: None


def _echoes_unchecked(original: Any) -> Any:
    del original
    return lambda *_, **__: None


def _mac_unchecked(original: Any) -> Any:
    def message(self: Any, host: Any, link: int, message: Message, now: Now, **how: bool) -> None:
        original(self, host, link, message, now, mac_good=True)

    return message


def _does_nothing(original: Any) -> Any:
    del original
    return lambda *_: None


def _takes_whole(original: Any) -> Any:
    def approved(self: Any, host: Any, charge: Charge, message: Message, *rest: Any) -> None:
        whole = message.copy()
        whole.patch(4, f"{charge.amount:012d}")
        original(self, host, charge, whole, *rest)

    return approved


# Bugs that the simulator found once, put back


def _old_approval(original: Any) -> Any:
    def answered(self: Any, charge: Charge, code: str, now: Now) -> None:
        charge.approval_held_since = 0.0
        original(self, charge, code, now)

    return answered


def _told_is_forgotten(original: Any) -> Any:
    def handed(self: Any, send: Any) -> None:
        original(self, send)
        if send.charge is not None:
            send.charge.maybe_told = False

    return handed


def _newest_try(original: Any) -> Any:
    def answered(self: Any, charge: Charge, code: str, now: Now) -> None:
        charge.trouble.tries = charge.trouble.tries[-1:]
        original(self, charge, code, now)

    return answered


def _journal_unasked(original: Any) -> Any:
    def turn_away(self: Admission, *arguments: Any, **how: Any) -> None:
        self._life.book.forgets = False
        original(self, *arguments, **how)

    return turn_away


def _proves_nothing(original: Any) -> Any:
    def reversal(self: Any, *arguments: Any) -> None:
        self.admission.proves_the_last = _does_nothing(None)
        original(self, *arguments)
        del self.admission.proves_the_last

    return reversal


def _fails_over_what_was_sent(original: Any) -> Any:
    def link_down(self: Any, host: str, link: int, now: Now) -> None:
        for charge in self.life.book.open():
            sent = charge.state is State.SENT and charge.left and charge.link == link
            others = [x for x in self.hosts.values() if x.name != host and x.can_take_more()]
            if sent and charge.request is not None and others:
                _goes_elsewhere(self, charge, others[0], now)
        original(self, host, link, now)

    return link_down


def _goes_elsewhere(switch: Any, charge: Charge, host: Any, now: Now) -> None:
    message = switch.terminals.admission.towards(host, charge.request, now)
    charge.host, charge.link = host.name, host.links.next_link()
    charge.host_stan, charge.host_de7 = message[11], message.get(7) or ""
    charge.sent = message.pick(host.convention.sufficient)
    host.keys.claim(host.charge_key(charge), charge)
    switch.life.outbox.sends.append(ToHost(charge.link, message, charge))


def _key_in_use_forgotten(original: Any) -> Any:
    def given(self: Any, till: Any, key: Any) -> None:
        original(self, till, key)
        self._of(till).used = None

    return given


def _nobody_asks_anew(original: Any) -> Any:
    return KeyStep(original.next)


def _nothing_is_shut(original: Any) -> Any:
    def may_leave(self: Any, send: Any, now: Now) -> bool:
        self._shut.clear()
        leaves: bool = original(self, send, now)
        return leaves

    return may_leave


_M = Mutation
_UNDUE: Final = Step(State.DECLINED, (Action.TELL_NO_ANSWER,), "00")


def _in_force(cards: SettlementCards, request: Any, number: int) -> int:
    """The version counts at once."""
    version = cards.of(request.merchant).version(number)
    assert version is not None
    version.begins = "2026-09-21"
    return number


ALL: Final[dict[str, Mutation]] = {
    "signed-off-is-ignored": _M(
        "a sign-off changes nothing",
        LINK_STEPS,
        (LinkState.SIGNED_ON, LinkEvent.HOST_OFF),
        lambda _: LinkStep(LinkState.SIGNED_ON),
    ),
    "leaves-after-sign-off": _M(
        "what waits for the disk leaves after a sign-off", Switch, "may_leave", _nothing_is_shut
    ),
    "skip-journal": _M("some records are not journaled", SqliteJournal, "append", _skips_journal),
    "send-before-commit": _M("messages leave before the commit", Pipeline, "_begin", _sends_first),
    "no-sync": _M("the redo log does not sync", RedoLog, "_write", _does_not_sync),
    "log-forgets": _M(
        "the redo log is written over before its tables are synced",
        Tables,
        "sync",
        _forgets_too_early,
    ),
    "log-left": _M(
        "a new life takes nothing in that the redo log holds",
        commits,
        "take_in_what_was_left",
        _leaves_the_log_alone,
    ),
    "ignore-journal-errors": _M(
        "a failed commit counts as done", Pipeline, "_taken_by_journal", _gives_up_on_errors
    ),
    "reverse-twice": _M("each try of a reversal has a new STAN", Reversals, "send", _new_identity),
    "reverse-twice-after-restart": _M(
        "a restart gives reversals a new STAN", Lifecycle, "restore", _new_identity_at_restart
    ),
    "no-ticks": _M("no deadline is ever looked at", Switch, "tick", _does_nothing),
    "forget-deadline": _M("some charges have no deadline", Deadlines, "watch", _forgets_deadline),
    "match-on-stan-alone": _M(
        "keys are the STAN's end alone, a key in flight is handed out again, and echoed fields are"
        " not compared",
        Iso87,
        "key_of",
        _one_key,
        _M(
            "",
            PendingKeys,
            "is_free_for",
            _always,
            _M(
                "",
                PendingKeys,
                "take_new",
                _takes_any_key,
                _M(
                    "",
                    host_side,
                    "differing_field",
                    _echoes_unchecked,
                    _M(
                        "",
                        Iso87,
                        "pending_key",
                        _read_off,
                        _M("", Iso87, "pending_number", _no_number),
                    ),
                ),
            ),
        ),
    ),
    "forget-sent-at-restart": _M(
        "charges cut off by a restart are not reversed", Lifecycle, "restore", _sent_is_forgotten
    ),
    "25-at-once": _M("25 ends a reversal that overtook", reversals, "verdict", _early_nothing),
    "25-ends-all": _M(
        "25 ends though an approval is held", reversals, "verdict", _nothing_ends_all
    ),
    "busy-is-accepted": _M("96 counts as reversed", reversals, "verdict", _busy_is_done),
    "no-answer-is-decline": _M(
        "silence of the host counts as a decline",
        TABLE[State.SENT],
        Event.NO_ANSWER,
        lambda _: _UNDUE,
    ),
    "late-approval-lost": _M(
        "an undeliverable approval is declined",
        TABLE[State.SENT],
        Event.UNDELIVERABLE_APPROVAL,
        lambda _: Step(State.DECLINED),
    ),
    "restart-forgets-sent": _M(
        "a restart declines what was in flight",
        TABLE[State.SENT],
        Event.RESTART,
        lambda _: Step(State.DECLINED),
    ),
    "proof-over-is-service": _M(
        "silence in the time for a proof of delivery is service",
        TABLE[State.DELIVERY_UNKNOWN],
        Event.PROOF_TIME_OVER,
        lambda _: Step(State.PRESUMED_SERVED),
    ),
    "any-sale-proves": _M(
        "the next sale proves the last, though another terminal may stand there now",
        Admission,
        "_follows",
        _always,
    ),
    "failed-void-stands": _M(
        "a void that was declined or reversed counts as one that stands",
        TABLE[State.VOIDING],
        Event.STANDS_PRESUMED,
        lambda _: Step(State.VOIDED),
    ),
    "void-forgotten": _M(
        "a void that stands leaves its sale as it was",
        TABLE[State.VOIDING],
        Event.VOID_STANDS,
        lambda _: Step(State.PRESUMED_SERVED),
    ),
    "partial-is-whole": _M(
        "a partial approval counts as one of the whole",
        host_side.HostSide,
        "_approved",
        _takes_whole,
    ),
    "no-bound-in-flight": _M(
        "any number of charges may wait for a host",
        PendingKeys,
        "in_flight",
        lambda _: lambda _: 0,
    ),
    "ended-stay-for-ever": _M(
        "no ended charge ever leaves the memory", ChargeBook, "remove", _does_nothing
    ),
    "window-over-is-service": _M(
        "silence in the window is service",
        TABLE[State.DELIVERED],
        Event.WINDOW_OVER,
        lambda _: Step(State.SERVED),
    ),
    "not-served-ignored": _M(
        "a negative confirmation is passed over",
        TABLE[State.DELIVERED],
        Event.NOT_SERVED,
        lambda _: Step(State.SERVED, (), "00"),
    ),
    "terminal-reversal-ignored": _M(
        "a terminal's reversal is only acknowledged",
        TABLE[State.PRESUMED_SERVED],
        Event.TERMINAL_REVERSAL,
        lambda _: Step(State.PRESUMED_SERVED, (), "00"),
    ),
    "confirm-during-reversal": _M(
        "a confirmation during the reversal is accepted",
        TABLE[State.REVERSAL_DUE],
        Event.CONFIRMED,
        lambda _: Step(State.REVERSAL_DUE, (), "00"),
    ),
    "reverse-served": _M(
        "a lost terminal's charge is reversed at once",
        TABLE[State.APPROVED],
        Event.TERMINAL_LOST,
        lambda _: Step(State.REVERSAL_DUE, (Action.BEGIN_REVERSAL,)),
    ),
    "unanswered-reversal-ends": _M(
        "an unanswered reversal counts as done",
        TABLE[State.REVERSAL_DUE],
        Event.REVERSAL_UNANSWERED,
        lambda _: Step(State.REVERSED),
    ),
    "lose-stored-answer": _M(
        "repeats do not get what was answered first", answers, "remember", _loses_answer
    ),
    "no-duplicates": _M("a repeat is a new charge", ChargeBook, "same_as", _any_sale_is_new),
    "echoes-unchecked": _M(
        "echoed fields are not compared", host_side, "differing_field", _echoes_unchecked
    ),
    "mac-unchecked": _M(
        "a host's wrong MAC is accepted", host_side.HostSide, "message", _mac_unchecked
    ),
    "25-older-than-approval": _M(
        "a 25 to a try before the approval counts", Reversals, "answered", _old_approval
    ),
    "told-is-forgotten": _M(
        "who was handed an answer is forgotten", Switch, "handed", _told_is_forgotten
    ),
    "answer-to-newest-try": _M(
        "a slow answer to a reversal counts as the newest try's",
        Reversals,
        "answered",
        _newest_try,
        seeds=RARE,
    ),
    "copies-count": _M(
        "a 25 that comes twice counts twice",
        Reversals,
        "_was_told_nothing",
        lambda _: lambda *_: False,
        seeds=RAREST,
    ),
    "25-of-a-settled-day": _M(
        "a 25 ends a reversal though the host's day may be over",
        Host,
        "may_have_settled",
        lambda _: lambda *_: False,
        seeds=RARE,
    ),
    "refusal-forgotten": _M(
        "what was refused on one connection is taken on an older one",
        Tombstones,
        "refused",
        _always,
        seeds=RARE,
    ),
    "refuse-the-forgotten": _M(
        "a refusal does not ask the journal what memory forgot",
        Admission,
        "turn_away",
        _journal_unasked,
        seeds=RARE,
    ),
    "reversal-proves-nothing": _M(
        "only a sale proves the sale before, its reversal does not",
        TerminalSide,
        "_reversal",
        _proves_nothing,
    ),
    "fails-over-what-was-sent": _M(
        "a charge that left goes to another host when its link is lost",
        Switch,
        "link_down",
        _fails_over_what_was_sent,
    ),
    "key-in-use-forgotten": _M(
        "a sign-in takes away the key that its terminal uses",
        TerminalKeys,
        "given",
        _key_in_use_forgotten,
    ),
    "doubted-key-stays": _M(
        "a host whose MAC was wrong is not asked for a new key",
        KEY_STEPS,
        (KeyState.STEADY, KeyEvent.MAC_ERROR),
        _nobody_asks_anew,
        also=_M(
            "nor later",
            KEY_STEPS,
            (KeyState.DOUBTED, KeyEvent.DUE),
            _nobody_asks_anew,
        ),
        seeds=RAREST,
    ),
    "approval-after-deadline": _M(
        "an approval that comes late is delivered",
        TABLE[State.REVERSAL_DUE],
        Event.APPROVAL,
        lambda _: Step(State.APPROVED, (Action.RELAY_ANSWER,)),
    ),
    "barred-sells": _M(
        "a terminal that account services barred sells on",
        Gate,
        "refusal",
        lambda _: lambda *_: "",
    ),
    "ends-over-open-money": _M(
        "a terminal is done with its money while charges are open",
        Standing,
        "under_way",
        lambda _: property(lambda _: False),
        also=_M("the same", Standing, "obstacles", lambda _: lambda _: []),
    ),
    "card-begins-today": _M(
        "a settlement card begins on a day that was run already",
        SettlementDays,
        "next",
        lambda _: SettlementDays.current,
        seeds=120,
    ),
    "card-begins-unsaid": _M(
        "a settlement card is in force before the bank has it",
        SettlementCards,
        "write",
        lambda write: (
            lambda self, request, now: _in_force(self, request, write(self, request, now))
        ),
        seeds=120,
    ),
}
