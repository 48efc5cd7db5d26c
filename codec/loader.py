"""Dialects written as TOML or JSON: this turns the text into a `Dialect`, or says what is wrong.

    name = "our-host"
    extends = "iso87-binary"                    # optional: start from a dialect that comes with us
    mti = "bcd"                                 # ascii, ebcdic, bcd
    bitmap = "binary"                           # binary, hex-ascii, hex-ebcdic
    header = "6000000000"                       # hex; what stands before the MTI
    sensitive = [62]                            # never shown, besides those of every dialect

    [style]                                     # how formats look on this wire; see `Style`
    numbers = "bcd"

    [fields]
    2 = ["Primary Account Number", "n..19"]
    "60-63" = ["Private", "ans...999"]
    35 = { name = "Track 2", format = "z..37", style = { pad = "left" } }

    [subfields]                                 # by place: m["60.2"]; 0: all that is left
    60 = [["type", 2], ["batch", 6], ["text", 0]]
    62 = { 24 = [["key", 16], ["check", 8]], 8 = [["date", 8]] }    # by the value's length

    [elements]                                  # by tag: m["55.9F26"], m["48.42.01"]
    55 = "ber-tlv"
    48 = { tag = 2, length = 2, skip = 1, constructed = ["42"], hidden = ["92"] }

Elements that are not BER-TLV have tags and lengths of so many characters, after the first `skip`;
`constructed` tags are made of elements again, `hidden` ones are never shown.

Formats are those of the standard: n, x+n, z, a, an, ns, as, anp, ans, b; a dot for each digit of a
variable field's length; the length, of b in bytes.  Reading files is left to the caller.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec

from codec._layout import Dialect
from codec.errors import DialectError
from codec.spec import (
    BER_TLV,
    Charset,
    Counts,
    Elements,
    Field,
    LengthForm,
    Pad,
    SubField,
    subfields,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_FORMAT: Final = re.compile(r"(n|x\+n|z|a|an|ns|as|anp|ans|b)(\.{0,4})(\d{1,5})")
_KEY: Final = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?")


class Style(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How formats become bytes; every setting may be overridden for one field."""

    numbers: Literal["bcd", "text"] = "text"
    tracks: Literal["bcd", "text"] = "text"
    binaries: Literal["bytes", "hex"] = "bytes"
    charset: Charset = "ascii"
    lengths: Literal["ascii", "ebcdic", "bcd", "binary"] = "ascii"
    length_bytes: int | None = None
    """Width of lengths; without it what their digits need."""
    counts: Counts = "units"
    pad: Pad = "left"


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    format: str
    style: dict[str, Any] = {}


_Parts: TypeAlias = tuple[tuple[str, int], ...]


class _Tagged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tag: int
    length: int
    skip: int = 0
    constructed: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    extends: str | None = None
    mti: Literal["ascii", "ebcdic", "bcd"] | None = None
    bitmap: Literal["hex-ascii", "hex-ebcdic", "binary"] | None = None
    header: str = ""
    sensitive: tuple[int, ...] = ()
    style: dict[str, Any] = {}
    fields: dict[str, tuple[str, str] | _Entry] = {}
    subfields: dict[int, _Parts | dict[int, _Parts]] = {}
    elements: dict[int, Literal["ber-tlv"] | _Tagged] = {}


def parse_dialect(
    text: str,
    kind: Literal["toml", "json"] = "toml",
    base: Callable[[str], str] | None = None,
) -> Dialect:
    """The dialect that `text` describes; `base` gives the TOML text that `extends` names.

    Raises DialectError with the place in the file: `fields.35.format: ...`.
    """
    chain = _chain(_read(text, kind), base)
    style = _style({}, "style")
    fields: dict[int, Field] = {}
    parts: dict[int, tuple[SubField, ...]] = {}
    elements: dict[int, Elements] = {}
    entries: dict[int, tuple[str, _Entry]] = {}
    for file in chain:
        style = _style(msgspec.structs.asdict(style) | file.style, "style")
        entries |= _entries(file)
        parts |= {de: _subfields(given) for de, given in file.subfields.items()}
        elements |= {de: _elements(form) for de, form in file.elements.items()}
    for de, (place, entry) in entries.items():
        fields[de] = _field(place, entry, style)
    last = chain[-1]
    try:
        return Dialect(
            last.name,
            fields,
            mti=_latest(chain, "mti") or "ascii",
            bitmap=_latest(chain, "bitmap") or "hex-ascii",
            header=_header(_latest(chain, "header")),
            subfields=parts,
            sensitive={de for file in chain for de in file.sensitive},
            elements=elements,
        )
    except ValueError as error:
        raise DialectError(f"{last.name}: {error}") from None


