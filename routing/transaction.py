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
    VOID = "void"
    """Takes an earlier charge of the same batch back, whole; the cashier's doing."""
    REFUND = "refund"
    """Gives back all or part of an earlier charge, that day or later."""

    @property
    def undoes(self) -> bool:
        """Whether it gives money back: no charge itself, and never counted as one."""
        return self is Transaction.VOID or self is Transaction.REFUND
