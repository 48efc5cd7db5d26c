"""Answers to terminals: the host's own, given first; the stored one, given again.

What is stored of an answer is what a repeat of the request does not bring along itself, and no
card data: fields that equal the request's are named only, others are kept if they are on the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codec import FieldSet, kept, mask, tlv
from routing.conventions import CONVENTIONS
from routing.conventions.base import MAC_FIELDS, answer_mti
from routing.response_codes import APPROVED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codec import Dialect, Message
    from routing.charge import Charge
    from routing.clock import Now
    from routing.conventions import Convention
    from routing.translation import Translator

_CHIP_DATA: Final = 55
_MAC, _OTHER_MAC = MAC_FIELDS
_KEPT: Final = frozenset(
    {3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 15, 16, 18, 19, 22, 23, 24, 25, 28, 29, 30, 31, 32, 33}
    | {37, 38, 39, 40, 41, 42, 43, 44, 49, 50, 51, 54, 60}
)
"""Fields of an answer that may rest on disk in clear."""


class _Manner:
    """What is peculiar to answers in one dialect, at hand for each of them."""

    def __init__(self, convention: Convention) -> None:
        self.convention = convention
        self.original_field = convention.original_field
        self.has_header = convention.dialect.header_bytes > 0
        self.asked = self.answered = "0000"
        """The MTI of the last request, and of its answer."""
        self.kept = FieldSet(_KEPT - convention.unkept)
        self.kept_with_chip = FieldSet((_KEPT - convention.unkept) | {_CHIP_DATA})


class _Manners:
    """Those of all dialects: nearly always that of the answer before is asked for."""

    def __init__(self) -> None:
        self._known = {name: _Manner(convention) for name, convention in CONVENTIONS.items()}
        self._before: Dialect | None = None
        self._its = next(iter(self._known.values()))

    def of(self, dialect: Dialect) -> _Manner:
        """How answers are made in this one."""
        if dialect is not self._before:
            self._before, self._its = dialect, self._known[dialect.name]
        return self._its


_MANNERS: Final = _Manners()


def for_terminal(
    request: Message,
    reply: Message,
    translators: Mapping[tuple[str, str], Translator],
    now: Now,
) -> Message:
    """`reply` from a host turned into the answer to `request`; it is the host's no more."""
    if request.dialect is not reply.dialect:
        pair = (request.dialect.name, reply.dialect.name)
        return translators[pair].answer(reply, request, now)
    manner = _MANNERS.of(request.dialect)
    if request.mti is not manner.asked:
        manner.asked, manner.answered = request.mti, answer_mti(request.mti)
    reply.set_mti(manner.answered)
    reply.take_over(11, request)
    original = manner.original_field
    if original and request.has(original) and reply.has(original):
        # The host was told its own numbers of the original; the terminal knows it by others.
        reply.take_over(original, request)
    if manner.has_header:
        reply.set_header(manner.convention.answer_header(request))
    reply.remove(_MAC)
    reply.remove(_OTHER_MAC)
    return reply


def remember(charge: Charge, answer: Message, request: Message) -> None:
    """Keep of `answer` what it takes to give it again."""
    manner = _MANNERS.of(answer.dialect)
    wanted = manner.kept
    if answer.has(_CHIP_DATA) and _may_rest_on_disk(answer):
        wanted = manner.kept_with_chip
    stored, echoed = kept.keep_apart(answer, wanted, request)
    if answer.has(_MAC) or answer.has(_OTHER_MAC):
        others = [de for de in echoed if de not in MAC_FIELDS]
        echoed = tuple(others)
    charge.echoed, charge.answer, charge.code = echoed, stored, answer.text(39)


def _may_rest_on_disk(answer: Message) -> bool:
    """Whether an answer's chip data (issuer's authentication, scripts) is free of card data; what
    can't be read may be anything.
    """
    try:
        elements = list(tlv.parse(bytes.fromhex(answer[_CHIP_DATA])))
    except ValueError:
        return False
    return not any(element.tag in mask.SENSITIVE_TAGS for element in elements)


def again(charge: Charge, request: Message) -> Message:
    """The stored answer for a repeat of the request."""
    stored = charge.answer or {}
    echoed = request.pick(charge.echoed)
    return CONVENTIONS[charge.dialect].compose(request, echoed | dict(stored))


def came_late(charge: Charge, request: Message, now: Now) -> Message | None:
    """The approval of what can't be reversed, where its terminal was told that none came; None for
    any other charge.
    """
    convention = CONVENTIONS[charge.dialect]
    none_came = ("", convention.code_for(request, convention.no_answer_code))
    if charge.kind.reversible or not charge.approval_held or charge.code not in none_came:
        return None
    approval = convention.answer(request, APPROVED, now)
    for de, value in ((37, charge.rrn), (38, charge.approval_code)):
        if value:
            approval.patch(de, value)
    return approval
