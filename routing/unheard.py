"""What is answered of a message whose MAC nobody can check now: too many wait, or nobody is there.

Rule 1.  It is answered at once where that says nothing untrue, whoever sent it: 96 for what is new.
         What was refused stays refused on older connections, as any refusal does (`tombstones`).
Rule 2.  Nothing that is kept is told or moved: whoever asks may not be who they say.  So a repeat
         of what is known gets no answer, nor does what would prove an earlier sale.
Rule 3.  A reversal, confirmation or settlement gets 96 only if there is no room to let it wait:
         that settles nothing, and its terminal asks again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing import response_codes as rc
from routing.conventions import Kind
from routing.effects import Question

if TYPE_CHECKING:
    from routing.admission import Admission
    from routing.cause import Asker
    from routing.clock import Now
    from routing.lifecycle import Lifecycle
    from routing.listener import Listener
    from routing.replies import Replies

_TAKES_MONEY: Final = frozenset({Kind.CHARGE, Kind.UNDOING, Kind.COMPLETION})
_RESOLVES: Final = frozenset({Kind.REVERSAL, Kind.CONFIRMATION, Kind.SETTLEMENT})


class Unheard:
    """Messages that come to no decision."""

    def __init__(self, life: Lifecycle, admission: Admission, replies: Replies) -> None:
        self._life, self._admission, self._replies = life, admission, replies

    def is_answered(
        self, asker: Asker, listener: Listener, kind: Kind, now: Now, *, may_wait: bool
    ) -> bool:
        """Whether it was; else it has to wait, or, if it may not, to come again."""
        if kind in _TAKES_MONEY:
            return self._refused(asker, listener, now)
        if kind in _RESOLVES and may_wait:
            return False
        if kind is not Kind.NOT_A_REQUEST:
            self._life.pressure.refused += 1
            self._replies.refuse(asker, rc.SYSTEM_ERROR, now, hurries=True)
        return True

    def _refused(self, asker: Asker, listener: Listener, now: Now) -> bool:
        convention, message = listener.convention, asker.request
        if convention.missing(message) is not None or convention.amount(message) < 0:
            self._replies.refuse(asker, rc.FORMAT_ERROR, now, hurries=True)
            return True
        identity = convention.identity(message)
        if self._admission.known(asker, identity) or self._life.book.unproven(asker.till()):
            return False

        def answered(is_known: bool, now: Now) -> None:
            if is_known or self._admission.known(asker, identity):
                self._life.pressure.unanswered += 1
            elif self._admission.tombstones.refused(
                message, asker.conn, rc.SYSTEM_ERROR, now.monotonic
            ):
                self._life.pressure.refused += 1
                self._replies.refuse(asker, rc.SYSTEM_ERROR, now, hurries=True)

        if self._life.book.forgets:
            self._life.outbox.questions.append(Question(identity, answered))
        else:
            answered(False, now)
        return True
