"""Requests that must never become charges, although no charge stands for them.

Rule 1.  A reversal that came before its original: the original, if it still comes, is refused.
Rule 2.  A refusal ends a sale for its terminal.  The same sale may still be on its way on an
         older, slow connection; if it were charged, the terminal would never hear of it, and its
         next sale would prove it delivered.  Connections are numbered as they come, and a terminal
         numbers its requests: what was refused on one connection, and all that the terminal sent
         before it, is refused on all older ones.  On the same or a newer one it asks again.
Rule 3.  What is under way for longer than an idle connection stays open never comes: after
         `late_request_s` both are forgotten.
Rule 4.  What can't be remembered is not said.  A terminal without an answer repeats or reverses,
         which harms nobody; one that was refused believes that nothing was charged.

Neither has to outlive the process: whatever was under way to it ended with its connections.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from routing import response_codes as rc

if TYPE_CHECKING:
    from codec import Message
    from routing.conventions import Original

_STANS = 1_000_000
_PREFIX_PARTS: Final = 4
_TERMINAL: Final = (42, 41)
_BEHIND = _STANS // 2
"""Numbers go round: what is less than half of them ahead is newer, the rest is older."""


class _Reversed(NamedTuple):
    at: float
    original: Original


class _Refused(NamedTuple):
    at: float
    conn: int
    stan: str
    code: str


_Grave = TypeVar("_Grave", _Reversed, _Refused)


class Tombstones:
    """Reversals of unseen charges, and each terminal's last refusal; `tombstones_max` of each."""

    def __init__(self, tombstones_max: int, late_request_s: float) -> None:
        self._max, self._late_request_s = tombstones_max, late_request_s
        self._reversed: OrderedDict[str, _Reversed] = OrderedDict()
        self._refused: OrderedDict[str, _Refused] = OrderedDict()
        self._some = False
        self.unsaid = 0
        """Answers that were not given because they could not be remembered."""

    def __len__(self) -> int:
        return max(len(self._reversed), len(self._refused))

    def are_none(self) -> bool:
        """Whether nothing is remembered here."""
        return not self._some

    def reversed(self, original: Original, now: float) -> bool:
        """A terminal reversed what never came; False if there is no room to remember it."""
        return self._keep(self._reversed, original.prefix, _Reversed(now, original))

    def refused(self, request: Message, conn: int, code: str, now: float) -> bool:
        """A terminal is to be told DE 39 = `code` for a charge that is not taken; False if there is
        no room to remember it.
        """
        terminal, stan = terminal_of(request), request[11]
        last = self._refused.get(terminal)
        if last is not None and now - last.at <= self._late_request_s:
            conn = max(conn, last.conn)
            stan = stan if _is_newer(stan, last.stan) else last.stan
        return self._keep(self._refused, terminal, _Refused(now, conn, stan, code))

    def verdict(
        self, identity: str, request: Message, conn: int, named: tuple[str, str], now: float
    ) -> str:
        """DE 39 for a charge that must not be taken; '' if nothing speaks against it.  `named` is
        what names it besides its number: batch and DE 7.
        """
        if self.are_none():
            return ""
        late_since = now - self._late_request_s
        batch, de7 = named
        grave = self._reversed.get(prefix_of(identity))
        if grave is not None and grave.at >= late_since:
            original = grave.original
            if original.batch == batch and original.de7 in ("", de7):
                return rc.STATE_CONFLICT
        refusal = self._refused.get(terminal_of(request))
        if refusal is not None and refusal.at >= late_since and conn < refusal.conn:
            return "" if _is_newer(request[11], refusal.stan) else refusal.code
        return ""

    def _keep(self, graves: OrderedDict[str, _Grave], key: str, grave: _Grave) -> bool:
        late_since = grave.at - self._late_request_s
        while graves and next(iter(graves.values())).at < late_since:
            graves.popitem(last=False)
        if key not in graves and len(graves) >= self._max:
            self.unsaid += 1
            return False
        self._some = True
        graves[key] = grave
        graves.move_to_end(key)
        return True


def terminal_of(request: Message) -> str:
    """merchant|terminal of a request."""
    return request.joined(_TERMINAL)


def _is_newer(stan: str, than: str) -> bool:
    if not (stan.isdigit() and than.isdigit()):
        return stan != than
    return 0 < (int(stan) - int(than)) % _STANS < _BEHIND


def prefix_of(identity: str) -> str:
    """merchant|terminal|STAN|MTI class| of an identity."""
    parts = 0
    for at, char in enumerate(identity):
        if char == "|":
            parts += 1
            if parts == _PREFIX_PARTS:
                return identity[: at + 1]
    return identity
