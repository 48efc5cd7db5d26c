"""Answers of the gateway's own to terminals: refusals, and how a charge stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from routing.conventions import CONVENTIONS
from routing.effects import ToTerminal
from routing.response_codes import INVALID_MERCHANT, TERMINAL_BARRED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codec import Message
    from routing.cause import Asker
    from routing.clock import Now
    from routing.lifecycle import Lifecycle


_BARRED: Final = frozenset({INVALID_MERCHANT, TERMINAL_BARRED})
RefusalWatcher = Callable[["Message", str, "Now"], None]


class Replies:
    """Words them and puts them out."""

    def __init__(self, life: Lifecycle) -> None:
        self._life = life
        self.refused: Counter[tuple[str, str, str]] = Counter()
        """Refusals, by dialect, MTI class digit and DE 39."""
        self.watchers: list[RefusalWatcher] = []
        """Told of each refusal, with the request and DE 39."""
        self.explain: Callable[[Message], dict[int, str]] | None = None
        """More fields for whoever is out of service: why, and what to do."""

    def refuse(
        self,
        asker: Asker,
        code: str,
        now: Now,
        *,
        after_records: bool = False,
        more: Mapping[int, str] | None = None,
        hurries: bool = False,
    ) -> None:
        """No charge came of it: nothing has to be durable before the terminal may know.

        Unless an earlier sale was proved, by this request or just before it: a terminal that is
        answered may stay silent from then on, so that proof must not be lost (`after_records`).
        """
        self.refused[asker.request.dialect.name, asker.request.mti[1], code] += 1
        for watch in self.watchers:
            watch(asker.request, code, now)
        if self.explain and code in _BARRED:
            more = self.explain(asker.request)
        outbox = self._life.outbox
        leaves = outbox.sends if after_records else outbox.express
        answer = _own_answer(asker, code, now, more)
        answer.hurries = hurries
        leaves.append(answer)

    def tell(
        self, asker: Asker, code: str, now: Now, more: Mapping[int, str] | None = None
    ) -> None:
        """What a charge's new state means for the asker; it leaves once that state is durable."""
        self._life.outbox.sends.append(_own_answer(asker, code, now, more))


def _own_answer(
    asker: Asker, code: str, now: Now, more: Mapping[int, str] | None = None
) -> ToTerminal:
    answer = CONVENTIONS[asker.request.dialect.name].answer(asker.request, code, now)
    for de, value in (more or {}).items():
        answer.patch(de, value)
    return ToTerminal(asker.conn, answer)
