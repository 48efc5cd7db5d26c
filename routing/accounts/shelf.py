"""The requests that are held: by number, by subject, by the messages that they answered.

Requests under way are all here.  Of ended ones the newest stay, and those that still bar somebody;
what the others were, the audit log tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from routing.accounts.request import kept, restored
from routing.keeper import KeptKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from routing.accounts.machine import Kind, Machine
    from routing.accounts.request import AccountRequest
    from routing.clock import Now
    from routing.lifecycle import Lifecycle


class Shelf:
    """Every request that is known here."""

    def __init__(
        self, life: Lifecycle, machines: Mapping[Kind, Machine], open_max: int, ended_max: int
    ) -> None:
        self._life, self._machines = life, machines
        self._open_max, self._ended_max = open_max, ended_max
        self._all: dict[str, AccountRequest] = {}
        self._open: dict[str, AccountRequest] = {}
        self._subjects: dict[tuple[Kind, str], str] = {}
        self._answers: dict[str, str] = {}
        self._ended: dict[str, None] = {}
        self._count = 0
        self.told: Callable[[bool], None] = lambda _: None
        """Told whether any request is under way."""
        self.forgotten = 0
        """Ended requests that only the audit log tells of."""

    def restore(self) -> list[AccountRequest]:
        """What earlier lives left, oldest first."""
        left = self._life.keeper.left(KeptKind.ACCOUNT_REQUEST)
        found = [restored(each.data) for each in left if each.data is not None]
        found.sort(key=lambda each: (each.opened_at, each.id))
        for each in found:
            self._take(each)
        return found

    def new_id(self) -> str:
        """A number that no request ever had."""
        self._count += 1
        return f"A{self._life.epoch}-{self._count}"

    @property
    def is_full(self) -> bool:
        """No more requests can be taken."""
        return len(self._open) >= self._open_max

    def keep(self, request: AccountRequest, now: Now) -> None:
        """Durable as it now stands, with the rest of this turn."""
        self._take(request)
        self._life.keeper.keep(KeptKind.ACCOUNT_REQUEST, request.id, kept(request), now)
        while len(self._ended) > self._ended_max:
            oldest = next(iter(self._ended))
            self._forget(oldest, now)

    def _take(self, request: AccountRequest) -> None:
        machine = self._machines[request.kind]
        self._all[request.id] = request
        for identity in request.answers:
            self._answers[identity] = request.id
        key = (request.kind, request.subject)
        if not machine.is_end(request.state):
            self._open[request.id] = request
            self._subjects[key] = request.id
            self.told(True)
            return
        self._open.pop(request.id, None)
        self.told(bool(self._open))
        if self._subjects.get(key) == request.id:
            del self._subjects[key]
        if not machine.places[request.state].bars:
            self._ended[request.id] = None

    def _forget(self, request_id: str, now: Now) -> None:
        del self._ended[request_id]
        request = self._all.pop(request_id)
        for identity in request.answers:
            self._answers.pop(identity, None)
        self.forgotten += 1
        self._life.keeper.drop(KeptKind.ACCOUNT_REQUEST, request_id, now)

    def get(self, request_id: str) -> AccountRequest | None:
        """The request with this number."""
        return self._all.get(request_id)

    def under_way(self, kind: Kind, subject: str) -> AccountRequest | None:
        """The request of this kind about this subject that has not ended."""
        known = self._subjects.get((kind, subject))
        return None if known is None else self._all[known]

    def stored_answer(self, identity: str) -> dict[str, Any] | None:
        """What a message was answered that this one repeats."""
        known = self._answers.get(identity)
        return None if known is None else self._all[known].answers.get(identity)

    def open(self) -> list[AccountRequest]:
        """Everything under way."""
        return list(self._open.values())

    def all(self) -> Iterator[AccountRequest]:
        """Everything that is known, the newest first."""
        return reversed(self._all.values())

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._open

    def __len__(self) -> int:
        return len(self._open)
