"""The dialects that come with the codec: one file each, data only.  They are found by name here.

Most are TOML files as users may write them too (`codec.loader`); `iso87-ascii` is made from
pyiso8583's own table.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from codec.dialects import iso87_ascii
from codec.loader import parse_dialect

if TYPE_CHECKING:
    from codec._layout import Dialect

DIALECTS: Final[tuple[str, ...]] = (
    "iso87-ascii",
    "unionpay-pos",
    "iso87-binary",
    "iso93-ascii",
    "iso93-binary",
    "iso2003-binary",
    "visa-base1",
    "mastercard-cis",
)
"""Names that `dialect` knows."""


@cache
def dialect(name: str) -> Dialect:
    """The dialect of that name.

    >>> dialect("iso87-ascii").fields[11].name
    'System Trace Audit Number'
    """
    if name == iso87_ascii.DIALECT.name:
        return iso87_ascii.DIALECT
    return parse_dialect(dialect_text(name), base=dialect_text)


def dialect_text(name: str) -> str:
    """The TOML text of a dialect, which other files may extend."""
    if name not in DIALECTS:
        raise LookupError(f"no dialect {name!r}; known are {', '.join(DIALECTS)}")
    if name == iso87_ascii.DIALECT.name:
        raise LookupError(f"{name} is not written as TOML; iso87-binary has the same fields")
    return (files(__name__) / f"{name.replace('-', '_')}.toml").read_text("utf-8")
