"""The registry as a file, TOML or JSON: read and checked as a whole, and written out again.

A file has a list `merchant` and a list `terminal`, whose items are the entries of
`routing.entries`, each field by its name.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import tomli_w

from routing.entries import MerchantEntry, TerminalEntry
from routing.registry import BadEntryError, RegistrySettings, check_all

if TYPE_CHECKING:
    from collections.abc import Iterator

_JSON: Final = ".json"


class RegistryConfig(RegistrySettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is registered; see `RegistrySettings`, too."""

    file: str = ""
    """Loaded at a start whose journal has no merchants yet; from then on the journal's count."""

    def problems(self) -> Iterator[str]:
        """What fits the types and still can't work: key, value and why."""
        if self.entries_max < 1:
            yield f"registry.entries_max = {self.entries_max}: at least 1"
        if not self.file:
            return
        try:
            read(Path(self.file))
        except RegistryFileError as error:
            yield f"registry.file = {self.file!r}: {error}"


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What such a file holds."""

    merchant: tuple[MerchantEntry, ...] = ()
    terminal: tuple[TerminalEntry, ...] = ()

    def __len__(self) -> int:
        return len(self.merchant) + len(self.terminal)


class RegistryFileError(Exception):
    """A file that can't be loaded; the message says what and where."""


def read(path: Path) -> Document:
    """Read a file; its entries' merchants may be registered already.  Raises RegistryFileError."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise RegistryFileError(error.strerror) from None
    except UnicodeDecodeError:
        message = "not UTF-8"
        raise RegistryFileError(message) from None
    try:
        data = msgspec.json.decode(text) if path.suffix == _JSON else tomllib.loads(text)
        document = msgspec.convert(data, Document)
        check_all(document.merchant, document.terminal)
    except (tomllib.TOMLDecodeError, msgspec.DecodeError, BadEntryError) as error:
        raise RegistryFileError(str(error)) from None
    return document


def as_toml(document: Document) -> str:
    """The file's text in TOML."""
    return tomli_w.dumps(_plain(document))


def as_json(document: Document) -> str:
    """The file's text in JSON."""
    return msgspec.json.format(msgspec.json.encode(_plain(document)), indent=2).decode() + "\n"


def _plain(document: Document) -> dict[str, Any]:
    """Its lists, without those that are empty."""
    return {name: items for name, items in msgspec.to_builtins(document).items() if items}
