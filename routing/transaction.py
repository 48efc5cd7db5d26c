"""What a request does with money, whatever numbers a dialect has for it."""

from __future__ import annotations

from enum import StrEnum


class Transaction(StrEnum):
    """The kinds of transactions that a host decides."""

    SALE = "sale"
    AUTHORISATION = "authorisation"
    PREAUTHORISATION = "preauthorisation"
    COMPLETION = "completion"
    """Takes what a preauthorisation held."""
    COMPLETION_ADVICE = "completion advice"
    """Says that it took what a preauthorisation held: the goods are gone."""
    OFFLINE_SALE = "offline sale"
    """Says that it sold without asking."""
    VOID = "void"
    """Takes an earlier charge of the same batch back, whole; the cashier's doing."""
    REFUND = "refund"
    """Gives back all or part of an earlier charge, that day or later."""

    @property
    def undoes(self) -> bool:
        """Whether it gives money back: no charge itself, and never counted as one."""
        return self is Transaction.VOID or self is Transaction.REFUND

    @property
    def advises(self) -> bool:
        """Whether a terminal tells of what it has done already, instead of asking for it."""
        return self is Transaction.COMPLETION_ADVICE or self is Transaction.OFFLINE_SALE

    @property
    def completes(self) -> bool:
        """Whether it takes what a preauthorisation held."""
        return self is Transaction.COMPLETION or self is Transaction.COMPLETION_ADVICE

    @property
    def reversible(self) -> bool:
        """Whether a host takes a reversal of it."""
        return self is not Transaction.REFUND and not self.advises
