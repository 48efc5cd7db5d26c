"""Which keys a journal holds, and which ceremonies are under way; read beside a running gateway."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from gateway.audit import Audit
from gateway.keys.wrapped import WrappedKey
from routing.keeper import KeptKind

if TYPE_CHECKING:
    from gateway.config import Config

_DAY_S = 86_400.0


def keys_of(config: Config) -> list[dict[str, Any]]:
    """Every key on the ring, without what it is.  Raises JournalError or KeyFileError."""
    now = time.time()
    with Audit(config) as books:
        found = list(books.kept(KeptKind.WRAPPED_KEY))
    return [
        {
            "key": each.key,
            "bytes": WrappedKey.parse(each.data["text"]).length,
            "check": each.data["check"],
            "made": each.data["made"],
            "age_days": int((now - each.data["made"]) / _DAY_S),
            "how": each.data["how"],
            "under": WrappedKey.parse(each.data["text"]).under,
        }
        for each in found
        if each.data is not None
    ]


def ceremonies_under_way(config: Config) -> list[dict[str, Any]]:
    """Keys whose components have not all come yet: how many, and who brought them."""
    with Audit(config) as books:
        found = list(books.kept(KeptKind.KEY_CEREMONY))
    return [
        {
            "key": each.key,
            "of": each.data["count"],
            "by": [part["who"] for part in each.data["parts"]],
            "began": each.data["began"],
        }
        for each in found
        if each.data is not None
    ]
