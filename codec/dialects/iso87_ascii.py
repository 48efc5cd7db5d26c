"""`iso87-ascii`: ISO 8583:1987 all in ASCII, bitmaps in hex; the table is pyiso8583's own, but that
DE 63, which tells people what to do, holds any bytes: Chinese in GBK.

Binary fields (52, 64, 96, 128) and DE 55 are hex text on the wire, as pyiso8583 has them.
"""

from __future__ import annotations

from typing import Final

from iso8583.specs import default_ascii

from codec._layout import Dialect
from codec.spec import BER_TLV, Field, subfields

_EXTENDED_BITMAP: Final = 65
TEXTS: Final = 63


def _field(number: int) -> Field:
    spec = default_ascii[str(number)]
    width = int(str(spec["len_type"]))
    return Field(
        name=str(spec["desc"]),
        content="text",
        length=int(str(spec["max_len"])),
        length_form="ascii" if width else "fixed",
        length_bytes=width,
        charset="latin-1" if number == TEXTS else "ascii",
    )


DIALECT: Final = Dialect(
    name="iso87-ascii",
    fields={de: _field(de) for de in range(2, 129) if de != _EXTENDED_BITMAP},
    mti="ascii",
    bitmap="hex-ascii",
    elements={55: BER_TLV},
    subfields={
        90: subfields(
            ("original MTI", 4),
            ("original STAN", 6),
            ("original transmission date and time", 10),
            ("original acquirer", 11),
            ("original forwarder", 11),
        )
    },
)
