"""The running program: what is made at the start, and the tasks that then run.

`serve` is the map.  `node.run` starts the tasks that carry charges; beside them one task answers
HTTP, one posts customers' notices, one tells the bank merchants' settlement cards, one backs
terminals up, one sends a test charge each day, one measures how late the loop is, and one waits for
a signal to stop.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from gateway import garbage
from gateway.account_metrics import AccountCollector
from gateway.admin import AdminSite
from gateway.backups import Backups
from gateway.bank_post import BankPost
from gateway.canary import Canary
from gateway.clock import SystemClock
from gateway.config_warnings import warnings
from gateway.decision_log import DecisionLog
from gateway.desk.desk import Desk
from gateway.desk.floor import LiveFloor
from gateway.desk.key_desk import KeyDesk, hang_keys_of_file
from gateway.desk_metrics import DeskCollector
from gateway.doors import Doors
from gateway.journal.none import NoJournal
from gateway.journal.sqlite import SqliteJournal
from gateway.journal.vault import Vault, load_key
from gateway.key_metrics import KeyCollector
from gateway.keys.opening import custody_of, keys_in
from gateway.lifecycle import Lifecycle
from gateway.log import Log
from gateway.metrics import GatewayCollector, Metrics
from gateway.node import Node, recovered
from gateway.notices import NoticePost
from gateway.ops.bounds import BoundsCollector
from gateway.ops.health import HealthCollector
from gateway.registry_metrics import RegistryCollector
from gateway.reload import Reload
from gateway.systemd import Notifier
from gateway.terminal_metrics import TerminalCollector
from gateway.tools import Tools
from gateway.wire import Engine
from gateway.wire.descriptors import RESERVE, raise_limit

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.config import Config
    from gateway.journal import Journal
    from gateway.keys.port import KeyCustody


async def serve(config: Config, read: Callable[[], Config] | None = None) -> None:
    """Run one gateway until it is told to stop.  `read` reads the configuration anew."""
    tools = Tools(SystemClock(), Metrics(), Log.of(config.log))
    for warning in warnings(config):
        tools.log.warning(warning)
    async with custody_of(config.keys) as custody:
        await _serve(config, read or (lambda: config), custody, tools)


async def _serve(
    config: Config, read: Callable[[], Config], custody: KeyCustody | None, tools: Tools
) -> None:
    journal = await trio.to_thread.run_sync(open_journal, config, tools.log)
    try:
        switch = await recovered(config, journal, tools)
        DecisionLog(switch, tools.log)
        if custody is not None:
            await hang_keys_of_file(keys_in(config.keys.file), custody, switch, tools.clock)
        engine = Engine(config.limits_of_wire(), tools.clock)
        tell_descriptors(config, tools)
        doors = Doors(config, engine, tools.log)
        doors.prepare_hosts()
        node = Node(config, switch, engine, journal, tools, random.Random(), custody)  # noqa: S311
        await node.restore_keys()
        lifecycle = Lifecycle(config, switch, engine, node.pipeline, tools)
        floor = LiveFloor(node.pipeline)
        desk = Desk(config, switch, floor, tools.clock, tools.offload)
        desk.keys = KeyDesk(custody, switch, floor, tools.clock)
        desk.canary = canary = Canary(config, switch, floor, tools)
        notices = NoticePost(config, switch, floor, tools)
        backups = Backups(config, switch, floor, tools)
        desk.payouts.bank = bank_post = BankPost(config, switch, floor, tools)
        health = HealthCollector(config, lifecycle, doors, tools)
        collectors = (
            GatewayCollector(tools.metrics, switch, engine, node.links, tools.clock),
            DeskCollector(switch, canary, notices, tools.clock),
            RegistryCollector(switch),
            AccountCollector(switch, backups, tools.clock),
            TerminalCollector(switch, node.terminal_keys, node.key_workers),
            KeyCollector(switch, custody, tools.clock),
            BoundsCollector(config, tools.metrics, switch, engine, notices, node, journal),
            health,
        )
        desk.reload = reload = Reload(config, read, (switch, node, doors), tools, desk, canary)
        site = AdminSite(config.admin, switch, node.pipeline, lifecycle, collectors, desk)
        notifier = Notifier()
        garbage.look_seldom()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(node.run)
            await nursery.start(site.serve)
            await nursery.start(reload.on_signal, notifier)
            doors.open()
            nursery.start_soon(notifier.run, lifecycle)
            for run in (canary.run, backups.run, bank_post.run, health.run):
                nursery.start_soon(run)
            if config.notices.url:
                nursery.start_soon(notices.run)
            await lifecycle.until_stopped(notifier)
            nursery.cancel_scope.cancel()
        engine.close_all()
    finally:
        journal.close()


def tell_descriptors(config: Config, tools: Tools) -> None:
    """Have room for as many connections as are configured, and say so where there is none."""
    most = tools.metrics.descriptors_max = raise_limit(config.wire.connections_max)
    tools.log.info("descriptors", most=most)
    if most < config.wire.connections_max + RESERVE:
        why = "fewer descriptors than wire.connections_max needs; raise the system's bound"
        tools.log.warning(why, most=most, connections_max=config.wire.connections_max)


def open_journal(config: Config, log: Log) -> Journal:
    """The journal that the configuration names.  Raises JournalError or KeyFileError."""
    if config.journal.kind == "none":
        log.warning("journal.kind = none: NOTHING IS DURABLE; for measuring only, never for money")
        return NoJournal()
    vault = Vault(load_key(config.journal.key_path))
    return SqliteJournal(Path(config.journal.path), vault, beside=True)
