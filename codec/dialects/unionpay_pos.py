"""`unionpay-pos`: the dialect between UnionPay style POS terminals and their acquirer.

TPDU (5 bytes) and header (6), MTI and numbers in BCD, binary bitmap.  Lengths of BCD fields count
digits.  Texts that may hold Chinese (44, 54, 58-63) are kept byte for byte as Latin-1.  Acquirers
differ: whoever connects to a real one compares this table with that acquirer's own specification.
"""

from __future__ import annotations

from typing import Final

from codec._wire import Dialect
from codec.spec import Charset, Content, Field, Pad, subfields


def _fixed(name: str, content: Content, length: int, pad: Pad = "right") -> Field:
    return Field(name, content, length, pad=pad)


def _ll(name: str, content: Content, maximum: int, charset: Charset = "ascii") -> Field:
    return Field(name, content, maximum, "bcd", 1, charset)


def _lll(name: str, content: Content, maximum: int, charset: Charset = "ascii") -> Field:
    return Field(name, content, maximum, "bcd", 2, charset)


FIELDS: Final[dict[int, Field]] = {
    2: _ll("Primary Account Number", "digits", 19),
    3: _fixed("Processing Code", "digits", 6),
    4: _fixed("Amount", "digits", 12),
    11: _fixed("System Trace Audit Number", "digits", 6),
    12: _fixed("Local Time", "digits", 6),
    13: _fixed("Local Date", "digits", 4),
    14: _fixed("Expiry", "digits", 4),
    15: _fixed("Settlement Date", "digits", 4),
    22: _fixed("Entry Mode", "digits", 3),
    23: _fixed("Card Sequence Number", "digits", 3, pad="left"),
    25: _fixed("Condition Code", "digits", 2),
    26: _fixed("PIN Capture Code", "digits", 2),
    32: _ll("Acquirer", "digits", 11),
    35: _ll("Track 2", "track", 37),
    36: _lll("Track 3", "track", 104),
    37: _fixed("Retrieval Reference Number", "text", 12),
    38: _fixed("Authorisation Code", "text", 6),
    39: _fixed("Response Code", "text", 2),
    41: _fixed("Terminal", "text", 8),
    42: _fixed("Merchant", "text", 15),
    44: _ll("Additional Response Data", "text", 25, "latin-1"),
    48: _lll("Totals and Details", "digits", 322),
    49: _fixed("Currency", "text", 3),
    52: _fixed("PIN Block", "binary", 8),
    53: _fixed("Security Control", "digits", 16),
    54: _lll("Balance", "text", 20, "latin-1"),
    55: _lll("Chip Data", "binary", 255),
    58: _lll("Electronic Purse", "text", 100, "latin-1"),
    59: _lll("Private Data", "text", 999, "latin-1"),
    60: _lll("Type, Batch, Network Code", "digits", 19),
    61: _lll("Original Data", "digits", 29),
    62: _lll("Private Data or Working Keys", "text", 512, "latin-1"),
    63: _lll("Operator and Private Data", "text", 163, "latin-1"),
    64: _fixed("MAC", "binary", 8),
}

DIALECT: Final = Dialect(
    name="unionpay-pos",
    fields=FIELDS,
    mti="bcd",
    bitmap="binary",
    header=bytes.fromhex("6000000000" + "603100000000"),
    subfields={
        60: subfields(
            ("type", 2),
            ("batch", 6),
            ("network management code", 3),
            ("terminal capability", 1),
            ("chip condition", 1),
            ("partial approval flag", 1),
            ("account type", 3),
        ),
        61: subfields(
            ("original batch", 6),
            ("original STAN", 6),
            ("original date", 4),
            ("original authorisation mode", 2),
            ("original authoriser", 11),
        ),
        63: subfields(("operator", 3)),
    },
    sensitive={62},
)
