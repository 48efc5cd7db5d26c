"""`cases`, `complaint`, `reconcile`, `limits`, `canary`: what persons do."""

from __future__ import annotations

import getpass
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path  # noqa: TC003 - the command line is made from annotations
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
import typer

from gateway.audit import Audit
from gateway.cli.common import (
    EXIT_NOT_DONE,
    USAGE_ERROR,
    AsJson,
    ConfigPath,
    Days,
    Overrides,
    TokenFile,
    Who,
    configuration,
    print_facts,
    print_json,
    print_story,
    print_table,
    told,
)
from gateway.config import load
from gateway.config_overrides import ConfigError
from gateway.desk import counter, limit_trial, settlement
from gateway.desk.desk import HOWS
from gateway.desk.requests import (
    AnyRequest,
    ChangeLimits,
    Close,
    Complain,
    Confirm,
    ConfirmLimits,
    DeskError,
    Difference,
    Dispute,
    FlyCanary,
    Reply,
    SettleDifference,
    Withdraw,
    WithdrawLimits,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.config import Config

_DAY_S: Final = 86_400.0
_MASKED: Final = re.compile(r"\d{0,6}[^\d]+\d{1,4}")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (cases, complaint, reconcile, limits, canary):
        app.command()(command)


def ask_desk(config: Config, request: AnyRequest, who: str, token_file: Path | None) -> Reply:
    """Have the desk do something, as the person that `who` or the token says."""
    (reply,) = ask_all(config, [request], who, token_file)
    return reply


def ask_all(
    config: Config, requests: Sequence[AnyRequest], who: str, token_file: Path | None
) -> list[Reply]:
    """The same for several, in their order."""
    token = token_file.read_text("utf-8").strip() if token_file is not None else ""
    return counter.ask_all(config, requests, who or ("" if token else _login()), token)


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def print_reply(reply: Reply, what: str, *, as_json: bool) -> None:
    """Say what came of it; exit status 1 if it was not done."""
    if as_json:
        print_json(reply)
    else:
        state = f" ({reply.facts['state']})" if "state" in reply.facts else ""
        typer.echo(f"{what}: {reply.said}{state}", err=not reply.ok)
    if not reply.ok:
        raise typer.Exit(EXIT_NOT_DONE)


def cases(  # noqa: PLR0913 - an option each
    config: ConfigPath,
    action: Annotated[
        str,
        typer.Argument(help="list, explain, close, confirm, withdraw, retry, dispute or settle."),
    ] = "list",
    about: Annotated[
        str, typer.Argument(metavar="CHARGE|KEY", help="The charge; for settle a difference's key.")
    ] = "",
    set_: Overrides = None,
    *,
    how: Annotated[str, typer.Option("--as", help=f"How to close it: {', '.join(HOWS)}.")] = "",
    why: Annotated[str, typer.Option("--why", help="In words, for dispute.")] = "",
    who: Who = "",
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """List, explain and decide the cases: charges that only a person can bring to their end.

    Large, disputed and held ones need two: one person closes, which proposes; another confirms.
    """
    settings = configuration(config, set_)
    with told():
        if action == "list":
            _print_cases(settings, as_json=as_json)
        elif action == "explain":
            with Audit(settings) as books:
                print_story(books.story(_number(about)), _number(about), as_json=as_json)
        else:
            request = _on_case(action, about, how, why)
            print_reply(ask_desk(settings, request, who, token_file), about, as_json=as_json)


def _on_case(action: str, about: str, how: str, why: str) -> AnyRequest:
    match action:
        case "close":
            return Close(charge=_number(about), how=how)
        case "retry":
            return Close(charge=_number(about), how="retry")
        case "confirm":
            return Confirm(charge=_number(about))
        case "withdraw":
            return Withdraw(charge=_number(about))
        case "dispute":
            return Dispute(charge=_number(about), why=why)
        case "settle":
            return SettleDifference(key=about)
    message = f"{action}: not list, explain, close, confirm, withdraw, retry, dispute or settle"
    raise DeskError(message)


def _number(text: str) -> int:
    if not text.isdigit():
        message = f"{text!r}: give the number of the charge"
        raise DeskError(message)
    return int(text)


def _print_cases(config: Config, *, as_json: bool) -> None:
    found = counter.list_cases(config)
    if as_json:
        print_json(found)
        return
    keys = ("id", "amount", "currency", "card", "terminal", "host", "why", "proposed")
    for case in found:
        if case["proposed"]:
            case["proposed"] = f"{case['proposed']}, by {case['proposed_by']}"
    print_table(f"{len(found)} open case(s)", keys, found)
    differences = counter.list_differences(config)
    if differences:
        title = f"{len(differences)} difference(s) for a person to ask the other side about"
        print_table(title, ("key", "kind", "theirs", "at"), differences)


def complaint(  # noqa: PLR0913 - an option each
    config: ConfigPath,
    set_: Overrides = None,
    *,
    charge: Annotated[
        int, typer.Option("--charge", help="The charge, if its number is known.")
    ] = 0,
    rrn: Annotated[str, typer.Option("--rrn", help="The retrieval reference of the slip.")] = "",
    card: Annotated[
        str, typer.Option("--masked-pan", metavar="476173******0119", help="Never the whole.")
    ] = "",
    amount: Annotated[int, typer.Option("--amount", help="Minor units.")] = 0,
    when: Annotated[str, typer.Option("--when", help="About when, ISO 8601; UTC if unsaid.")] = "",
    within: Annotated[int, typer.Option("--within", help="Minutes around --when.")] = 60,
    who: Who = "",
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """A customer says: charged, and got nothing.  Says the verdict, and begins what follows.

    Exit status: 0 a verdict, 1 no charge or several fit, 2 usage.
    """
    settings = configuration(config, set_)
    with told():
        if card and not _MASKED.fullmatch(card):
            message = "--masked-pan: masked, like 476173******0119; never the whole number"
            raise DeskError(message)
        request = Complain(
            charge=charge,
            rrn=rrn,
            card=card,
            amount=amount,
            when=_time(when) if when else 0.0,
            within_s=within * 60.0,
        )
        reply = ask_desk(settings, request, who, token_file)
        print_reply(reply, "verdict", as_json=as_json)
        for line in [] if as_json else reply.facts.get("evidence", []):
            typer.echo(f"  {line}")


def _time(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r}: a time like 2026-11-23T17:15"
        raise DeskError(message) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def reconcile(  # noqa: PLR0913 - an option each
    config: ConfigPath,
    set_: Overrides = None,
    *,
    host: Annotated[str, typer.Option("--host", help="Whose file it is.")],
    file: Annotated[Path, typer.Option("--file", help="The host's settlement file.")],
    form: Annotated[Literal["csv", "json"], typer.Option("--format")] = "csv",
    at_most: Annotated[
        int, typer.Option("--at-most", help="Differences; more open no case: a wrong file?")
    ] = 1_000,
    date: Annotated[
        str, typer.Option("--date", help="The settlement day, YYYY-MM-DD; by default yesterday.")
    ] = "",
    who: Who = "",
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Compare a host's settlement file with the journal; each difference becomes a case.

    Exit status: 0 they agree, 1 they differ, 2 usage or a file that can't be read.
    """
    settings = configuration(config, set_)
    if host not in {each.name for each in settings.host}:
        typer.echo(f"--host {host}: the configuration has no such host", err=True)
        raise typer.Exit(USAGE_ERROR)
    day = date or (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d")
    with told():
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
            message = f"--date {day}: YYYY-MM-DD"
            raise DeskError(message)
        found = settlement.compare(settings, host, settlement.read(file, form), day)
        if len(found.differences) > at_most:
            message = (
                f"{len(found.differences)} differences: is it another day's file? see --at-most"
            )
            raise DeskError(message)
        lines = _made_cases_of(settings, found.differences, who, token_file)
    if as_json:
        print_json({"counts": found.counts, "sums": found.sums, "differences": lines})
    else:
        _print_comparison(host, day, found, lines)
    if lines:
        raise typer.Exit(EXIT_NOT_DONE)


def _made_cases_of(
    config: Config, differences: Sequence[Difference], who: str, token_file: Path | None
) -> list[dict[str, Any]]:
    """Each difference, and what became of it."""
    lines = []
    for difference, reply in zip(
        differences, ask_all(config, differences, who, token_file), strict=True
    ):
        if not reply.ok:
            message = f"{difference.key}: {reply.said}"
            raise DeskError(message)
        lines.append(msgspec.to_builtins(difference) | {"action": reply.said})
    return lines


def _print_comparison(
    host: str, day: str, found: settlement.Outcome, lines: list[dict[str, Any]]
) -> None:
    for side in ("ours", "theirs"):
        typer.echo(f"{host} {day}, {side}: {found.counts[side]} charges, {found.sums[side]}")
    if lines:
        keys = ("kind", "charge", "ours", "theirs", "action")
        print_table(f"{len(lines)} difference(s)", keys, lines)
    else:
        typer.echo("no difference")


def limits(  # noqa: PLR0913 - an option each
    config: ConfigPath,
    action: Annotated[str, typer.Argument(help="show, propose, confirm or withdraw.")] = "show",
    set_: Overrides = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Try them on the journal's last days; change nothing.")
    ] = False,
    days: Days = 7,
    who: Who = "",
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Try other limits (`--set limits.KEY=VALUE`) on what was charged, or have two people set them.

    What persons set is in force at once, and until the configuration's [limits] change.
    """
    settings = configuration(config, set_)
    with told():
        if dry_run:
            now = time.time()
            since = now - days * _DAY_S
            trial = limit_trial.dry_run(settings, settings.limits, since, now)
            print_facts(msgspec.to_builtins(trial), as_json=as_json)
            return
        requests: dict[str, AnyRequest] = {
            "propose": ChangeLimits(limits=settings.limits),
            "confirm": ConfirmLimits(),
            "withdraw": WithdrawLimits(),
        }
        if action == "show":
            print_facts(counter.limits_of(settings), as_json=as_json)
            return
        if action not in requests:
            message = f"{action}: not show, propose, confirm or withdraw"
            raise DeskError(message)
        # The desk stands on the configuration as it is, whatever is proposed.
        plain = _unchanged(config, set_)
        reply = ask_desk(plain, requests[action], who, token_file)
        print_reply(reply, "limits", as_json=as_json)


def _unchanged(path: Path, overrides: list[str] | None) -> Config:
    """The configuration without what `--set` says of limits."""
    others = [each for each in overrides or () if not each.strip().startswith("limits.")]
    try:
        return load(path, others)
    except ConfigError as error:
        raise DeskError(str(error)) from None


def canary(
    config: ConfigPath,
    set_: Overrides = None,
    *,
    host: Annotated[str, typer.Option("--host", help="One host; by default each.")] = "",
    who: Who = "",
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Have the running gateway send a test charge and its reversal now.  Exit 1 if one failed."""
    settings = configuration(config, set_)
    with told():
        reply = ask_desk(settings, FlyCanary(host=host), who, token_file)
        for name, why in {} if as_json else reply.facts.items():
            typer.echo(f"{name}: {why or 'ok'}")
        print_reply(reply, "canary", as_json=as_json)
