"""`registry`: merchants and terminals shown, changed, loaded from a file and written to one."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from gateway.cli.common import (
    EXIT_NOT_DONE,
    AsJson,
    ConfigPath,
    Overrides,
    TokenFile,
    Who,
    configuration,
    print_json,
    print_table,
    told,
)
from gateway.cli.desk import ask_all, ask_desk, print_reply
from gateway.desk.registrar import LOADED_AT_ONCE_MAX
from gateway.desk.requests import ChangeEntry, DeskError, LoadEntries
from gateway.journal.desk_reader import DeskReader
from gateway.registry_file import Document, RegistryFileError, as_json, as_toml, read
from routing.entries import MerchantEntry, TerminalEntry
from routing.keeper import KeptKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config import Config
    from routing.effects import Kept

_SHOWN = ("merchant", "terminal", "state", "version", "name", "proof", "window_s")


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(registry)


def registry(  # noqa: PLR0913 - an option each
    config: ConfigPath,
    action: Annotated[str, typer.Argument(help="show, export, load or change.")] = "show",
    about: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE | MERCHANT [TERMINAL] [KEY=VALUE]...]",
            help="For load a file, TOML or JSON; for show and change whose entry it is.",
        ),
    ] = None,
    set_: Overrides = None,
    *,
    version: Annotated[
        int, typer.Option("--version", help="For change: the version you have seen.")
    ] = -1,
    why: Annotated[str, typer.Option("--why", help="In words, for the audit log.")] = "",
    who: Who = "",
    token_file: TokenFile = None,
    as_json_: AsJson = False,
) -> None:
    """Who takes part: merchants and terminals, in the journal, beside a running gateway or not.

    A file is checked as a whole before its first entry is taken; what it does not name stays.
    Exit status: 0 done, 1 not done (somebody changed the entry meanwhile), 2 usage.
    """
    settings, words = configuration(config, set_), about or []
    with told():
        if action == "load":
            _load(settings, words, who, token_file, as_json=as_json_)
        elif action == "export":
            document = _document(settings)
            sys.stdout.write(as_json(document) if as_json_ else as_toml(document))
        elif action == "show":
            _show(settings, words, as_json=as_json_)
        elif action == "change":
            request = _change(words, version, why)
            name = "|".join(filter(None, (request.merchant, request.terminal)))
            print_reply(ask_desk(settings, request, who, token_file), name, as_json=as_json_)
        else:
            message = f"{action}: not show, export, load or change"
            raise DeskError(message)


def _load(
    config: Config, words: list[str], who: str, token_file: Path | None, *, as_json: bool
) -> None:
    if len(words) != 1:
        message = "load: give one file"
        raise DeskError(message)
    try:
        document = read(Path(words[0]))
    except RegistryFileError as error:
        message = f"{words[0]}: {error}"
        raise DeskError(message) from None
    replies = ask_all(config, list(_pieces(document)), who, token_file)
    for reply in replies:
        if not reply.ok:
            typer.echo(f"isogate: {words[0]}: {reply.said}", err=True)
            raise typer.Exit(EXIT_NOT_DONE)
    facts = {"entries": len(document), "changed": sum(r.facts["changed"] for r in replies)}
    if as_json:
        print_json(facts)
    else:
        typer.echo(f"{words[0]}: {facts['entries']} entries, {facts['changed']} changed")


def _pieces(document: Document) -> Iterator[LoadEntries]:
    """No more at once than a running gateway takes; merchants before their terminals."""
    entries: list[MerchantEntry | TerminalEntry] = [*document.merchant, *document.terminal]
    for start in range(0, max(len(entries), 1), LOADED_AT_ONCE_MAX):
        piece = entries[start : start + LOADED_AT_ONCE_MAX]
        yield LoadEntries(
            merchants=tuple(each for each in piece if isinstance(each, MerchantEntry)),
            terminals=tuple(each for each in piece if isinstance(each, TerminalEntry)),
        )


def _document(config: Config) -> Document:
    with DeskReader(config) as reader:
        merchants, terminals = reader.kept(KeptKind.MERCHANT), reader.kept(KeptKind.TERMINAL)
    return Document(
        merchant=tuple(msgspec.convert(each.data, MerchantEntry) for each in merchants),
        terminal=tuple(msgspec.convert(each.data, TerminalEntry) for each in terminals),
    )


def _show(config: Config, words: list[str], *, as_json: bool) -> None:
    with DeskReader(config) as reader:
        kept = [*reader.kept(KeptKind.MERCHANT), *reader.kept(KeptKind.TERMINAL)]
    if words:
        name = "|".join(words)
        kept = [k for k in kept if k.key == name or k.key.startswith(f"{name}|")]
    if not kept:
        typer.echo("nobody is registered" if not words else "not registered", err=True)
        raise typer.Exit(EXIT_NOT_DONE)
    if as_json:
        print_json([{"version": each.version, "entry": each.data} for each in kept])
    else:
        print_table(f"{len(kept)} entries", _SHOWN, [_row(each) for each in kept])


def _row(kept: Kept) -> dict[str, Any]:
    merchant, _, terminal = kept.key.partition("|")
    data = kept.data or {}
    named = {"merchant": merchant, "terminal": terminal, "version": kept.version}
    state = data.get("state", "ACTIVE")
    rest = {key: data.get(key, "") for key in ("name", "proof", "window_s")}
    return named | {"state": state} | rest


def _change(words: list[str], version: int, why: str) -> ChangeEntry:
    names = [word for word in words if "=" not in word]
    pairs = [word for word in words if "=" in word]
    if len(names) not in (1, 2) or not pairs or words[: len(names)] != names:
        message = "change: give a merchant, a terminal if it is one's, and KEY=VALUE of each field"
        raise DeskError(message)
    return ChangeEntry(
        merchant=names[0],
        terminal=names[1] if len(names) > 1 else "",
        changes=_changes(pairs),
        version=None if version < 0 else version,
        why=why,
    )


def _changes(pairs: list[str]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for pair in pairs:
        path, _, text = pair.partition("=")
        *parents, last = path.split(".")
        place = changes
        for parent in parents:
            place = place.setdefault(parent, {})
        try:
            place[last] = tomllib.loads(f"value = {text}")["value"] if text else None
        except tomllib.TOMLDecodeError:
            place[last] = text
    return changes
