"""The part of the gateway that carries charges, over whatever ports it is given.

Everything here runs unchanged in the simulator: the network, the journal, the clock and the
worker are arguments.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import trio

from gateway.card_door import CardDoor
from gateway.host_keys import HostKeys
from gateway.intake import Intake
from gateway.key_work import KeyWorkers
from gateway.links import Links
from gateway.mac_lane import MacLane
from gateway.peers import peers_of
from gateway.pipeline import Pipeline
from gateway.registry_file import read
from gateway.terminal_keys import TerminalKeys
from gateway.turns import Turns
from routing.reload import reload
from routing.switch import Switch

if TYPE_CHECKING:
    import random

    from gateway.config import Config
    from gateway.journal import Journal
    from gateway.keys.port import KeyCustody
    from gateway.peers import Peers
    from gateway.tools import Tools
    from gateway.wire.port import Network
    from routing.sign_in import Till


class Node:
    """One gateway between its ports."""

    def __init__(
        self,
        config: Config,
        switch: Switch,
        network: Network,
        journal: Journal,
        tools: Tools,
        rng: random.Random,
        custody: KeyCustody | None = None,
    ) -> None:
        def new_key_used(till: Till, used: int) -> None:
            switch.new_key_used(till, used, tools.clock.now())

        self.terminal_keys = TerminalKeys(new_key_used)
        self.host_keys = HostKeys(custody, switch, tools)
        self._peers = peers = self.peers_of(config)
        self._macs = {each.name: each.mac for each in config.listener}
        self._switch = switch
        self.links = Links(network, switch, tools, rng)
        self.key_workers = KeyWorkers(custody, self._macs, self.terminal_keys, tools)
        self.key_workers.cards = CardDoor.of(config, custody)
        self.lane: MacLane | None = None
        if custody is not None and not custody.releases_mac_keys:
            self.lane = MacLane(custody, self.terminal_keys, peers, tools)
        self.pipeline = Pipeline(
            switch, journal, network, peers, self.key_workers, self.lane, tools
        )
        self.pipeline.host_keys = self.host_keys
        self.links.change(config.host)
        self._intake = intake = Intake(network, switch, self.links, peers, self.lane, tools)
        self._turns = Turns(network, switch, self.pipeline, intake, tools)

    async def restore_keys(self) -> None:
        """Have the MAC keys of earlier lives, terminals' and hosts'; before anybody is let in."""
        await self.key_workers.restore(self._switch.terminals.sign_ins.all())
        await self.host_keys.restore()

    async def run(self) -> None:
        """One task drives the wire and decides, one makes decisions durable and lets them leave,
        one asks the journal beside that, some do what keys are wanted for, one keeps each host
        link.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._turns.run)
            nursery.start_soon(self.pipeline.run)
            nursery.start_soon(self.pipeline.questions.run, self.pipeline)
            nursery.start_soon(self.key_workers.run, self.pipeline)
            if self.lane is not None:
                nursery.start_soon(self.lane.run, self._intake, self.pipeline)
            nursery.start_soon(self.links.run, self.pipeline)
            nursery.start_soon(self.host_keys.run, self.pipeline)

    def peers_of(self, config: Config) -> Peers:
        """How everybody speaks that `config` names.  Raises OSError or ValueError."""
        return peers_of(config, self.terminal_keys, self.host_keys)

    def change(self, config: Config, peers: Peers) -> None:
        """Other rules from now on; `peers` are those of `config`.  Nothing here can fail."""
        reload(self._switch, config.settings())
        # A host that is no longer named is still spoken to while anything of it is open.
        self._peers.update(peers)
        self._macs.update({each.name: each.mac for each in config.listener})
        self.links.change(config.host)
        self.pipeline.kick()


async def load_registry(config: Config, switch: Switch, tools: Tools) -> None:
    """Load `registry.file` if nobody is registered yet; durable with the first batch."""
    if not config.registry.file or len(switch.life.registry):
        return
    document = await tools.offload(read, Path(config.registry.file))
    switch.life.registry.load(document.merchant, document.terminal, "", tools.clock.now())
    tools.log.info("registry loaded", file=config.registry.file, entries=len(document))


async def recovered(config: Config, journal: Journal, tools: Tools) -> Switch:
    """Routing as the last life left it: open charges go on, what was cut off is reversed."""
    now = tools.clock.now()
    recovery = await tools.offload(
        lambda: journal.start(now.wall, ended_max=config.journal.ended_in_memory_max)
    )
    settings = msgspec.structs.replace(config.settings(), card_key=recovery.card_key)
    switch = Switch(
        settings,
        epoch=recovery.epoch,
        last_id=recovery.last_id,
        last_stans=recovery.last_stans,
    )
    switch.restore(recovery.charges, now, recovery.entries, recovery.kept)
    await load_registry(config, switch, tools)
    open_now = len(switch.life.book.open())
    tools.log.info("recovered", epoch=recovery.epoch, charges=len(recovery.charges), open=open_now)
    return switch
