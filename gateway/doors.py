"""Where terminals and hosts connect, and through what: TLS, proxies' headers."""

from __future__ import annotations

import signal
import ssl
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from codec import dialect
from gateway import systemd
from gateway.config_doors import rests_on_delivery
from gateway.wire.binding import Binding
from gateway.wire.filters import Door
from gateway.wire.proxy import Networks, Proxied
from gateway.wire.tls import Credentials

if TYPE_CHECKING:
    from gateway.config import Config, Listener
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
        self._hosts = {
            each.name: Credentials(each.tls, server_side=each.listen, address=each.address)
            for each in config.host
            if each.tls.wanted
        }

    def certificates_end(self) -> dict[str, float]:
        """By listener or host, when the certificate that we show ends; seconds since 1970."""
        everyone = {**self._listeners, **self._hosts}
        return {name: each.ends_at for name, each in everyone.items() if each.ends_at}

    def prepare_hosts(self) -> None:
        """Before links are made.  Raises OSError when an address can't be had."""
        for name, credentials in self._hosts.items():
            self._engine.secure(name, credentials.filter)
        for host in self._config.host:
            if host.listen:
                allowed = Networks(host.allowed or ("0.0.0.0/0", "::/0"))
                self._engine.expect(host.name, host.address, host.port, allowed.__contains__)
                self._log.info("host may connect", host=host.name, port=host.port)

    def open(self) -> None:
        """Let terminals in.  Raises OSError when an address can't be had."""
        inherited = systemd.inherited_sockets()
        unknown = inherited.keys() - {each.name for each in self._config.listener}
        if unknown:
            message = f"sockets from systemd that no listener is named for: {', '.join(unknown)}"
            raise systemd.ActivationError(message)
        for each in self._config.listener:
            field = _BOUND_FIELDS.get(each.tls.binds)
            binding = Binding(dialect(each.dialect), field) if field else None
            given = inherited.get(each.name)
            sock = None if given is None else systemd.adopted(given, each.name)
            door = self._door(each)
            self._engine.listen(each.name, each.host, each.port, door, binding, sock)
            where = "systemd's socket" if sock else f"{each.host}:{each.port}"
            self._log.info("listening", listener=each.name, address=where)

    def _door(self, listener: Listener) -> Door:
        credentials = self._listeners.get(listener.name)
        if not listener.proxies:
            return Door(listener.name, None if credentials is None else credentials.filter)
        trusted = Networks(listener.proxies)
        new_filter = Proxied if credentials is None else partial(_proxied_tls, credentials)
        return Door(
            listener.name,
            new_filter,
            trusted.__contains__,
            acknowledges=not rests_on_delivery(self._config),
        )

    async def reload_on_signal(
        self,
        notifier: systemd.Notifier,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """SIGHUP has all certificates read anew; those that can't be read stay as they are.  The
        log's file is opened anew, too.
        """
        with trio.open_signal_receiver(signal.SIGHUP) as signals:
            task_status.started()
            async for _ in signals:
                notifier.reloading()
                self._log.reopen()
                self.reload()
                notifier.say("READY=1")

    def reload(self) -> None:
        """For connections from now on."""
        for name, credentials in {**self._listeners, **self._hosts}.items():
            try:
                credentials.reload()
            except (OSError, ssl.SSLError) as error:
                why = error.strerror or type(error).__name__
                self._log.error("certificate not reloaded", peer=name, why=why)
            else:
                self._log.info("certificate reloaded", peer=name)


def _proxied_tls(credentials: Credentials) -> Proxied:
    return Proxied(credentials.filter())
