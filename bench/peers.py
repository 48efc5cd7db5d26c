"""Other Python codecs, those of them that are installed: `pip install 'isogate[bench]'`.

Each decodes the sale and encodes what it decoded; that they carry all fields right is not checked.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import iso8583
import iso8583.specs

from bench.rows import RAW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Operation = tuple[str, "Callable[[], object]"]


def peers() -> tuple[dict[str, Callable[[], object]], list[str]]:
    """Each operation of each, ready to be called any number of times; and who is missing."""
    found, missing = dict(_pyiso8583()), []
    for name, other in {"iso8583sim": _iso8583sim, "py8583": _py8583}.items():
        try:
            found.update(other())
        except ImportError:
            missing.append(name)
    return found, missing


def _pyiso8583() -> Iterator[Operation]:
    spec = iso8583.specs.default_ascii
    fields, _ = iso8583.decode(RAW, spec)
    yield "pyiso8583: decode", lambda: iso8583.decode(RAW, spec)
    yield "pyiso8583: encode", lambda: iso8583.encode(fields, spec)


def _iso8583sim() -> Iterator[Operation]:
    parser: Any = importlib.import_module("iso8583sim.core.parser").ISO8583Parser()
    builder: Any = importlib.import_module("iso8583sim.core.builder").ISO8583Builder()
    text = RAW.decode("ascii")
    message = parser.parse(text)
    yield "iso8583sim: decode", lambda: parser.parse(text)
    # It builds no sale of this card without these two.
    message.fields.update({14: "3012", 24: "000"})
    yield "iso8583sim: encode, 2 fields more", lambda: builder.build(message)


def _py8583() -> Iterator[Operation]:
    module: Any = importlib.import_module("py8583.py8583")
    spec = importlib.import_module("py8583.py8583spec").IsoSpec1987ASCII()
    message = module.Iso8583(IsoMsg=RAW, IsoSpec=spec)
    yield "py8583: decode", lambda: module.Iso8583(IsoMsg=RAW, IsoSpec=spec)
    yield "py8583: encode", message.BuildIso
