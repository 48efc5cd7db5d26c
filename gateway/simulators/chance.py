"""Seeded chance: what happens to a message follows from the seed and from what the message is.

Nothing here depends on the order in which messages arrive, so that a run with the same seed meets
the same faults however its processes are scheduled.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

_Name = TypeVar("_Name", bound=str)
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
"""A part of 1."""

_DIGEST_BYTES: Final = 8
_RANGE: Final = 1 << (8 * _DIGEST_BYTES)


def draw(seed: int, *identity: object) -> float:
    """A number within 0 (included) and 1, the same for the same seed and identity.

    >>> draw(1, "late", "SHOP", 500) == draw(1, "late", "SHOP", 500)
    True
    """
    text = "|".join(map(str, (seed, *identity)))
    digest = blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest()
    return int.from_bytes(digest, "big") / _RANGE


def pick(drawn: float, shares: Mapping[_Name, float]) -> _Name | None:
    """The name whose part of the range from 0 to 1 holds `drawn`; None beyond all of them.

    >>> pick(0.15, {"silent": 0.1, "late": 0.1})
    'late'
    """
    upper = 0.0
    for name, share in shares.items():
        upper += share
        if drawn < upper:
            return name
    return None
