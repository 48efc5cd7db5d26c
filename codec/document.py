"""Messages as JSON: masked on the way out, checked on the way in.

    {"dialect": "iso87-ascii", "mti": "0800", "header": "", "fields": {"11": "000123", "70": "301"}}

What `to_json` writes is for people and logs, so card data is masked in it as everywhere;
`from_json` takes the same form with real values and refuses masked ones.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from codec._wire import build
from codec.dialects import dialect
from codec.errors import BuildError

if TYPE_CHECKING:
    from codec._wire import Message

_MASKED: Final = re.compile(r"<\d+ hidden>|\*+|.*\d{6}\*{3,9}\d{4}.*", re.DOTALL)


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON form; `header` is hex and may be left out, field numbers are ascending."""

    dialect: str
    mti: str
    header: str = ""
    fields: dict[int, str] = {}


def to_json(message: Message) -> bytes:
    """`message` as JSON, masked.

    >>> to_json(build(dialect("iso87-ascii"), "0200", {2: "4761739001010119"}))
    b'{"dialect":"iso87-ascii","mti":"0200","header":"","fields":{"2":"476173******0119"}}'
    """
    rules = message.dialect
    shown = {de: rules.masked(de, value) for de, value in message.to_dict().items()}
    return msgspec.json.encode(Document(rules.name, message.mti, message.header.hex(), shown))


def from_json(data: bytes | str) -> Message:
    """The message that a JSON document describes; BuildError says what does not fit.

    >>> from_json('{"dialect": "iso87-ascii", "mti": "0800", "fields": {"70": "301"}}').raw[:4]
    b'0800'
    """
    try:
        document = msgspec.json.decode(data, type=Document)
        rules = dialect(document.dialect)
        header = bytes.fromhex(document.header)
    except (msgspec.DecodeError, LookupError) as error:
        raise BuildError(str(error).strip("'\""), "document") from None
    except ValueError:
        raise BuildError("expected hex digits", "header") from None
    for de, value in document.fields.items():
        if _MASKED.fullmatch(value):
            raise BuildError("expected a value, found a masked one", de)
    return build(rules, document.mti, document.fields, header)
