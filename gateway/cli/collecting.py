"""`account totals`, `plan`, `funnel`, `suspend`: merchants with several accounts; a whole shop."""

from __future__ import annotations

import time
from pathlib import Path  # noqa: TC003 - the command line is made from annotations
from typing import Annotated, Any, Final, Literal

import msgspec
import typer

from gateway.cli.account import Merchant, Reason, print_told
from gateway.cli.common import (
    EXIT_NOT_DONE,
    AsJson,
    ConfigPath,
    Days,
    Overrides,
    TokenFile,
    Who,
    configuration,
    print_facts,
    print_json,
    print_table,
    told,
)
from gateway.cli.desk import ask_desk
from gateway.desk import account_totals, plan_trial
from gateway.desk import funnel as funnels
from gateway.desk.requests import Account, DeskError
from routing.accounts.asked import Action, File, Record, Verb
from routing.accounts.machine import Kind
from routing.accounts.plan import Plan
from routing.accounts.refusals import Language
from routing.accounts.shop import SUSPEND

_DAY_S: Final = 86_400.0


def register(app: typer.Typer) -> None:
    """Add these commands to the group of accounts."""
    for command in (totals, plan, funnel, suspend):
        app.command()(command)


def totals(
    config: ConfigPath,
    merchant: Annotated[str, typer.Argument(metavar="MERCHANT", help="DE 42; none: all.")] = "",
    set_: Overrides = None,
    *,
    days: Days = 7,
    as_json: AsJson = False,
) -> None:
    """What was collected by account and channel, and whether the parts are the whole.

    Exit status 1 if they are not.
    """
    settings = configuration(config, set_)
    with told():
        now = time.time()
        found = account_totals.totals(settings, merchant, now - days * _DAY_S, now)
    if as_json:
        print_json(found)
    else:
        keys = ("merchant", "account", "channel", "currency", "charges", "money", "share")
        rows: list[dict[str, Any]] = msgspec.to_builtins(found.parts)
        print_table(f"the last {days} day(s)", (*keys, *account_totals.ENDS), rows)
        typer.echo("the parts are the whole" if found.adds_up else "\n".join(found.differs))
    if not found.adds_up:
        raise typer.Exit(EXIT_NOT_DONE)


def plan(  # noqa: PLR0913 - an option each
    config: ConfigPath,
    merchant: Merchant,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The rules, as JSON.")],
    set_: Overrides = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Try them on what was charged; change nothing.")
    ] = False,
    days: Days = 7,
    reason: Reason = "",
    who: Who = "",
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Other rules by which a merchant's charges go to its accounts: tried, or asked for.

    Another person approves them (`account approve`).
    """
    settings = configuration(config, set_)
    with told():
        wanted = _plan_in(file)
        if dry_run:
            now = time.time()
            since = now - days * _DAY_S
            trial = plan_trial.dry_run(settings, merchant, wanted, since, now)
            print_facts(msgspec.to_builtins(trial), as_json=as_json)
            return
        record = Record(merchant=merchant, plan=wanted, reason=reason)
        asked = Account(verb=Verb.REQUEST, file=File.MERCH2, action=Action.CHANGE, record=record)
        reply = ask_desk(settings, asked, who, token_file)
        print_told(reply, Language.ENGLISH, as_json=as_json)


def suspend(
    config: ConfigPath,
    merchant: Merchant,
    set_: Overrides = None,
    *,
    reason: Reason = "",
    who: Who = "",
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """An emergency: every terminal of a shop sells nothing from now on, until it was looked at."""
    settings = configuration(config, set_)
    with told():
        record = Record(merchant=merchant, reason=reason, what=SUSPEND)
        reply = ask_desk(settings, Account(verb=Verb.FILE, record=record), who, token_file)
        print_told(reply, Language.ENGLISH, as_json=as_json)


def _plan_in(file: Path) -> Plan:
    """Rules of a file.  Raises DeskError."""
    try:
        wanted = msgspec.json.decode(file.read_bytes(), type=Plan)
    except (OSError, msgspec.MsgspecError) as error:
        message = f"{file}: {error}"
        raise DeskError(message) from None
    problems = list(wanted.problems())
    if problems:
        message = f"{file}: {'; '.join(problems)}"
        raise DeskError(message)
    return wanted


def funnel(
    config: ConfigPath,
    set_: Overrides = None,
    *,
    kind: Annotated[
        Literal["second", "settlement"],
        typer.Option("--kind", help="Second accounts, or changes of settlement cards."),
    ] = "second",
    as_json: AsJson = False,
) -> None:
    """How far requests come, and where they end: for second accounts, or settlement cards."""
    settings = configuration(config, set_)
    with told():
        found = msgspec.to_builtins(funnels.funnel(settings, Kind(kind)))
    if as_json:
        print_json(found)
        return
    keys = ("stage", "reached", "share", "waiting", "abandoned", "rejected", "withdrawn")
    print_table(f"requests: {kind}", (*keys, "mean_hours"), found)
