"""The review of an applicant by items: each has a mark of 0 to 100, and a mark that it must reach.

Rule 1.  Which items there are, and their pass marks, is in the rules in force (`qualification`).
Rule 2.  What the books show is marked by the gateway itself; the rest by a person, not the maker.
Rule 3.  One mark below its pass mark and the review is not passed: P21 names each item, with both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing.accounts.refusals import Code, Obstacle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from routing.accounts.dossier import Dossier

MARK_MAX: Final = 100
_A_DISPUTE: Final = 25
"""What each chargeback that is open takes off."""


def by_the_books(dossier: Dossier, items: Mapping[str, int]) -> dict[str, int]:
    """The marks that need no person, of the items that are asked for."""
    known = {
        "balance": MARK_MAX if dossier.balance >= 0 else 0,
        "disputes": max(MARK_MAX - _A_DISPUTE * dossier.disputes, 0),
        "contract": MARK_MAX if dossier.contract is not None else 0,
    }
    return {item: mark for item, mark in known.items() if item in items}


def missing(marks: Mapping[str, int], items: Mapping[str, int]) -> list[str]:
    """Items that nobody marked yet."""
    return sorted(items.keys() - marks.keys())


def failed(marks: Mapping[str, int], items: Mapping[str, int]) -> list[Obstacle]:
    """P21 with each item that is below its mark; nothing if none is."""
    below = [
        f"{item} {marks[item]} < {passes}"
        for item, passes in sorted(items.items())
        if item in marks and marks[item] < passes
    ]
    return [Obstacle(Code.REVIEW_FAILED, ", ".join(below), count=len(below))] if below else []


def are_marks(marks: Mapping[str, int]) -> bool:
    """Whether all of these are marks."""
    return all(0 <= mark <= MARK_MAX for mark in marks.values())
