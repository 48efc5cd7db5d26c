"""Who is on the other side of a connection: its dialect and its MAC key, by listener or host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from codec import dialect, mac
from gateway.config_macs import mac_key
from gateway.host_keys import HostPeer
from routing.conventions.base import has_mac

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codec import Dialect, MacKey, Message
    from gateway.config import Config
    from gateway.host_keys import HostKeys
    from gateway.terminal_keys import TerminalKeys

_SETTLEMENT: Final = ("3", "5")
_NETWORK_CLASS: Final = "8"
"""Network management carries no MAC: it is what brings the keys."""


@dataclass(frozen=True)
class Peer:
    """How one listener's terminals, or one host, speak."""

    dialect: Dialect
    key: MacKey | None

    def authentic(self, message: Message) -> bool:
        """Whether the MAC of a message that came from there is good, if there must be one."""
        return self.key is None or mac.verify(message, self.key)

    def signed(self, message: Message) -> bytes:
        """The bytes of a message that goes there, with its MAC where there must be one."""
        if self.key is not None and message.mti[1] != _NETWORK_CLASS:
            mac.sign(message, self.key)
        return message.raw


@dataclass(frozen=True, slots=True)
class WorkingPeer:
    """Terminals that have keys of their own, since they signed in."""

    dialect: Dialect
    keys: TerminalKeys
    settlement_macs: bool = True

    def away(self, message: Message) -> bool:
        """Whether only a security module can check or make this message's MAC."""
        return not self._has_none(message) and self.keys.away(message)

    def authentic(self, message: Message) -> bool:
        """Whether the MAC is good under a key of the terminal, if there must be one."""
        return self._has_none(message) or self.keys.authentic(message)

    def signed(self, message: Message) -> bytes:
        """The bytes of an answer, with its MAC where there must be one."""
        if not self._has_none(message):
            self.keys.sign(message)
        return message.raw

    def _has_none(self, message: Message) -> bool:
        """Network management has none; settlement may have none, and its answer has a place for
        one if the request had one.
        """
        mti_class = message.mti[1]
        if mti_class == _NETWORK_CLASS:
            return True
        return not self.settlement_macs and mti_class in _SETTLEMENT and not has_mac(message)


Peers = dict[str, Peer | WorkingPeer | HostPeer]
"""By the name of the listener or the host."""


def peers_of(config: Config, keys: TerminalKeys, host_keys: HostKeys | None = None) -> Peers:
    """Everybody that the configuration names; hosts whose keys change if there are `host_keys`.

    Raises OSError or ValueError for a bad key file.
    """
    named: Mapping[str, Peer | WorkingPeer] = {
        each.name: WorkingPeer(dialect(each.dialect), keys, each.sign_in.settlement_macs)
        if each.keys == "working"
        else Peer(dialect(each.dialect), mac_key(each.mac))
        for each in config.listener
    }
    hosts: Peers = {}
    for host in config.host:
        if not host.key_change.field:
            hosts[host.name] = Peer(dialect(host.dialect), mac_key(host.mac))
        elif host_keys is not None:
            hosts[host.name] = host_keys.peer(host)
    return {**named, **hosts}
