"""What routing asks the journal beside the batches: does it know this request?

A refusal says that nothing was charged, so before a request gets one that memory does not know the
journal is asked.  That must not wait for the batch that is being made durable, nor for the disk:
whoever is refused because the journal is slow, or fails, is refused at once.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import trio

from gateway.journal import JournalError

if TYPE_CHECKING:
    from gateway.journal import Journal
    from gateway.pipeline import Pipeline
    from gateway.tools import Tools
    from routing.effects import Question

WAITING_MAX: Final = 20_000
"""Questions that wait.  A further one is not asked, its terminal told nothing: it asks again."""
BATCH_MAX: Final = 500
"""Questions that the journal is asked at a time."""


class Questions:
    """Asked in their order, many at a time."""

    def __init__(self, journal: Journal, tools: Tools) -> None:
        self._journal = journal
        self._clock, self._metrics, self._log = tools.clock, tools.metrics, tools.log
        self._offload = tools.offload
        self._waiting: deque[Question] = deque()
        self._asked = 0
        self._came = trio.Event()

    def __len__(self) -> int:
        return len(self._waiting) + self._asked

    def ask(self, question: Question) -> None:
        """Have it answered soon, or, where too many wait, never."""
        if len(self._waiting) >= WAITING_MAX:
            self._metrics.dropped += 1
            return
        self._waiting.append(question)
        self._came.set()

    async def run(self, pipe: Pipeline) -> None:
        """Batch after batch, for ever."""
        while True:
            await self._came.wait()
            self._came = trio.Event()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_MAX))]
                self._asked = len(batch)
                known = await self._known([each.identity for each in batch])
                self._asked = 0
                if known is not None:
                    now = self._clock.now()
                    for each in batch:
                        each.answered(each.identity in known, now)
                    pipe.kick()

    async def _known(self, identities: list[str]) -> set[str] | None:
        try:
            return await self._offload(self._journal.known, identities)
        except JournalError as error:
            # No answer: the terminals ask again, and by then the journal may work.
            self._metrics.journal_errors += 1
            self._metrics.dropped += len(identities)
            self._log.error("journal can't be asked", why=str(error))
            return None
