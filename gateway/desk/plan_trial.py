"""A plan tried on what was really charged: which account each charge would have gone to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from gateway.journal.desk_reader import DeskReader
from routing.accounts.bins import BinTable
from routing.accounts.plan import MAIN, Asked, channel_of
from routing.keeper import KeptKind

if TYPE_CHECKING:
    from gateway.config import Config
    from routing.accounts.plan import Plan
    from routing.charge import Charge


class PlanTrial(msgspec.Struct, kw_only=True):
    """What the rules would have done; money in minor units, by account; `account/channel`."""

    charges: int = 0
    money: int = 0
    by_account: dict[str, int] = {}
    money_by_account: dict[str, int] = {}
    by_channel: dict[str, int] = {}
    moved: int = 0
    """Charges that went to another account than they would have."""
    not_open: int = 0
    """Of those to an account that is not open now: refused, or on the main one if it may be."""


def dry_run(config: Config, merchant: str, plan: Plan, since: float, until: float) -> PlanTrial:
    """Let a merchant's charges of a time pass before `plan` again.  Blocks; changes nothing.

    A terminal that named an account by its digit had it, whatever the rules say: that is not on
    record, so such charges are judged by the rules here.
    """
    trial, bins = PlanTrial(), BinTable(config.settings().settlement.bins)
    accounts: Counter[str] = Counter()
    money: Counter[str] = Counter()
    channels: Counter[str] = Counter()
    with DeskReader(config) as reader:
        is_open, mcc = _known(reader, merchant)
        condition = "rtrim(merchant) = ? AND state <> 'NEVER_LEFT'"
        for charge in reader.between(since, until, condition, merchant):
            if charge.kind.undoes:
                continue
            asked = _asked(charge, bins, mcc)
            account = plan.chosen(asked) or MAIN
            trial.charges += 1
            trial.money += charge.money
            accounts[account] += 1
            money[account] += charge.money
            channels[f"{account}/{asked.channel}"] += 1
            trial.moved += account != (charge.account or MAIN)
            trial.not_open += account != MAIN and account not in is_open
    trial.by_account, trial.money_by_account = dict(accounts), dict(money)
    trial.by_channel = dict(sorted(channels.items()))
    return trial


def _known(reader: DeskReader, merchant: str) -> tuple[set[str], str]:
    """The accounts of a merchant that are open, and what business it is."""
    held = next((x.data for x in reader.kept(KeptKind.COLLECTING) if x.key == merchant), None)
    accounts = (held or {}).get("accounts", {})
    entry = next((x.data for x in reader.kept(KeptKind.MERCHANT) if x.key == merchant), None)
    is_open = {name for name, each in accounts.items() if not each.get("closed")}
    return is_open, str((entry or {}).get("mcc", ""))


def _asked(charge: Charge, bins: BinTable, mcc: str) -> Asked:
    channel = charge.channel or channel_of(charge.sent.get(22, ""))
    own_mcc = charge.sent.get(18, "") or mcc
    terminal = charge.terminal.rstrip()
    known = bins.find(charge.pan)
    kind = known.kind if known is not None else ""
    return Asked(terminal, charge.amount, channel, kind, own_mcc)
