"""`settlement`, `settlement-bank`: merchants' cards, runs, comparisons; a bank to try it with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import trio
import typer

from gateway.card_door import CardDoor, CardKeyError, seal_keyed
from gateway.cli.common import (
    EXIT_NOT_DONE,
    USAGE_ERROR,
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
from gateway.cli.desk import ask_desk
from gateway.desk import payouts
from gateway.desk.requests import CompareCards, DeskError, Reply, RunSettlement
from gateway.simulators.settlement_bank import BankScript, SettlementBank, key_in

if TYPE_CHECKING:
    from gateway.config import Config

app = typer.Typer(
    help="Merchants' settlement cards, and the bank that settles.", no_args_is_help=True
)


def register(parent: typer.Typer) -> None:
    """Add the group and the bank."""
    parent.add_typer(app, name="settlement")
    parent.command("settlement-bank")(settlement_bank)


def keyed_twice(config: Config) -> str:
    """A card number, typed twice without echo, as a JWE that only this gateway opens.

    Raises DeskError, KeyFileError or CustodyError.
    """
    try:
        door = CardDoor.of(config)
    except CardKeyError as error:
        raise DeskError(str(error)) from None
    if door is None:
        message = "settlement.url: none; nobody changes a settlement card here"
        raise DeskError(message)
    first = bytes(read_component("Card number: ", as_text=True)).decode("ascii", "replace")
    again = bytes(read_component("Once more: ", as_text=True)).decode("ascii", "replace")
    return seal_keyed(first, again, door.card_key)


def _done(reply: Reply, *, as_json: bool) -> None:
    if as_json:
        print_json(reply)
    else:
        typer.echo(reply.said, err=not reply.ok)
    if not reply.ok:
        raise typer.Exit(EXIT_NOT_DONE)


@app.command()
def key(config: ConfigPath, set_: Overrides = None) -> None:
    """The public key (JWK) under which a card number is sent here."""
    settings = configuration(config, set_)
    with told():
        door = CardDoor.of(settings)
    if door is None:
        typer.echo("settlement.url: none", err=True)
        raise typer.Exit(USAGE_ERROR)
    print_json(door.card_key)


@app.command()
def show(config: ConfigPath, set_: Overrides = None, *, as_json: AsJson = False) -> None:
    """Every merchant's cards, what the bank has, and where both sides differ."""
    settings = configuration(config, set_)
    with told():
        found = payouts.cards(settings)
    if as_json:
        print_json(found)
        return
    keys = ("merchant", "version", "bank_version", "waits", "synced_at", "mismatch")
    print_table(f"{len(found)} merchant(s)", keys, found)


@app.command()
def run(
    config: ConfigPath,
    set_: Overrides = None,
    *,
    day: Annotated[str, typer.Option("--day", help="Like 2026-11-26; by default today.")] = "",
    currency: Annotated[str, typer.Option("--currency", help="DE 49.")] = "156",
    who: Who = "",
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """A settlement run: the day's money of each merchant, its card, and what is held."""
    settings = configuration(config, set_)
    with told():
        wanted = RunSettlement(day=day, currency=currency)
        reply = ask_desk(settings, wanted, who, token_file)
    if reply.ok and not as_json:
        rows: list[dict[str, Any]] = reply.facts["payouts"]
        print_table(reply.said, ("merchant", "amount", "version", "masked", "bank", "held"), rows)
        return
    _done(reply, as_json=as_json)


@app.command()
def compare(
    config: ConfigPath,
    set_: Overrides = None,
    *,
    who: Who = "",
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Hold both sides' cards against each other now; exit 1 if the bank can't be asked."""
    settings = configuration(config, set_)
    with told():
        _done(ask_desk(settings, CompareCards(), who, token_file), as_json=as_json)


def settlement_bank(
    *,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT")] = "127.0.0.1:9590",
    key_file: Annotated[
        Path, typer.Option(help="Its key; made with <file>.pub, for settlement.key_file, if new.")
    ] = Path("settlement-bank.key"),
    book: Annotated[Path | None, typer.Option(help="Where it keeps its cards, masked.")] = None,
    token: Annotated[str, typer.Option(help="What callers must bring.")] = "",
    fail_every: Annotated[int, typer.Option(min=0, help="Every so manieth request: 503.")] = 0,
    lose_every: Annotated[int, typer.Option(min=0, help="Every so manieth answer is lost.")] = 0,
    refuse: Annotated[
        list[str] | None, typer.Option(metavar="LAST4=CODE", help="Cards that it does not take.")
    ] = None,
) -> None:
    """Run a simulated bank that settles: takes cards, tells its list."""
    host, _, port = listen.rpartition(":")
    given = {
        "host": host,
        "port": port,
        "token": token,
        "fail_every": fail_every,
        "lose_every": lose_every,
        "refuse": dict(each.partition("=")[::2] for each in refuse or ()),
    }
    try:
        script = msgspec.convert(given, BankScript, strict=False)
        trio.run(SettlementBank(script, key_in(key_file), book).serve)
    except (msgspec.ValidationError, OSError, ValueError) as error:
        typer.echo(f"isogate settlement-bank: {error}", err=True)
        raise typer.Exit(USAGE_ERROR) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
