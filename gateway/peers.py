"""Who is on the other side of a connection: its dialect and its MAC key, by listener or host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codec import dialect, mac
from codec._mac import sign, verify
from gateway.config_macs import mac_key
from gateway.peer import AnyPeer
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


class Peer(AnyPeer):
    """One key for good, or none."""

    def __init__(self, dialect: Dialect, key: MacKey | None) -> None:
        super().__init__(dialect)
        self.key = key
        self.gains = key is not None and mac.goes_together(key)

    def authentic(self, message: Message) -> bool:
        return self.key is None or verify(message, self.key)

    def signed(self, message: Message) -> bytes:
        if self.key is not None and not message.is_of(_NETWORK_CLASS):
            sign(message, self.key)
        return message.sent()

    def key_ahead(self, message: Message) -> MacKey | None:
        return self.key if self.gains and not message.is_of(_NETWORK_CLASS) else None


class WorkingPeer(AnyPeer):
    """Terminals that have keys of their own, since they signed in."""

    def __init__(self, dialect: Dialect, keys: TerminalKeys, settlement_macs: bool = True) -> None:
        super().__init__(dialect)
        self.keys = keys
        self.settlement_macs = settlement_macs

    def away(self, message: Message) -> bool:
        """Whether only a security module can check or make this message's MAC."""
        return not self._has_none(message) and self.keys.away(message)

    def authentic(self, message: Message) -> bool:
        return self._has_none(message) or self.keys.authentic(message)

    def signed(self, message: Message) -> bytes:
        if not self._has_none(message):
            self.keys.sign(message)
        return message.sent()

    def _has_none(self, message: Message) -> bool:
        """Network management has none; settlement may have none, and its answer has a place for
        one if the request had one.
        """
        if message.is_of(_NETWORK_CLASS):
            return True
        if self.settlement_macs or message.mti[1] not in _SETTLEMENT:
            return False
        return not has_mac(message)


Peers = dict[str, AnyPeer]
"""By the name of the listener or the host."""


def peers_of(config: Config, keys: TerminalKeys, host_keys: HostKeys | None = None) -> Peers:
    """Everybody that the configuration names; hosts whose keys change if there are `host_keys`.

    Raises OSError or ValueError for a bad key file.
    """
    named: Mapping[str, AnyPeer] = {
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
