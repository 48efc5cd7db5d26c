"""The MAC keys that are exchanged with hosts: in use, old ones for what is on its way, new ones.

When a key is changed stands in `routing.key_exchange`.  Here the custody is asked to take it over,
beside the turns, and MACs are made and checked with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from codec import dialect, mac
from gateway.keys.port import CustodyError, CustodyUnavailableError, Enciphered, MacScheme
from gateway.keys.wrapped import WrappedKey, WrappedKeyError
from gateway.peer import AnyPeer
from routing.effects import TakenKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from codec import Dialect, MacKey, Message
    from gateway.config import Host
    from gateway.keys.port import KeyCustody
    from gateway.pipeline import Pipeline
    from gateway.tools import Tools
    from routing.effects import ReceivedKey
    from routing.switch import Switch

WAITING_MAX: Final = 100
"""Keys that wait for the custody; a further one is refused, and asked for again later."""
_NETWORK_CLASS: Final = "8"


class HostPeer(AnyPeer):
    """A host whose MAC key changes; messages are good under the old one for a while."""

    def __init__(
        self, dialect: Dialect, monotonic: Callable[[], float], proven: Callable[[], None]
    ) -> None:
        """`proven` is called at the first good MAC under a new key."""
        super().__init__(dialect)
        self.monotonic, self.proven = monotonic, proven
        self.key: MacKey | None = None
        self._old: MacKey | None = None
        self._old_until = 0.0
        self._is_new = False

    def authentic(self, message: Message) -> bool:
        if message.mti[1] == _NETWORK_CLASS:
            return True
        if self.key is not None and mac.verify(message, self.key):
            if self._is_new:
                self._is_new = False
                self.proven()
            return True
        if self._old is None or self.monotonic() >= self._old_until:
            self._old = None
            return False
        return mac.verify(message, self._old)

    def signed(self, message: Message) -> bytes:
        if self.key is not None and message.mti[1] != _NETWORK_CLASS:
            mac.sign(message, self.key)
        return message.raw

    def use(self, key: MacKey, grace_s: float) -> None:
        """From now on this key; what is on its way may still come under the one before."""
        self._old, self._old_until = self.key, self.monotonic() + grace_s
        self.key, self._is_new = key, True


class HostKeys:
    """The hosts whose keys change, and the way to whoever keeps keys."""

    def __init__(self, custody: KeyCustody | None, switch: Switch, tools: Tools) -> None:
        self._custody, self._switch = custody, switch
        self._clock, self._log = tools.clock, tools.log
        self._peers: dict[str, HostPeer] = {}
        self._hosts: dict[str, Host] = {}
        self._to, self._from = trio.open_memory_channel["ReceivedKey"](WAITING_MAX)

    def peer(self, host: Host) -> HostPeer:
        """How this host speaks; over a reload it keeps its key."""
        known = self._peers.get(host.name)
        if known is not None and self._hosts[host.name].dialect == host.dialect:
            self._hosts[host.name] = host
            return known

        def proven() -> None:
            self._switch.key_proven(host.name, self._clock.now())

        self._hosts[host.name] = host
        made = HostPeer(dialect(host.dialect), lambda: self._clock.now().monotonic, proven)
        self._peers[host.name] = made
        return made

    def take(self, received: ReceivedKey) -> None:
        """Have the custody take a key over."""
        try:
            self._to.send_nowait(received)
        except trio.WouldBlock:
            received.done(None, "custody unavailable", self._clock.now())

    async def run(self, pipeline: Pipeline) -> None:
        """Key after key, for ever."""
        async for received in self._from:
            await self._one(received)
            pipeline.kick()

    async def _one(self, received: ReceivedKey) -> None:
        why = "custody unavailable"
        try:
            taken, key = await self._taken_over(received)
        except CustodyUnavailableError as error:
            self._log.error("a host's key can't be taken over", host=received.host, why=str(error))
        except (CustodyError, WrappedKeyError) as error:
            why = "wrong check value"
            self._log.error("a host's key is refused", host=received.host, why=str(error))
        else:
            if received.done(taken, "", self._clock.now()):
                grace_s = self._hosts[received.host].key_change.grace_s
                self._peers[received.host].use(key, grace_s)
            return
        received.done(None, why, self._clock.now())

    async def _taken_over(self, received: ReceivedKey) -> tuple[TakenKey, MacKey]:
        if self._custody is None:
            raise CustodyUnavailableError("keys.custody = 'none'")
        zone = WrappedKey.parse(received.zone)
        came = Enciphered(received.data, received.check)
        key = await self._custody.import_key(
            zone, "zak", came, received.cipher, owner=received.host
        )
        opened = await self._custody.mac_key(key, self._scheme(received.host))
        return TakenKey(str(key), key.check), opened

    def _scheme(self, host: str) -> MacScheme:
        settings = self._hosts[host].mac
        if settings.algorithm == "none":
            raise CustodyError(f"host {host!r} has no mac.algorithm")
        return MacScheme(settings.algorithm, settings.padding, settings.form, settings.keep)

    async def restore(self) -> None:
        """Have the keys of earlier lives opened; a host whose key can't be is asked for another."""
        now = self._clock.now()
        self._switch.begin_exchanges(now)
        for name, peer in self._peers.items():
            exchange = self._switch.hosts[name].links.exchange
            if exchange is None or not exchange.key or self._custody is None:
                continue
            try:
                wrapped = WrappedKey.parse(exchange.key)
                peer.key = await self._custody.mac_key(wrapped, self._scheme(name))
            except (CustodyError, WrappedKeyError) as error:
                self._log.error("a host's MAC key can't be opened", host=name, why=str(error))
                exchange.lost(now)
