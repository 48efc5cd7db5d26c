"""`keys`: ceremonies, and what persons do with the keys of a gateway."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, cast, get_args

import trio
import typer

from codec.keys import KeyCipher, Secret
from gateway.cli.common import (
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
from gateway.cli.component_entry import read_component
from gateway.cli.desk import ask_desk, print_reply
from gateway.desk.key_list import ceremonies_under_way, keys_of
from gateway.desk.requests import (
    AnyRequest,
    BringComponent,
    DeskError,
    LoadKey,
    RewrapKeys,
    TakeKeyOff,
)
from gateway.hardening import keep_memory_private
from gateway.keys.opening import custody_of
from gateway.keys.port import CustodyError
from gateway.keys.wrapped import CIPHERS

if TYPE_CHECKING:
    from gateway.config import Config

_ACTIONS: Final = "list, import, load, rewrap or remove"
_CEREMONIAL: Final = ("tmk", "zmk")
_LOADED: Final = ("tmk", "zpk", "zak", "zdk")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(keys)


def keys(  # noqa: PLR0913 - an option each
    config: ConfigPath,
    action: Annotated[str, typer.Argument(help=f"{_ACTIONS}.")] = "list",
    set_: Overrides = None,
    *,
    component: Annotated[
        bool,
        typer.Option(
            "--component", help="One person's part: typed without echo, or on standard input."
        ),
    ] = False,
    usage: Annotated[str, typer.Option("--usage", help="tmk, zmk, zpk, zak or zdk.")] = "tmk",
    owner: Annotated[
        str, typer.Option("--owner", help="Whose key: merchant|terminal, or a host's name.")
    ] = "",
    cipher: Annotated[str, typer.Option("--cipher", help="des, aes or sm4.")] = "des",
    of: Annotated[int, typer.Option("--of", help="How many components the key has.")] = 2,
    check: Annotated[
        str, typer.Option("--check", help="The check value that came with it, in hexadecimal.")
    ] = "",
    any_parity: Annotated[
        bool, typer.Option("--any-parity", help="Its bytes need not have odd parity.")
    ] = False,
    under: Annotated[str, typer.Option("--under", help="For load: the owner of the ZMK.")] = "",
    data: Annotated[str, typer.Option("--data", help="For load: the key under the ZMK.")] = "",
    who: Who = "",
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """List keys; bring one in components, each by another person; load one under a ZMK; wrap all
    anew after the KEK was changed; remove one.

    No key is ever taken from the command line in clear, or shown.
    """
    settings = configuration(config, set_)
    keep_memory_private()
    with told():
        if cipher not in CIPHERS:
            raise DeskError(f"--cipher: one of {', '.join(CIPHERS)}")
        family = next(each for each in get_args(KeyCipher) if each == cipher)
        request: AnyRequest
        match action:
            case "list":
                _print_keys(settings, as_json=as_json)
                return
            case "import":
                if not component or usage not in _CEREMONIAL:
                    raise DeskError("import takes components of a tmk or zmk: give --component")
                text = trio.run(_sealed, settings, family, usage, owner, check, any_parity)
                request = BringComponent(
                    usage=cast("Any", usage),
                    owner=owner,
                    cipher=family,
                    count=of,
                    component=text,
                )
            case "load":
                if usage not in _LOADED:
                    raise DeskError(f"--usage: one of {', '.join(_LOADED)}")
                request = LoadKey(
                    usage=cast("Any", usage),
                    owner=owner,
                    cipher=family,
                    transport=under,
                    data=data,
                    check=check,
                )
            case "rewrap":
                request = RewrapKeys()
            case "remove":
                request = TakeKeyOff(usage=usage, owner=owner, cipher=family)
            case _:
                raise DeskError(f"{action}: not {_ACTIONS}")
        reply = ask_desk(settings, request, who, token_file)
        print_reply(reply, _about(reply.facts), as_json=as_json)


def _about(facts: dict[str, Any]) -> str:
    told_ = [str(facts.get("key", "keys"))]
    told_ += [f"component {facts['component']}"] if "component" in facts else []
    told_ += [f"check value {facts['check']}"] if "check" in facts else []
    told_ += [f"{facts['keys']} under {facts['under']}"] if "under" in facts else []
    return ", ".join(told_)


async def _sealed(
    config: Config, cipher: KeyCipher, usage: str, owner: str, check: str, any_parity: bool
) -> str:
    """A component as its person types it, sealed before anything else sees it."""
    try:
        expected = bytes.fromhex(check)
    except ValueError:
        expected = b""
    if len(expected) < 2:  # noqa: PLR2004 - bytes
        raise DeskError("--check: the component's check value, four hexadecimal digits at least")
    async with custody_of(config.keys, looking=True) as custody:
        if custody is None:
            raise DeskError("keys.custody = 'none': nobody keeps keys here")
        as_text = custody.kind == "hsm"
        kind = "under the module's LMK" if as_text else "hexadecimal"
        typed = read_component(f"Component ({kind}, not shown): ", as_text=as_text)
        try:
            if not as_text and cipher == "des" and not any_parity and not _is_odd(typed):
                message = "the component's bytes have not all odd parity; was it mistyped?"
                raise CustodyError(message)
            return str(
                await custody.seal_component(typed, expected, cast("Any", usage), owner, cipher)
            )
        finally:
            typed.wipe()


def _is_odd(typed: Secret) -> bool:
    return all(byte.bit_count() % 2 for byte in memoryview(typed))


def _print_keys(config: Config, *, as_json: bool) -> None:
    found, waiting = keys_of(config), ceremonies_under_way(config)
    if as_json:
        print_json({"keys": found, "ceremonies": waiting})
        return
    for each in found:
        each["made"] = datetime.fromtimestamp(each["made"], UTC).strftime("%Y-%m-%d")
    columns = ("key", "bytes", "check", "made", "age_days", "how", "under")
    print_table(f"{len(found)} key(s)", columns, found)
    for each in waiting:
        brought = ", ".join(each["by"])
        sys.stdout.write(f"{each['key']}: {len(each['by'])} of {each['of']}, by {brought}\n")
