"""Messages as JSON: masked on the way out, checked on the way in.

    {"dialect": "iso87-ascii", "mti": "0800", "header": "", "fields": {"11": "000123", "70": "301"},
     "masked": []}

What `to_json` writes is for people and logs, so card data is masked in it as everywhere, and
`masked` names the fields whose values are not the real ones.  `from_json` takes the same form with
real values: what was masked cannot come back, and is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from codec._wire import build
from codec.dialects import dialect
from codec.errors import BuildError

if TYPE_CHECKING:
    from codec._layout import Dialect
    from codec._wire import Message

_MASKED: Final = re.compile(r"<\d+ hidden>|\*+|.*\d{6}\*{3,9}\d{4}.*", re.DOTALL)


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON form; `header` is hex, it and `masked` may be left out."""

    dialect: str
    mti: str
    header: str = ""
    fields: dict[int, str] = {}
    masked: tuple[int, ...] = ()


def to_json(message: Message) -> bytes:
    """`message` as JSON, masked.

    >>> to_json(build(dialect("iso87-ascii"), "0200", {2: "4761739001010119"}))[50:]
    b'"fields":{"2":"476173******0119"},"masked":[2]}'
    """
    rules, values = message.dialect, message.to_dict()
    shown = {de: rules.masked(de, value) for de, value in values.items()}
    masked = tuple(de for de, value in values.items() if shown[de] != value)
    header = message.header.hex()
    return msgspec.json.encode(Document(rules.name, message.mti, header, shown, masked))


def from_json(data: bytes | str, own: Dialect | None = None) -> Message:
    """The message that a JSON document describes; BuildError says what does not fit.

    `own` is the dialect where it is none of those that come with the codec.

    >>> from_json('{"dialect": "iso87-ascii", "mti": "0800", "fields": {"70": "301"}}').raw[:4]
    b'0800'
    """
    try:
        document = msgspec.json.decode(data, type=Document)
        rules = _rules(document, own)
        header = bytes.fromhex(document.header)
    except (msgspec.DecodeError, LookupError) as error:
        raise BuildError(str(error), "document") from None
    except ValueError:
        raise BuildError("expected hex digits", "header") from None
    for de, value in document.fields.items():
        if de in document.masked or _MASKED.fullmatch(value):
            field = rules.fields.get(de)
            reason = "expected a value, found a masked one: the real one cannot be had from it"
            raise BuildError(reason, de, field.name if field else "")
    return build(rules, document.mti, document.fields, header)


def _rules(document: Document, own: Dialect | None) -> Dialect:
    if own is None:
        return dialect(document.dialect)
    if document.dialect != own.name:
        raise LookupError(f"expected the dialect {own.name!r}, found {document.dialect!r}")
    return own
