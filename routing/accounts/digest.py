"""The digest of a day, for whoever manages: what waits, what was refused, who is out of service."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from routing.accounts.office import Office


def told(office: Office, wall: float) -> str:
    """One line of figures."""
    under_way = Counter(str(each.state) for each in office.shelf.open())
    refusals: Counter[str] = Counter()
    for (_, code), count in office.progress.refusals.items():
        refusals[code] += count
    figures = {
        "under way": under_way.total(),
        "overdue": len(office.overdue(wall)),
        "suspended": under_way["SUSPENDED"],
        "abandoned": under_way["ABANDONED"],
        "locked": office.files.locked(),
        "accounts": sum(not account.closed for _, account in office.collecting.all()),
        "on the main account instead": office.collecting.fell_back,
        "refusals": " ".join(f"{code} {count}" for code, count in refusals.most_common(3)) or 0,
    }
    return ", ".join(f"{name}: {value}" for name, value in figures.items())
