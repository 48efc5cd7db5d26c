"""Journal before send: takes what was decided, makes it durable, then lets it leave.

While one batch is on its way to the disk the turns go on deciding; what they decide gathers and
is the next batch.  So the batch grows with the load, and one sync serves all of it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import outcome
import trio

from gateway.exits import Exits
from gateway.journal import JournalError
from gateway.journal.port import FencedError
from gateway.questions import Questions
from routing.effects import (
    BatchLookup,
    CloseLink,
    ForgetKeys,
    HostNews,
    Lookup,
    ReceivedKey,
    ToHost,
    UnsettledLookup,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.host_keys import HostKeys
    from gateway.journal import Journal
    from gateway.key_work import KeyWorkers
    from gateway.mac_lane import MacLane
    from gateway.peers import Peers
    from gateway.tools import Tools
    from gateway.wire.port import Network
    from routing.charge import Charge
    from routing.effects import AnyLookup, CardWork, KeyWork, Outbox, Question, Record, Send
    from routing.switch import Switch

_FIRST_RETRY_S: Final = 0.05
_RETRY_MAX_S: Final = 2.0


class Pipeline:
    """The way from a decision to the wire."""

    def __init__(
        self,
        switch: Switch,
        journal: Journal,
        network: Network,
        peers: Peers,
        key_workers: KeyWorkers,
        lane: MacLane | None,
        tools: Tools,
    ) -> None:
        self._switch = switch
        self._journal = journal
        self._keeps = switch.life.is_recorded = not journal.keeps_nothing
        self._network = network
        self.exits = Exits(switch, network, peers, lane, tools.clock, self._do)
        self._lane = lane
        self._key_workers = key_workers
        self.questions = Questions(journal, tools)
        self._clock, self._metrics, self._log = tools.clock, tools.metrics, tools.log
        self._writer = tools.journaling
        self.host_keys: HostKeys | None = None
        """Who takes over the keys that hosts send."""
        self._under_way: Outbox | None = None
        """The batch that is on its way to the disk."""
        self._began = 0.0
        self._fails = False
        self._detour = trio.Event()
        """The batch under way does not go straight: `run` goes on with it."""
        self._taken = self._settled = 0
        """Batches taken, and those of them that are durable and have left."""
        self._unanswered: list[Lookup] = []
        """Look-ups that stay, and that the journal could not be asked."""
        self._done: trio.Event | None = None
        """Set for whoever waits when the next batch has left."""
        self.failing_since = 0.0
        """Monotonic time since which the journal takes nothing; 0 while it works."""

    @property
    def idle(self) -> bool:
        """Nothing is on its way to the disk, and nothing waits to be."""
        in_lane = self._lane is not None and self._lane.waiting > 0
        under_way = self._under_way is not None or len(self.questions) > 0
        return not (under_way or self._switch.has_effects or in_lane)

    def kick(self) -> None:
        """Something was decided.  What may leave at once leaves, the rest is the next batch."""
        self.let_leave()
        if self._under_way is None and self._switch.has_effects:
            self._taken += 1
            self._begin(self._switch.take())

    def let_leave(self) -> None:
        """What rests on no record leaves now, whatever the journal does; the rest as well if it
        waits for none and nothing is before it.
        """
        express = self._switch.take_express()
        if express:
            self._release(express)
        key_work, asked = self._switch.take_beside()
        self._beside(key_work, asked)
        if self._under_way is not None or not self._switch.has_effects:
            return
        waiting = self._switch.life.outbox
        if not (waiting.lookups or (waiting.records and self._keeps)):
            self._taken += 1
            self._release(self._switch.take().sends)
            self._left()

    def _beside(self, key_work: Sequence[KeyWork | CardWork], asked: Sequence[Question]) -> None:
        """What waits for no batch, and no batch for it."""
        for work in key_work:
            self._key_workers.ask(work)
        for question in asked:
            self.questions.ask(question)

    def _left(self) -> None:
        """One more batch is durable and has left."""
        self._settled += 1
        done, self._done = self._done, None
        if done is not None:
            done.set()

    async def settled(self) -> None:
        """Return once everything decided so far is durable and has left."""
        wanted = self._taken + self._switch.has_effects
        while self._settled < wanted:
            if self._done is None:
                self._done = trio.Event()
            await self._done.wait()

    # A batch's straight way: no task waits for it

    def _begin(self, batch: Outbox) -> None:
        self._under_way = batch
        if batch.records:
            self._began = self._clock.now().monotonic
            self._writer.begin(self._network.wake, self._journal.append, batch.records)
        else:
            self._leaves(batch, {})
            self._detour.set()

    def settle(self) -> bool:
        """Whether a batch became durable since the last call; what it held has left then."""
        batch = self._under_way
        told = None if batch is None else self._writer.ended()
        if told is None or batch is None:
            return False
        known = self._taken_by_journal(told, len(batch.records))
        self._fails = known is None
        if known is not None:
            self._leaves(batch, known)
        if self._fails or batch.lookups:
            self._detour.set()
        else:
            self._over()
        return True

    def _leaves(self, batch: Outbox, known: Mapping[int, Charge]) -> None:
        """It is durable, but for charges that are `known`: of those nothing leaves."""
        for charge_id, earlier in known.items():
            self._switch.known_already(charge_id, earlier, self._clock.now())
        if known:
            batch.sends = [each for each in batch.sends if not _charges(each, known)]
        self._release(batch.sends)

    def _over(self) -> None:
        self._under_way = None
        self._left()

    def _taken_by_journal(
        self, told: outcome.Outcome[Mapping[int, Charge]], records: int
    ) -> Mapping[int, Charge] | None:
        """What the journal knew already; None if it fails."""
        try:
            known = told.unwrap()
        except FencedError:
            raise
        except JournalError as error:
            self._failed(error)
            return None
        self._worked(records, self._clock.now().monotonic - self._began)
        return known

    # What a batch may have to wait for besides

    async def run(self) -> None:
        """For ever: go on with a batch that the journal did not take, or that looks charges up."""
        try:
            while True:
                with trio.move_on_after(_RETRY_MAX_S if self._unanswered else math.inf):
                    await self._detour.wait()
                if not self._detour.is_set():
                    self._ask_again()
                    continue
                self._detour = trio.Event()
                batch = self._under_way
                if batch is not None:
                    await self._go_on(batch)
        finally:
            self._writer.rest()

    async def _go_on(self, batch: Outbox) -> None:
        if self._fails:
            known = await self._append_again(batch.records)
            self._fails = False
            self._leaves(batch, known)
        for lookup in batch.lookups:
            await self._look_up(lookup)
        self._over()
        self.kick()

    def _ask_again(self) -> None:
        """What nobody else would ask again."""
        unanswered, self._unanswered = self._unanswered, []
        self._switch.life.outbox.lookups += unanswered
        self.kick()

    async def _append_again(self, records: Sequence[Record]) -> Mapping[int, Charge]:
        """Durable, however long it takes: nothing may leave before, nothing may be forgotten."""
        pause_s = _FIRST_RETRY_S
        while True:
            await trio.sleep(pause_s)
            pause_s = min(pause_s * 2, _RETRY_MAX_S)
            self._began = self._clock.now().monotonic
            told = await outcome.acapture(self._writer, self._journal.append, records)
            known = self._taken_by_journal(told, len(records))
            if known is not None:
                return known

    def _failed(self, error: JournalError) -> None:
        self._metrics.journal_errors += 1
        if not self.failing_since:
            self.failing_since = self._clock.now().monotonic
            self._metrics.journal_failing = True
            self._log.error("journal fails; no new charge is taken", why=str(error))
        self._switch.journal_failing(True)

    def _worked(self, records: int, seconds: float) -> None:
        self._metrics.committed(records, seconds)
        if self.failing_since:
            self.failing_since = 0.0
            self._metrics.journal_failing = False
            self._log.warning("journal works again")
            self._switch.journal_failing(False)

    async def _look_up(self, lookup: AnyLookup) -> None:
        try:
            if isinstance(lookup, BatchLookup):
                charges = await self._writer(self._journal.batch, lookup.wanted)
                known_ones = [self._switch.adopt(charge) for charge in charges]
                lookup.found(known_ones, self._clock.now())
                return
            if isinstance(lookup, UnsettledLookup):
                count, money = await self._writer(self._journal.unsettled, lookup)
                lookup.found(count, money, self._clock.now())
                return
            charge = await self._writer(self._journal.find, lookup.wanted)
        except JournalError as error:
            # No answer: the terminal asks again, and by then the journal may work.  New charges
            # go on: only an append that works could end a refusal of theirs.
            self._metrics.journal_errors += 1
            self._log.error("journal can't be asked", why=str(error))
            if isinstance(lookup, Lookup) and lookup.stays:
                self._unanswered.append(lookup)
            return
        known = None if charge is None else self._switch.adopt(charge)
        lookup.found(known, self._clock.now())

    # Durable: now it may leave

    def _release(self, sends: Sequence[Send]) -> None:
        self.exits.release(sends)

    def _do(self, send: Send) -> None:
        """What is no message."""
        if isinstance(send, CloseLink):
            self._network.close(send.link, send.why)
        elif isinstance(send, HostNews):
            say = self._log.warning if send.alarms else self._log.info
            say(send.what, host=send.host)
        elif isinstance(send, ForgetKeys):
            self._key_workers.forget(send)
        elif isinstance(send, ReceivedKey) and self.host_keys is not None:
            self.host_keys.take(send)
        elif isinstance(send, ReceivedKey):
            send.done(None, "custody unavailable", self._clock.now())


def _charges(send: Send, known: Mapping[int, Charge]) -> bool:
    """Whether it takes one of these charges to a host."""
    return isinstance(send, ToHost) and send.charge is not None and send.charge.id in known
