"""`hosts`, `merchants`, `operators`, `suspects`: how everybody did over the last days."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from gateway.cli.common import (
    AsJson,
    ConfigPath,
    Days,
    Overrides,
    configuration,
    print_json,
    print_table,
    told,
)
from gateway.desk import scorecards

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.config import Config

_DAY_S: Final = 86_400.0


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (hosts, merchants, operators, suspects):
        app.command()(command)


def hosts(
    config: ConfigPath, set_: Overrides = None, *, days: Days = 7, as_json: AsJson = False
) -> None:
    """How each host did: approvals, answer times, time-outs, reversals, settlement differences."""
    keys = ("host", "charges", "approval_share", "answer_p95_s", "timeout_share", "reversal_share")
    cards = _cards(configuration(config, set_), scorecards.hosts, days)
    _print_cards(cards, (*keys, "differences"), days, as_json=as_json)


def merchants(
    config: ConfigPath, set_: Overrides = None, *, days: Days = 7, as_json: AsJson = False
) -> None:
    """How each merchant did: sales not served, windows of silence; the worst first."""
    keys = ("merchant", "charges", "not_served_share", "silent_share", "taken_back")
    cards = _cards(configuration(config, set_), scorecards.merchants, days)
    _print_cards(cards, keys, days, as_json=as_json)


def operators(
    config: ConfigPath, set_: Overrides = None, *, days: Days = 7, as_json: AsJson = False
) -> None:
    """What each operator at the terminals charged and undid; who undid most first."""
    keys = ("merchant", "operator", "charges", "voids", "refunds", "taken_back", "undone_share")
    cards = _cards(configuration(config, set_), scorecards.operators, days)
    _print_cards(cards, keys, days, as_json=as_json)


def suspects(
    config: ConfigPath,
    set_: Overrides = None,
    *,
    days: Days = 31,
    at_least: Annotated[int, typer.Option("--at-least", min=1, help="Taken back so often.")] = 3,
    as_json: AsJson = False,
) -> None:
    """For a supervisor: terminals that took back, after delivery, again and again."""

    def read(settings: Config, since: float) -> list[scorecards.Suspect]:
        return scorecards.suspects(settings, since, at_least)

    keys = ("merchant", "terminal", "charges", "taken_back", "held", "amount")
    _print_cards(_cards(configuration(config, set_), read, days), keys, days, as_json=as_json)


def _cards(
    config: Config, read: Callable[[Config, float], Sequence[Any]], days: int
) -> list[dict[str, Any]]:
    with told():
        cards: list[dict[str, Any]] = msgspec.to_builtins(read(config, time.time() - days * _DAY_S))
        return cards


def _print_cards(
    cards: list[dict[str, Any]], keys: Sequence[str], days: int, *, as_json: bool
) -> None:
    if as_json:
        print_json(cards)
    else:
        print_table(f"the last {days} day(s)", keys, cards)