def _read(text: str, kind: Literal["toml", "json"]) -> _File:
    try:
        raw = tomllib.loads(text) if kind == "toml" else msgspec.json.decode(text)
        return msgspec.convert(raw, _File, strict=False)
    except (tomllib.TOMLDecodeError, msgspec.DecodeError) as error:
        raise DialectError(str(error).replace(" - at `$.", " - at `")) from None


def _chain(file: _File, base: Callable[[str], str] | None) -> list[_File]:
    """The files from the one that extends nothing to `file`."""
    chain = [file]
    while (name := chain[0].extends) is not None:
        if base is None or any(f.name == name for f in chain):
            raise DialectError(f"extends: {name!r} is not there to be extended")
        try:
            chain.insert(0, _read(base(name), "toml"))
        except LookupError as error:
            raise DialectError(f"extends: {error}") from None
    return chain


def _latest(chain: list[_File], attribute: str) -> Any:
    given = [value for file in chain if (value := getattr(file, attribute))]
    return given[-1] if given else None


def _header(digits: str | None) -> bytes:
    try:
        return bytes.fromhex(digits or "")
    except ValueError:
        raise DialectError("header: expected hex digits, found other characters") from None


def _style(settings: dict[str, Any], place: str) -> Style:
    try:
        return msgspec.convert(settings, Style)
    except msgspec.ValidationError as error:
        raise DialectError(f"{place}: {str(error).replace(' - at `$.', ' - at `')}") from None


def _entries(file: _File) -> dict[int, tuple[str, _Entry]]:
    """The entries of one file by field number, each with its place in the file."""
    entries = {}
    for key, value in file.fields.items():
        match = _KEY.fullmatch(key)
        if match is None:
            raise DialectError(f"fields.{key}: expected a field number or a range like 60-63")
        entry = value if isinstance(value, _Entry) else _Entry(*value)
        for de in range(int(match[1]), int(match[2] or match[1]) + 1):
            entries[de] = (f"fields.{key}", entry)
    return entries


def _subfields(given: _Parts | dict[int, _Parts]) -> tuple[SubField, ...]:
    if isinstance(given, tuple):
        return subfields(*given)
    layouts = (subfields(*parts, whole=length) for length, parts in given.items())
    return tuple(part for layout in layouts for part in layout)


def _elements(form: Literal["ber-tlv"] | _Tagged) -> Elements:
    if isinstance(form, str):
        return BER_TLV
    hidden, constructed = frozenset(form.hidden), frozenset(form.constructed)
    return Elements(form.tag, form.length, form.skip, constructed, hidden)


def _field(place: str, entry: _Entry, style: Style) -> Field:
    match = _FORMAT.fullmatch(entry.format)
    if match is None:
        known = "n, x+n, z, a, an, ns, as, anp, ans, b"
        raise DialectError(f"{place}.format: expected one of {known}, dots and a length")
    kind, dots, digits = match[1], len(match[2]), int(match[3])
    if entry.style:
        style = _style(msgspec.structs.asdict(style) | entry.style, f"{place}.style")
    packed = (kind == "n" and style.numbers == "bcd") or (kind == "z" and style.tracks == "bcd")
    as_hex = kind == "b" and style.binaries == "hex"
    content: Literal["text", "binary", "digits", "track"] = "text"
    if kind == "b" and not as_hex:
        content = "binary"
    elif packed:
        content = "digits" if kind == "n" else "track"
    return Field(
        name=entry.name,
        content=content,
        length=digits * (2 if as_hex else 1) + (kind == "x+n"),
        length_form=style.lengths if dots else "fixed",
        length_bytes=_length_bytes(style, dots),
        charset=style.charset,
        counts=style.counts if packed else "units",
        pad=style.pad,
    )


def _length_bytes(style: Style, dots: int) -> int:
    """How wide a length of so many digits is on the wire."""
    if not dots:
        return 0
    if style.length_bytes is not None:
        return style.length_bytes
    widths: dict[LengthForm, int] = {
        "ascii": dots,
        "ebcdic": dots,
        "bcd": (dots + 1) // 2,
        "binary": 1 if dots < 3 else 2,  # noqa: PLR2004 - three digits go beyond 255
    }
    return widths[style.lengths]
