"""The running program: what is made at the start, and the tasks that then run.

`serve` is the map.  One task drives the wire and decides, one makes decisions durable and lets
them leave, one keeps each host link, one answers HTTP, one waits for a signal to stop.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from gateway.admin import AdminSite
from gateway.clock import SystemClock
from gateway.journal.none import NoJournal
from gateway.journal.sqlite import SqliteJournal
from gateway.journal.vault import Vault, load_key
from gateway.lifecycle import Lifecycle
from gateway.links import Links
from gateway.log import Log
from gateway.metrics import GatewayCollector, Metrics
from gateway.peers import peers_of
from gateway.pipeline import Pipeline
from gateway.tools import Tools
from gateway.turns import Turns
from gateway.wire import Engine
from routing.switch import Switch

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.journal import Journal


async def serve(config: Config) -> None:
    """Run one gateway until it is told to stop."""
    tools = Tools(SystemClock(), Metrics(), Log())
    journal = await trio.to_thread.run_sync(open_journal, config, tools.log)
    try:
        switch = await _recovered(config, journal, tools)
        engine = Engine(config.wire, tools.clock)
        links = Links(engine, switch, tools, random.Random())  # noqa: S311 - jitter only
        peers = peers_of(config)
        pipeline = Pipeline(switch, journal, engine, peers, tools)
        turns = Turns(engine, switch, pipeline, links, peers, tools)
        lifecycle = Lifecycle(config, switch, engine, pipeline, tools)
        collector = GatewayCollector(tools.metrics, switch, engine, links)
        site = AdminSite(config.admin, switch, pipeline, lifecycle, collector, tools.clock)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(turns.run)
            nursery.start_soon(pipeline.run)
            for host in config.host:
                for _ in range(host.links):
                    nursery.start_soon(links.keep, host, pipeline)
            await nursery.start(site.serve)
            for listener in config.listener:
                engine.listen(listener.name, listener.host, listener.port)
                where = f"{listener.host}:{listener.port}"
                tools.log.info("listening", listener=listener.name, address=where)
            await lifecycle.until_stopped()
            nursery.cancel_scope.cancel()
        engine.close_all()
    finally:
        journal.close()


def open_journal(config: Config, log: Log) -> Journal:
    """The journal that the configuration names.  Raises JournalError or KeyFileError."""
    if config.journal.kind == "none":
        log.warning("journal.kind = none: NOTHING IS DURABLE; for measuring only, never for money")
        return NoJournal()
    vault = Vault(load_key(config.journal.key_path))
    return SqliteJournal(Path(config.journal.path), vault)


async def _recovered(config: Config, journal: Journal, tools: Tools) -> Switch:
    """Routing as the last life left it: open charges go on, what was cut off is reversed."""
    now = tools.clock.now()
    recovery = await trio.to_thread.run_sync(
        lambda: journal.start(now.wall, ended_max=config.journal.ended_in_memory_max)
    )
    switch = Switch(
        config.settings(),
        epoch=recovery.epoch,
        last_id=recovery.last_id,
        last_stans=recovery.last_stans,
    )
    switch.restore(recovery.charges, now)
    open_now = len(switch.life.book.open())
    tools.log.info("recovered", epoch=recovery.epoch, charges=len(recovery.charges), open=open_now)
    return switch
