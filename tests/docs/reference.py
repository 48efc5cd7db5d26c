"""Reference pages made from the code: `python -m tests.docs.reference` writes them anew."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from itertools import pairwise
from types import UnionType
from typing import Any, get_args, get_type_hints

import msgspec
import typer

from codec import Dialect, mask
from codec.dialects import DIALECTS, dialect
from gateway import config
from gateway.cli import app
from tests.docs.pages import DOCS, ROOT

REFERENCE = DOCS / "reference"
_MADE = "Written by `python -m tests.docs.reference`."


def pages() -> dict[str, str]:
    """Name and text of each page."""
    return {
        "configuration.md": "\n".join(_configuration()),
        "commands.md": "\n".join(_commands()),
        "dialects.md": "\n".join(_dialects()),
    }


# Configuration


def _configuration() -> Iterator[str]:
    yield "# Configuration\n"
    yield f"{_MADE} One TOML file; `isogate check` says what is wrong with it."
    yield "Any key can be set on the command line: `--set key.path=value`, list items by number."
    yield "Times are seconds, amounts minor units, paths relative to the working directory.\n"
    yield from _section(config.Config, "", repeated=False)


def _section(kind: type[msgspec.Struct], path: str, *, repeated: bool) -> Iterator[str]:
    fields = msgspec.structs.fields(kind)
    hints = get_type_hints(kind)
    inner = [(each, *_struct_of(hints[each.name])) for each in fields]
    if path:
        yield f"## `{'[[' if repeated else '['}{path}{']]' if repeated else ']'}`\n"
        yield f"{inspect.getdoc(kind)}\n"
    plain = [each for each, struct, _ in inner if struct is None]
    if plain:
        said = _sayings(kind)
        yield "| key | default | what it means |\n|---|---|---|"
        for each in plain:
            yield f"| `{each.name}` | {_default(each)} | {said.get(each.name, '')} |"
        yield ""
    for each, struct, many in inner:
        if struct is not None:
            place = f"{path}.{each.name}".lstrip(".")
            yield from _section(struct, place, repeated=many)


def _struct_of(hint: Any) -> tuple[type[msgspec.Struct] | None, bool]:
    """The section behind a key, and whether there may be several."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint, False
    if isinstance(hint, UnionType):
        return None, False
    for each in get_args(hint):
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            return each, True
    return None, False


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    elif field.default is not msgspec.NODEFAULT:
        value = field.default
    else:
        return "must be given"
    if value in ("", (), {}, [], None):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return f"{value}".replace("|", "\\|")


def _sayings(kind: type[msgspec.Struct]) -> dict[str, str]:
    """What stands below each key in the source, and in the classes that it comes from."""
    said: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if each is msgspec.Struct or not issubclass(each, msgspec.Struct):
            continue
        body = _source_of(each).body
        for key, following in pairwise(body):
            is_text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            if isinstance(key, ast.AnnAssign) and isinstance(key.target, ast.Name) and is_text:
                text = inspect.cleandoc(str(following.value.value))  # type: ignore[attr-defined]
                said[key.target.id] = " ".join(text.split()).replace("|", "\\|")
    return said


def _source_of(kind: type[msgspec.Struct]) -> ast.ClassDef:
    """Compiled classes know no source, but it lies where it always does."""
    path = ROOT / (kind.__module__.replace(".", "/") + ".py")
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
            return node
    raise LookupError(kind)


# Commands


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    yield f"{_MADE} `isogate COMMAND --help` says the same.\n"
    yield from _group(typer.main.get_command(app), "isogate")


def _group(group: Any, path: str) -> Iterator[str]:
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _group(command, f"{path} {name}")
        else:
            yield from _command(command, f"{path} {name}")


def _command(command: Any, path: str) -> Iterator[str]:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    names = [each.metavar or each.name.upper() for each in arguments]
    shown = [n if each.required else f"[{n}]" for n, each in zip(names, arguments, strict=True)]
    yield f"## `{' '.join([path, *shown])}`\n"
    yield f"{inspect.cleandoc(command.help or '')}\n"
    options = [each for each in command.params if each.param_type_name == "option"]
    if options:
        yield "| option | meaning |\n|---|---|"
        for each in options:
            said = ", ".join(f"`{name}`" for name in [*each.opts, *each.secondary_opts])
            yield f"| {said} | {' '.join((each.help or '').split())} |"
        yield ""


# Dialects


def _dialects() -> Iterator[str]:
    yield "# Dialects\n"
    relayed = ", ".join(f"`{name}`" for name in config.CONVENTIONS)
    yield f"{_MADE} How the codec reads each dialect's fields. The gateway relays"
    yield f"{relayed};"
    yield "the others are for the codec and its tools. A hidden field is never shown or stored.\n"
    for name in DIALECTS:
        yield from _dialect(dialect(name))


def _dialect(spoken: Dialect) -> Iterator[str]:
    yield f"## `{spoken.name}`\n"
    yield "| DE | name | length | on the wire | |\n|---|---|---|---|---|"
    for number, field in sorted(spoken.fields.items()):
        hidden = "hidden" if number in mask.SENSITIVE_FIELDS | spoken.sensitive else ""
        length = f"{field.length}" if field.length_form == "fixed" else f"up to {field.length}"
        charset = "" if field.content == "binary" else f", {field.charset}"
        yield f"| {number} | {field.name} | {length} | {field.content}{charset} | {hidden} |"
    yield ""


def main() -> int:
    """Write the pages."""
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, "utf-8")
        print(f"docs/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
