"""The labels that several metrics share."""

from __future__ import annotations

from typing import Final

from gateway.ops import words
from gateway.ops.metric import OTHER, Label
from routing.reason import Reason
from routing.states import State

CURRENCIES_MAX: Final = 8
"""Currencies that are told apart, those with the most money; the rest is `other`."""

HOST: Final = Label("host", source="the configuration's hosts", most=lambda of: of.hosts)
PEER: Final = Label(
    "peer",
    source="the configuration's listeners and hosts",
    most=lambda of: of.hosts + of.listeners,
)
DIALECT: Final = Label("dialect", source="the listeners' dialects", most=lambda of: of.dialects)
CURRENCY: Final = Label(
    "currency",
    source=f"DE 49: the {CURRENCIES_MAX} with most money, and `other`",
    most=lambda _: CURRENCIES_MAX + 1,
)
MTI_CLASS: Final = Label("mti_class", (*words.MTI_CLASSES.values(), OTHER))
STATE: Final = Label("state", tuple(each.lower() for each in State))
REASON: Final = Label("reason", (*Reason, OTHER))
_OF_CASES_ONLY: Final = frozenset(
    {Reason.REFUSED_BY_HOST, Reason.EXHAUSTED, Reason.SERVED_AFTER_REVERSAL}
    | {Reason.SERVED_THOUGH_DECLINED, Reason.AFTER_CUT_OVER, Reason.VOID_UNCLEAR}
    | {Reason.OUTCOME_UNKNOWN, Reason.UNBUILDABLE, Reason.HOST_GONE, Reason.HELD_FOR_REVIEW}
    | {Reason.DISPUTED, Reason.SETTLEMENT_AMOUNT, Reason.SETTLEMENT_TWICE}
    | {Reason.SETTLEMENT_CHARGED}
)
WHY_REVERSED: Final = Label("reason", (*(x for x in Reason if x not in _OF_CASES_ONLY), OTHER))
"""What no reversal begins with is left out: it would be a series that never counts."""
