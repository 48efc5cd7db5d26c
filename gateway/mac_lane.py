"""The lane for MACs that only a security module can check or make: beside the turns, in batches.

Rule 1.  No turn and no commit waits for the module: a message whose MAC is to be checked comes to
         routing when the module has answered, an answer whose MAC is to be made leaves then.
Rule 2.  What comes over one connection comes to routing in its order: what follows a message that
         is in the lane waits behind it.
Rule 3.  Where `WAITING_MAX` messages wait already, a further one that asks for something new is
         told 96 at once (`routing.unheard`); as is each that the module can't be asked about.
         What may bring money to its end waits beyond that: `RESOLVING_MAX` in all, and of one
         connection as many as it may have requests in flight.  What gets no answer comes again.
Rule 4.  An approval that gets no MAC counts as undelivered: what it approved is then reversed.
         Whatever else gets none leaves without one: it moves no money, believed or not.
Rule 5.  Whether an answer may still leave is asked when it leaves, not when it enters the lane: its
         charge may have been given up meanwhile.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import trio

from gateway.keys.port import CustodyError, CustodyUnavailableError
from gateway.peers import WorkingPeer
from gateway.terminal_keys import named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codec import Message
    from gateway.intake import Intake
    from gateway.keys.port import KeyCustody, MacJob
    from gateway.peers import Peers
    from gateway.pipeline import Pipeline
    from gateway.terminal_keys import TerminalKeys
    from gateway.tools import Tools
    from gateway.wire.port import Frame
    from routing.effects import ToTerminal

Item = TypeVar("Item")

WAITING_MAX: Final = 20_000
"""Messages that wait for the module, half of them each way, before new requests are refused, and
answers that are no approvals leave without a MAC."""
RESOLVING_MAX: Final = 100_000
"""Messages that wait on their way to routing, what may bring money to its end included."""
_EACH_WAY_MAX: Final = WAITING_MAX // 2
BATCH_MAX: Final = 256
"""Messages that the module is asked about at a time."""


class _Came(NamedTuple):
    """A message on its way to routing."""

    event: Frame
    message: Message


class MacLane:
    """One lane for all terminals."""

    def __init__(self, custody: KeyCustody, keys: TerminalKeys, peers: Peers, tools: Tools) -> None:
        self._custody, self._keys, self._peers = custody, keys, peers
        self._clock, self._metrics, self._log = tools.clock, tools.metrics, tools.log
        self._in: deque[_Came] = deque()
        self._out: deque[ToTerminal] = deque()
        self._at_module = 0
        self._before: Counter[int] = Counter()
        """By connection: messages of it that are in the lane."""
        self._of: Counter[tuple[str, str]] = Counter()
        """The same by terminal."""
        self._came, self._leaving = trio.Event(), trio.Event()

    @property
    def waiting(self) -> int:
        """Messages that wait, both ways."""
        return len(self._in) + len(self._out) + self._at_module

    # Into the lane

    def takes(self, event: Frame, message: Message) -> bool:
        """Whether a message that came has to go through here."""
        return event.conn in self._before or self._away(event.peer, message)

    def comes(self, event: Frame, message: Message, intake: Intake, each_max: int) -> None:
        """A message enters on its way to routing, unless it is answered at once because of those
        that wait.  `each_max`: how many of a connection wait then.
        """
        waiting = len(self._in)
        if waiting >= _EACH_WAY_MAX:
            may_wait = self._before[event.conn] < each_max and waiting < RESOLVING_MAX
            if self._is_answered(event, message, intake, may_wait=may_wait):
                return
            if not may_wait:
                self._metrics.dropped += 1
                return
        self._before[event.conn] += 1
        self._of[named(message)] += 1
        self._in.append(_Came(event, message))
        self._came.set()

    def _is_answered(
        self, event: Frame, message: Message, intake: Intake, *, may_wait: bool
    ) -> bool:
        """Whether a message is answered although nobody checks its MAC.  It is not while another of
        its terminal is here, which may be the same one: it would be taken after its refusal.
        """
        if self._of[named(message)]:
            return False
        return intake.unheard(event, message, self._clock.now(), may_wait=may_wait)

    def leaves(self, send: ToTerminal, peer: str) -> bool:
        """An answer enters on its way out; False if it has no business here, or no room.  For
        approvals there is: they are no more than the requests that may be in flight.
        """
        if send.hurries or not self._away(peer, send.message):
            return False
        if send.charge is None and len(self._out) >= _EACH_WAY_MAX:
            return False
        self._out.append(send)
        self._leaving.set()
        return True

    def _away(self, name: str, message: Message) -> bool:
        peer = self._peers.get(name)
        return isinstance(peer, WorkingPeer) and peer.away(message)

    # Out of the lane

    async def run(self, intake: Intake, pipe: Pipeline) -> None:
        """Batch after batch, both ways, for ever."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._check, intake, pipe)
            nursery.start_soon(self._make, pipe)

    async def _check(self, intake: Intake, pipe: Pipeline) -> None:
        while True:
            await self._came.wait()
            self._came = trio.Event()
            while self._in:
                batch = _taken(self._in)
                self._at_module += len(batch)
                questions = [self._questions(each) for each in batch]
                answers = await self._verified([job for jobs in questions for job in jobs])
                self._at_module -= len(batch)
                at = 0
                for each, jobs in zip(batch, questions, strict=True):
                    good = None if answers is None else answers[at : at + len(jobs)]
                    at += len(jobs)
                    self._deliver(each, jobs, good, intake)
                pipe.kick()

    def _questions(self, came: _Came) -> list[MacJob]:
        if not self._away(came.event.peer, came.message):
            return []
        return self._keys.questions(came.message)

    def _deliver(
        self,
        came: _Came,
        jobs: list[MacJob],
        good: list[bool] | None,
        intake: Intake,
    ) -> None:
        conn = came.event.conn
        self._before[conn] -= 1
        if not self._before[conn]:
            del self._before[conn]
        terminal = named(came.message)
        self._of[terminal] -= 1
        if not self._of[terminal]:
            del self._of[terminal]
        if jobs and good is None:
            if not self._is_answered(came.event, came.message, intake, may_wait=False):
                self._metrics.dropped += 1
            return
        by_module = self._keys.answered(came.message, jobs, good or [])
        authentic = by_module or self._peers[came.event.peer].authentic(came.message)
        intake.checked(came.event, came.message, authentic, self._clock.now())

    async def _verified(self, jobs: Sequence[MacJob]) -> list[bool] | None:
        """The module's answers; None if it can't be asked."""
        if not jobs:
            return []
        try:
            return await self._custody.verify_macs(jobs)
        except CustodyUnavailableError as error:
            self._log.error("MACs can't be checked", why=str(error))
            return None
        except CustodyError as error:
            if len(jobs) == 1:
                self._log.error("a MAC can't be checked", why=str(error))
                return [False]
        # One of them is at fault: it costs its terminal alone.
        singly = [await self._verified([job]) for job in jobs]
        return [bool(each and each[0]) for each in singly]

    async def _make(self, pipe: Pipeline) -> None:
        while True:
            await self._leaving.wait()
            self._leaving = trio.Event()
            while self._out:
                batch = _taken(self._out)
                self._at_module += len(batch)
                jobs = [self._keys.wanted(send.message) for send in batch]
                fields = await self._made([job for job in jobs if job is not None])
                self._at_module -= len(batch)
                made = iter(fields)
                for send, job in zip(batch, jobs, strict=True):
                    pipe.exits.hand(send, None if job is None else next(made))
                pipe.exits.flush()
                pipe.kick()

    async def _made(self, jobs: Sequence[MacJob]) -> list[bytes]:
        """What goes into the fields; b'' where the module makes none."""
        if not jobs:
            return [b""] * len(jobs)
        try:
            return await self._custody.make_macs(jobs)
        except CustodyUnavailableError as error:
            self._log.error("MACs can't be made", why=str(error))
            return [b""] * len(jobs)
        except CustodyError as error:
            if len(jobs) == 1:
                self._log.error("a MAC can't be made", why=str(error))
                return [b""]
        return [field for job in jobs for field in await self._made([job])]


def _taken(queue: deque[Item]) -> list[Item]:
    return [queue.popleft() for _ in range(min(len(queue), BATCH_MAX))]
