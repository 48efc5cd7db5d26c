"""Where terminals and hosts connect, and through what: TLS, proxies' headers."""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final

from codec import dialect
from gateway import systemd
from gateway.config_doors import rests_on_delivery
from gateway.wire.binding import Binding
from gateway.wire.engine import expecting
from gateway.wire.filters import Door
from gateway.wire.proxy import Networks, Proxied
from gateway.wire.tls import Credentials

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from gateway.config import Config, Host, Listener
    from gateway.log import Log
    from gateway.wire import Engine

_BOUND_FIELDS: Final = {"terminal": 41, "merchant": 42}


class Doors:
    """The certificates of all listeners and hosts.  Raises OSError or ssl.SSLError."""

    def __init__(self, config: Config, engine: Engine, log: Log) -> None:
        self._config = config
        self._engine = engine
        self._log = log
        self._listeners = {
            each.name: Credentials(each.tls, server_side=True)
            for each in config.listener
            if each.tls.wanted
        }
        self._hosts: dict[str, Credentials] = {}

    def certificates_end(self) -> dict[str, float]:
        """By listener or host, when the certificate that we show ends; seconds since 1970."""
        everyone = {**self._listeners, **self._hosts}
        return {name: each.ends_at for name, each in everyone.items() if each.ends_at}

    def prepare_hosts(self) -> None:
        """Before links are made.  Raises OSError when an address can't be had."""
        self.prepared(self._config, known={})()

    def prepared(
        self, config: Config, known: Mapping[str, Host] | None = None
    ) -> Callable[[], None]:
        """What the hosts of another configuration need, made ready; `known` are those so far.

        Calling the result puts it into force and can't fail.  Raises OSError or ssl.SSLError, and
        then everything stays as it is.
        """
        if known is None:
            known = {each.name: each for each in self._config.host}
        credentials = {
            each.name: Credentials(each.tls, server_side=each.listen, address=each.address)
            for each in config.host
            if each.tls.wanted
        }
        with ExitStack() as failing:
            sockets = {
                each.name: failing.enter_context(expecting(each.address, each.port))
                for each in config.host
                if each.listen and not _is_awaited_there(known.get(each.name), each)
            }
            failing.pop_all()
        return partial(self._put_in_force, config, credentials, sockets)

    def _put_in_force(
        self,
        config: Config,
        credentials: Mapping[str, Credentials],
        sockets: Mapping[str, socket.socket],
    ) -> None:
        self._config = config
        self._hosts.update(credentials)  # a host that is leaving keeps its own
        for host in config.host:
            allows = Networks(host.allowed or ("0.0.0.0/0", "::/0")).__contains__
            if host.name in credentials:
                self._engine.secure(host.name, credentials[host.name].filter)
            else:
                self._hosts.pop(host.name, None)
                self._engine.secure(host.name, None)
            if host.name in sockets:
                self._engine.expect(host.name, sockets[host.name], allows)
                self._log.info("host may connect", host=host.name, port=host.port)
            elif host.listen:
                self._engine.allow(host.name, allows)
            else:
                self._engine.expect_no_more(host.name)

    def open(self) -> None:
        """Let terminals in.  Raises OSError when an address can't be had."""
        inherited = systemd.inherited_sockets()
        unknown = inherited.keys() - {each.name for each in self._config.listener}
        if unknown:
            message = f"sockets from systemd that no listener is named for: {', '.join(unknown)}"
            raise systemd.ActivationError(message)
        for each in self._config.listener:
            given = inherited.get(each.name)
            sock = None if given is None else systemd.adopted(given, each.name)
            self._engine.listen(each.name, each.host, each.port, self._door(each), sock)
            where = "systemd's socket" if sock else f"{each.host}:{each.port}"
            self._log.info("listening", listener=each.name, address=where)

    def _door(self, listener: Listener) -> Door:
        credentials = self._listeners.get(listener.name)
        field = _BOUND_FIELDS.get(listener.tls.binds)
        binding = Binding(dialect(listener.dialect), field) if field else None
        if not listener.proxies:
            plain_or_tls = None if credentials is None else credentials.filter
            return Door(listener.name, plain_or_tls, binding=binding)
        trusted = Networks(listener.proxies)
        new_filter = Proxied if credentials is None else partial(_proxied_tls, credentials)
        return Door(
            listener.name,
            new_filter,
            trusted.__contains__,
            acknowledges=not rests_on_delivery(self._config),
            binding=binding,
        )

    def reload(self) -> None:
        """Certificates are read anew, for connections from now on."""
        for name, credentials in {**self._listeners, **self._hosts}.items():
            try:
                credentials.reload()
            except (OSError, ssl.SSLError) as error:
                why = error.strerror or type(error).__name__
                self._log.error("certificate not reloaded", peer=name, why=why)
            else:
                self._log.info("certificate reloaded", peer=name)


def _is_awaited_there(known: Host | None, host: Host) -> bool:
    if known is None or not known.listen:
        return False
    return (known.address, known.port) == (host.address, host.port)


def _proxied_tls(credentials: Credentials) -> Proxied:
    return Proxied(credentials.filter())
