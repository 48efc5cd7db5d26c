"""The dialects that come with the codec: one file each, data only.  They are found by name here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codec.dialects import iso87_ascii, unionpay_pos

if TYPE_CHECKING:
    from codec._wire import Dialect

_BY_NAME: Final[dict[str, Dialect]] = {
    d.name: d for d in (iso87_ascii.DIALECT, unionpay_pos.DIALECT)
}

DIALECTS: Final[tuple[str, ...]] = tuple(_BY_NAME)
"""Names that `dialect` knows."""


def dialect(name: str) -> Dialect:
    """The dialect of that name.

    >>> dialect("iso87-ascii").fields[11].name
    'System Trace Audit Number'
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        known = ", ".join(DIALECTS)
        raise LookupError(f"no dialect {name!r}; known are {known}") from None
