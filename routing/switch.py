"""The one door into routing: every event of the outside world comes in here, one at a time.

The gateway calls these methods in the order in which things happened, then takes `outbox`, makes
its records durable, and sends.  Read next: `terminal_side` (a request comes), `lifecycle` (a
charge moves), `host_side` (an answer comes), `charge` (the table of all that can happen).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing.accounts.counter import TerminalCounter
from routing.accounts.office import Office
from routing.cause import Asker
from routing.charge import NOT_STANDING, Charge, Event, State
from routing.conventions import Kind
from routing.departures import Departures
from routing.docket import Docket
from routing.effects import Lookup, Outbox, ToHost, ToTerminal, outbox
from routing.enquiry import Enquiry
from routing.host_side import HostSide
from routing.hosts import Host
from routing.key_ceremony import Ceremonies
from routing.key_exchange import exchange_keys
from routing.key_ring import KeyRing
from routing.lifecycle import Lifecycle
from routing.limit_changes import LimitChanges
from routing.notices import Notices
from routing.reason import TOLD_BY_TERMINAL, Reason
from routing.response_codes import HOST_UNAVAILABLE, SYSTEM_ERROR
from routing.revocation import Revocation
from routing.tally import OWN_S, Tally
from routing.terminal_side import TerminalSide
from routing.translation import Translator
from routing.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from codec import Message
    from routing.clock import Now
    from routing.effects import CardWork, Kept, KeyWork, Noted, Question, Send
    from routing.host_settings import HostSettings
    from routing.settings import Settings
    from routing.sign_in import Till

_SENT, _APPROVED, _REVERSAL_DUE = State.SENT, State.APPROVED, State.REVERSAL_DUE


class Switch:
    """All decisions of one gateway process."""

    def __init__(
        self, settings: Settings, *, epoch: int, last_id: int, last_stans: Mapping[str, int]
    ) -> None:
        self._shut: set[int] = set()
        """Links of all hosts that carry neither charges nor reversals now."""
        self._last_stans = dict(last_stans)
        self.hosts: dict[str, Host] = {}
        self._said_last: Host | None = None  # often the next message is its, too
        for each in settings.hosts:
            self._add_host(each)
        translators = {(each.terminal, each.host): Translator(each) for each in settings.mappings}
        self.life = Lifecycle(settings, self.hosts, translators, epoch, last_id)
        self.departures = Departures(self.life)
        self.watch = Watch(self.life)
        self.docket = Docket(self.life)
        self.office = Office(self.life, self.docket)
        self.keys = KeyRing(self.life.keeper)
        self.terminals = TerminalSide(self.life, self.docket, self.keys)
        self.office.registered.keys = Revocation(self.life, self.keys, self.terminals.sign_ins)
        counter = TerminalCounter(self.office, self.terminals.sign_ins)
        self.terminals.handle(Kind.ACCOUNT, counter.heard)
        self.terminals.batches.watchers.append(self.office.accounts.settled)
        self.terminals.replies.watchers.append(self.office.signals.refused)
        self.terminals.replies.explain = self.office.devices.words_for
        self.office.signals.ask = self.terminals.sign_ins.ask
        self.terminals.heard_network = self.office.signals.network
        self.life.gate.lets_test = self.office.devices.lets_test
        self.host_side = HostSide(self.life)
        self.limit_changes = LimitChanges(self.life.limits, self.docket)
        self.notices = Notices(self.life, self.docket)
        for host in self.hosts.values():
            exchange_keys(host, self.life, self.keys)
        self.ceremonies = Ceremonies(self.life.keeper)
        self.to_host_s = Tally(OWN_S)
        """The gateway's own part of a charge's time: from its request to its leaving for a host."""
        self.to_terminal_s = Tally(OWN_S)
        """And from its approval's coming to its leaving for the terminal."""

    def take(self) -> Outbox:
        """The effects since the last call; the caller now owes them."""
        self.life.pressure.batch_taken()
        taken, self.life.outbox = self.life.outbox, outbox()
        return taken

    def take_express(self) -> list[Send]:
        """Those effects that need not wait for anything."""
        return self.life.outbox.take_express()

    def take_beside(self) -> tuple[list[KeyWork | CardWork], list[Question]]:
        """Work with keys, questions to the journal: they wait for nothing, and nothing for them."""
        return self.life.outbox.take_beside()

    @property
    def has_effects(self) -> bool:
        """Whether `take` would bring anything."""
        return self.life.outbox.size() > 0

    # From terminals

    def from_terminal(
        self, conn: int, listener: str, message: Message, now: Now, mac_good: bool
    ) -> None:
        """A request came over a terminal's connection."""
        self.terminals.request(conn, listener, message, now, mac_good=mac_good)

    def new_key_used(self, till: Till, used: int, now: Now) -> None:
        """A first good MAC under keys that a terminal was given; `used` were given after those."""
        self.terminals.sign_ins.new_key_used(till, used, now)

    def terminal_closed(self, conn: int) -> None:
        """A terminal ended its side: an answer that was not handed over yet can't be any more."""
        for charge in self.life.book.on_conn(conn):
            if charge.state is State.SENT:
                self.life.book.leave_line(charge)

    def terminal_lost(self, conn: int, now: Now) -> None:
        """A connection was reset, or ended with bytes unacknowledged."""
        self.terminal_closed(conn)
        for charge in self.life.book.line_lost(conn):
            if charge.state is State.APPROVED:
                self._lost(charge, now)

    def _lost(self, charge: Charge, now: Now) -> None:
        """Known gone before the answer was handed over: reverse at once; else hold for a proof."""
        if charge.maybe_told:
            self.life.apply(charge, Event.TERMINAL_LOST, now)
        else:
            self.life.apply(charge, Event.UNDELIVERABLE_APPROVAL, now, reason=Reason.TERMINAL_GONE)

    def acknowledged(self, charge: Charge, conn: int, now: Now) -> None:
        """The terminal's TCP has every byte of an approval, and no reset followed."""
        line = charge.line
        if line is not None and charge.handed and line.conn == conn:
            self.life.delivered(charge, now)

    def recall(self, charge_id: int) -> None:
        """Have a charge in memory again that only the journal holds any more."""
        if self.life.book.get(charge_id) is None:
            self.life.outbox.lookups.append(Lookup(charge_id, lambda _charge, _now: None))

    def service_reported(
        self, charge_id: int, *, served: bool, reason: str, now: Now
    ) -> str | None:
        """A till says over HTTP whether it served: DE 39, or None if memory does not hold it."""
        return self.terminals.reported(charge_id, now, served=served, reason=reason)

    # From hosts

    def _add_host(self, settings: HostSettings) -> None:
        first = self._last_stans.get(settings.name, 0)
        self.hosts[settings.name] = Host(settings, first, self._shut)

    def take_host(self, settings: HostSettings) -> None:
        """A host of the configuration read anew: known with perhaps other rules, or new."""
        known = self.hosts.get(settings.name)
        if known is None:
            self._add_host(settings)
        else:
            known.change(settings)
            self.departures.keep(settings.name)
        exchange_keys(self.hosts[settings.name], self.life, self.keys)

    def begin_exchanges(self, now: Now) -> None:
        """MAC keys of earlier lives go on; hosts without one get nothing before one came."""
        for host in self.hosts.values():
            if host.links.exchange is not None:
                host.links.exchange.begin(now)

    def key_proven(self, host: str, now: Now) -> None:
        """A MAC was good under a host's new key."""
        known = self.hosts.get(host)
        if known is not None and known.links.exchange is not None:
            known.links.exchange.proven(now)

    def _drop_host(self, name: str) -> None:
        """Nothing of it is open.  Should it come back, its numbers go on where they were."""
        self._said_last = None
        self._last_stans[name] = int(self.hosts.pop(name).keys.next_stan())

    def link_up(self, host: str, link: int, now: Now) -> None:
        """A link to a host was connected."""
        if host in self.hosts:
            self.life.outbox.express += self.hosts[host].links.up(link, now)

    def link_down(self, host: str, link: int, now: Now) -> None:
        """A link to a host is gone."""
        self.departures.gone(link)
        if host in self.hosts:
            self.host_side.link_lost(self.hosts[host], link, now)

    def from_host(self, host: str, link: int, message: Message, now: Now, mac_good: bool) -> None:
        """A message came over a host link."""
        known = self._said_last
        if known is None or known.name is not host:
            known = self._said_last = self.hosts.get(host)
        if known is not None:
            self.host_side.message(known, link, message, now, mac_good=mac_good)

    # Time

    def tick(self, now: Now) -> None:
        """Everything whose time has come."""
        for item in self.life.deadlines.over(now.monotonic):
            if isinstance(item, Charge):
                self.life.deadline(item, now)
            elif isinstance(item, Enquiry):
                self.terminals.enquiries.over(item, now)

    def tick_hosts(self, now: Now) -> None:
        """Echoes and quarantines; once a second is often enough."""
        for host in self.hosts.values():
            host.keys.expire(now.monotonic)
            self.life.outbox.express += host.links.tick(now)
            if host.links.exchange is not None:
                self.life.outbox.express += host.links.exchange.tick(now)
        sends, gone = self.departures.tick(now)
        self.life.outbox.express += sends
        for name in gone:
            self._drop_host(name)
        self.office.tick(now)
        self.terminals.batches.tick(now)

    # The gateway's reports on what it sent

    def may_leave(self, send: Send, now: Now) -> bool:
        """Asked at the last moment, records durable: is this still to be sent?"""
        if isinstance(send, ToTerminal):
            return self._may_be_told(send, now)
        return self._may_go(send, now) if isinstance(send, ToHost) else True

    def _may_go(self, send: ToHost, now: Now) -> bool:
        charge = send.charge
        if self._shut and send.link in self._shut:
            # The host signed off meanwhile: it heard our answer, and gets nothing after it.
            self.unsent(send, now)
            return charge is None
        if charge is not None and send.reverses:
            # What became of it meanwhile may leave nothing to reverse.
            return charge.state is _REVERSAL_DUE
        return charge is None or self._may_reach_host(charge, now)

    def _may_be_told(self, send: ToTerminal, now: Now) -> bool:
        self.terminals.sign_ins.mark(send.message)
        charge = send.charge if send.charge is not None else send.says_again
        if send.charge is not None:
            self.to_terminal_s.add(now.monotonic - send.charge.approval_held_since)
        # Or its reversal began while the approval was on its way to the disk.
        return charge is None or charge.state is _APPROVED or charge.state not in NOT_STANDING

    def _may_reach_host(self, charge: Charge, now: Now) -> bool:
        if charge.state is _SENT and charge.trouble.too_late:
            self.life.apply(charge, Event.UNSENDABLE, now)
        elif charge.state is _SENT:
            self.to_host_s.add(now.monotonic - charge.known_since)
            charge.left, charge.known_since = True, now.monotonic
            return True
        elif charge.state is State.REVERSAL_DUE and charge.attempts == 0:
            self.life.apply(charge, Event.UNSENDABLE, now)
        return False

    def handed(self, send: ToTerminal) -> None:
        """An approval was handed to the terminal's socket."""
        charge = send.charge
        if charge is not None:
            charge.maybe_told = True
            line = charge.line
            charge.handed |= line is not None and line.conn == send.conn

    def undelivered(self, send: ToTerminal, now: Now) -> None:
        """The connection was gone before an approval could be handed to it."""
        charge = send.charge
        if charge is not None and charge.conn == send.conn and charge.state is State.APPROVED:
            self._lost(charge, now)

    def unsent(self, send: ToHost, now: Now) -> None:
        """The link was gone before a byte could be handed to it."""
        charge = send.charge
        if charge is None:
            return
        if send.reverses:
            if charge.state is State.REVERSAL_DUE and charge.trouble.reversal_in_flight:
                self.life.apply(charge, Event.REVERSAL_UNANSWERED, now)
        elif charge.state is State.SENT:
            charge.left = False
            self.life.apply(charge, Event.UNSENDABLE, now)

    # The journal

    def restore(
        self,
        charges: Iterable[Charge],
        now: Now,
        entries: Sequence[Noted] = (),
        kept: Iterable[Kept] = (),
    ) -> None:
        """Take over what the journal holds at the start."""
        self.hold(kept)
        for charge in charges:
            self.life.restore(charge, now)
        self.office.restore()
        self.remember(entries)

    def hold(self, kept: Iterable[Kept]) -> None:
        """What earlier lives kept beside charges."""
        self.life.keeper.restore(kept)
        self.life.registry.restore()
        self.keys.restore()
        self.ceremonies.restore()
        self.terminals.sign_ins.restore()

    def remember(self, entries: Sequence[Noted]) -> None:
        """What was said in earlier lives and may still matter; after the charges."""
        self.docket.restore(entries)
        self.limit_changes.restore(entries)

    def known_already(self, charge_id: int, earlier: Charge, now: Now) -> None:
        """The journal says that a new charge repeats one which memory had forgotten."""
        charge = self.life.book.get(charge_id)
        if charge is None:
            return
        request, conn, line = charge.request, charge.conn, charge.line
        taken_back = charge.state is State.REVERSAL_DUE and charge.reason in TOLD_BY_TERMINAL
        self._drop(charge, now)
        known = self.adopt(earlier)
        if request is not None:
            self.terminals.admission.repeat(known, Asker(conn, request, line), now)
        elif taken_back and known.kind.reversible and not known.given_back:
            # Its terminal took it back meanwhile, and was told that it is undone.
            reason = Reason(charge.reason)
            self.life.apply(known, Event.TERMINAL_REVERSAL, now, reason=reason)

    def _drop(self, charge: Charge, now: Now) -> None:
        """Forget a charge that the journal does not hold, and what was decided on it meanwhile."""
        host, box = self.hosts[charge.host], self.life.outbox
        host.keys.release(host.charge_key(charge))
        # Where terminals' numbers go on to the host this may be the earlier charge's own.
        if charge.reversal_stan and host.keys.owner(host.reversal_key(charge)) is charge:
            host.keys.release(host.reversal_key(charge))
        self.life.book.remove(charge)
        self.life.never_was(charge, now)
        box.records = [record for record in box.records if record.id != charge.id]
        sends = box.sends
        box.sends = [x for x in sends if not (isinstance(x, ToHost) and x.charge is charge)]

    def adopt(self, charge: Charge) -> Charge:
        """A charge from the journal, as it was asked for; the one in memory if there is one."""
        known = self.life.book.get(charge.id)
        if known is None:
            self.life.book.add(charge)
        return known or charge

    # Operation

    def drain(self) -> None:
        """Take no new charge; let those under way come to their answer."""
        self.terminals.admission.refuse_new = HOST_UNAVAILABLE

    def leave_over(self, now: Now) -> int:
        """The process ends: what has no answer waits for the next one's start; returns how many."""
        waiting = (State.SENT, State.APPROVED)
        under_way = [each for each in self.life.book.open() if each.state in waiting]
        for charge in under_way:
            self.life.apply(charge, Event.RESTART, now, reason=Reason.RESTART)
        return len(under_way)

    def journal_failing(self, failing: bool) -> None:
        """While the journal can't make anything durable no new charge is taken."""
        if self.terminals.admission.refuse_new != HOST_UNAVAILABLE:
            self.terminals.admission.refuse_new = SYSTEM_ERROR if failing else None

    def refund_case(self, charge_id: int, now: Now) -> bool:
        """A person has a case's host give its money back; False if that can't be (now)."""
        charge = self.life.book.get(charge_id)
        if charge is None or charge.state is not State.CASE or charge.kind.undoes:
            return False
        return self.life.originals.refund(charge, now)

    def close_case(self, charge_id: int, how: Event, now: Now) -> State | None:
        """A case comes to its end; None if there is no such open case.  Who may decide that stands
        in `docket`.
        """
        charge = self.life.book.get(charge_id)
        if charge is None or charge.state is not State.CASE:
            return None
        if how is Event.CASE_RETRIED and not charge.kind.reversible:
            return State.CASE
        self.life.apply(charge, how, now, reason=Reason.BY_A_PERSON)
        return charge.state
