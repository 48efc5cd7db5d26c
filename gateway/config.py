"""The configuration: one TOML file and `--set` overrides, checked as a whole.

Every key has its default and unit where it is defined; an unknown key is an error.  Relative paths
resolve from the working directory.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import msgspec

from gateway.config_doors import door_problems
from gateway.config_files import find_files
from gateway.config_hosts import host_problems, route_problems
from gateway.config_macs import Mac, mac_problems, working_key_problems
from gateway.config_mappings import mapping_problems
from gateway.config_overrides import ConfigError, override
from gateway.desk.people import People
from gateway.desk.settings import BackupSettings, CanarySettings, NoticeSettings
from gateway.keys.opening import key_problems
from gateway.keys.settings import KeySettings
from gateway.log import LogSettings
from gateway.mappings import mappings
from gateway.registry_file import RegistryConfig
from gateway.settlement_config import SettlementConfig
from gateway.wire.port import WireLimits
from gateway.wire.tls import TlsSettings
from routing.accounts.settings import AccountSettings
from routing.conduct import AbuseSettings
from routing.conventions import CONVENTIONS
from routing.downloads import ParameterSet
from routing.host_settings import HostSettings
from routing.limits import LimitSettings
from routing.registry import RegistrySettings
from routing.reversal import ReversalSettings
from routing.routes import Route
from routing.service import Merchant, ServiceSettings
from routing.settings import CaseSettings, ListenerSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PORT_MAX: Final = 65_535
_ENDED_MIN: Final = 2_000
"""Charges of one batch, which may all end at once: memory must not forget one whose last step is
not durable yet."""
_FRAME_BYTES_MAX: Final = 65_535
Part = TypeVar("Part", bound=msgspec.Struct)


class Listener(ListenerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where terminals connect."""

    host: str = "127.0.0.1"
    port: int = 8583
    tls: TlsSettings = TlsSettings()
    proxies: tuple[str, ...] = ()
    """Addresses or networks of proxies; then only they connect, with a PROXY header, version 2."""
    mac: Mac = Mac()


class Host(HostSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bank host that the gateway connects to, or that connects to the gateway."""

    address: str = "127.0.0.1"
    port: int = 9583
    listen: bool = False
    """The host connects to us: `address` and `port` are ours."""
    allowed: tuple[str, ...] = ()
    """From which addresses or networks it may do so; empty: any, its certificate decides."""
    tls: TlsSettings = TlsSettings()
    links: int = 1
    connect_timeout_s: float = 5.0
    reconnect_s: float = 0.2
    """Pause before the first new try; doubled each time, up to `reconnect_max_s`."""
    reconnect_max_s: float = 10.0
    mac: Mac = Mac()


class Admin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Metrics, health and what operators do; changing something needs `token_file`'s text."""

    host: str = "127.0.0.1"
    port: int = 9108
    token_file: str = ""


class JournalConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where charges are durable."""

    kind: Literal["sqlite", "none"] = "sqlite"
    path: str = "./isogate.db"
    key_file: str = ""
    """The key of card numbers at rest; default `<path>.key`."""
    ended_in_memory_max: int = 100_000

    def problems(self) -> Iterable[str]:
        """What is wrong with it: key and why."""
        if self.ended_in_memory_max < _ENDED_MIN:
            why = f"at least {_ENDED_MIN}: what one batch holds must be remembered"
            yield f"journal.ended_in_memory_max = {self.ended_in_memory_max}: {why}"

    @property
    def key_path(self) -> Path:
        """The key file's path, by default beside the journal."""
        return Path(self.key_file or self.path + ".key")


class Drain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a stop goes."""

    seconds_max: float = 35.0
    """How long charges under way may take to come to their answer."""
    closes_a_second_max: float = 2_000.0
    """Terminals that are sent home in a second, so that not all come back in the same moment."""
    sign_off_s: float = 2.0
    """How long hosts may take to answer the sign-off."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it."""

    listener: tuple[Listener, ...]
    host: tuple[Host, ...]
    route: tuple[Route, ...] = ()
    merchant: tuple[Merchant, ...] = ()
    service: ServiceSettings = ServiceSettings()
    reversal: ReversalSettings = ReversalSettings()
    limits: LimitSettings = LimitSettings()
    abuse: AbuseSettings = AbuseSettings()
    cases: CaseSettings = CaseSettings()
    parameters: tuple[ParameterSet, ...] = ()
    accounts: AccountSettings = AccountSettings()
    settlement: SettlementConfig = SettlementConfig()
    notices: NoticeSettings = NoticeSettings()
    backups: BackupSettings = BackupSettings()
    canary: CanarySettings = CanarySettings()
    keys: KeySettings = KeySettings()
    registry: RegistryConfig = RegistryConfig()
    admin: Admin = Admin()
    log: LogSettings = LogSettings()
    journal: JournalConfig = JournalConfig()
    wire: WireLimits = WireLimits()
    drain: Drain = Drain()
    workers: int = 1

    def limits_of_wire(self) -> WireLimits:
        """The bounds of connections, with what follows from other settings."""
        link_s = self.wire.link_unacknowledged_s or self.reversal.reorder_margin_s / 2
        return msgspec.structs.replace(self.wire, link_unacknowledged_s=link_s)

    def settings(self) -> Settings:
        """What routing needs of it."""
        pairs = {(each.dialect, host.dialect) for each in self.listener for host in self.host}
        return Settings(
            listeners=tuple(_only(ListenerSettings, each) for each in self.listener),
            listeners_without_mac=frozenset(
                each.name for each in self.listener if each.mac.algorithm == "none"
            ),
            hosts=tuple(_only(HostSettings, each) for each in self.host),
            routes=self.route,
            merchants=self.merchant,
            service=self.service,
            reversal=self.reversal,
            limits=self.limits,
            registry=_only(RegistrySettings, self.registry),
            abuse=self.abuse,
            cases=self.cases,
            parameters=self.parameters,
            accounts=self.accounts,
            settlement=self.settlement.settings(),
            notices=bool(self.notices.url),
            test_till="|".join(self.canary.identity),
            mappings=tuple(m for m in mappings() if (m.terminal, m.host) in pairs),
            in_flight_per_connection_max=self.wire.in_flight_per_terminal_max,
            in_flight_max=self.wire.in_flight_max,
            ended_max=self.journal.ended_in_memory_max,
            late_request_s=self.wire.idle_s,
        )


def _only(kind: type[Part], value: msgspec.Struct) -> Part:
    """The part of `value` that its base class `kind` holds."""
    return kind(**{name: getattr(value, name) for name in kind.__struct_fields__})


def load(path: Path, overrides: Iterable[str] = ()) -> Config:
    """Read and check a configuration file.  Raises ConfigError with every problem that is found."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: not TOML: {error}"]) from None
    for each in overrides:
        override(data, each)
    data = find_files(data, path.parent)
    try:
        config = msgspec.convert(_named(data), Config)
    except msgspec.ValidationError as error:
        raise ConfigError([_explained(data, error)]) from None
    problems = list(_problems(config))
    if problems:
        raise ConfigError(problems)
    return config


def _named(data: dict[str, Any]) -> dict[str, Any]:
    """Listeners and hosts without a name get one by their number."""
    data = dict(data)
    for kind in ("listener", "host"):
        items = data.get(kind)
        if isinstance(items, list):
            data[kind] = [
                {"name": f"{kind}-{number}", **item} if isinstance(item, dict) else item
                for number, item in enumerate(items, 1)
            ]
    return data


def _explained(data: dict[str, Any], error: msgspec.ValidationError) -> str:
    """msgspec's message with the key as one writes it and the value that stands there."""
    text = str(error)
    match = re.search(r" - at `\$\.?(.*)`$", text)
    if match is None:
        return text
    key = re.sub(r"\[(\d+)\]", r".\1", match.group(1))
    place: Any = data
    for part in key.split("."):
        try:
            place = place[int(part)] if isinstance(place, list) else place[part]
        except (KeyError, IndexError, ValueError, TypeError):
            return f"{key}: {text[: match.start()]}"
    shown = "" if isinstance(place, dict | list) else f" = {place!r}"
    return f"{key}{shown}: {text[: match.start()]}"


def _problems(config: Config) -> Iterable[str]:
    """What fits the types and still cannot work."""
    yield from _addresses(config)
    yield from door_problems(config)
    yield from host_problems(config)
    yield from _times(config)
    known = {host.name for host in config.host}
    for number, route in enumerate(config.route):
        yield from route_problems(f"route.{number}", route, known)
    sides: dict[str, Sequence[Listener | Host]]
    sides = {"listener": config.listener, "host": config.host}
    # Listeners and hosts share one name space: a connection's peer is known by its name alone.
    everybody: Sequence[Listener | Host] = (*config.listener, *config.host)
    names = [item.name for item in everybody]
    for kind, items in sides.items():
        for number, item in enumerate(items):
            if item.dialect not in CONVENTIONS:
                why = f"the gateway speaks {', '.join(CONVENTIONS)}"
                yield f"{kind}.{number}.dialect = {item.dialect!r}: {why}"
            if names.count(item.name) > 1:
                yield f"{kind}.{number}.name = {item.name!r}: two have this name"
            if item.keys == "fixed" if isinstance(item, Listener) else not item.key_change.field:
                yield from mac_problems(f"{kind}.{number}.mac", item.mac)
    yield from working_key_problems(config)
    if config.workers != 1:
        why = "one process per journal file; more need a journal that several can share"
        yield f"workers = {config.workers}: {why}"
    yield from mapping_problems(config)
    yield from config.journal.problems()
    yield from People.problems(config.admin.token_file)
    yield from config.accounts.problems()
    yield from config.settlement.problems()
    yield from config.notices.problems()
    yield from config.backups.problems()
    yield from config.registry.problems()
    yield from key_problems(config.keys)
    yield from config.canary.problems({x.name: x.dialect for x in config.listener}, known)
    if config.notices.url and config.journal.kind == "none":
        yield "notices.url: notices stand in the journal, and journal.kind = none has none"
    if config.settlement.url and config.journal.kind == "none":
        yield "settlement.url: cards stand in the journal, and journal.kind = none has none"


def _addresses(config: Config) -> Iterable[str]:
    if not config.listener:
        yield "listener: none given; no terminal could connect"
    if not config.host:
        yield "host: none given; no charge could go anywhere"
    places = [(f"listener.{n}.port", x.port) for n, x in enumerate(config.listener)]
    places += [(f"host.{n}.port", x.port) for n, x in enumerate(config.host)]
    places.append(("admin.port", config.admin.port))
    for key, port in places:
        if not 0 <= port <= _PORT_MAX:
            yield f"{key} = {port}: a port is 0 to {_PORT_MAX}"
    if not 0 < config.wire.frame_bytes_max <= _FRAME_BYTES_MAX:
        why = f"the length header can say 1 to {_FRAME_BYTES_MAX}"
        yield f"wire.frame_bytes_max = {config.wire.frame_bytes_max}: {why}"


def _times(config: Config) -> Iterable[str]:
    positive: list[tuple[str, float]] = [
        ("service.window_s", config.service.window_s),
        ("service.delivery_proof_s", config.service.delivery_proof_s),
        ("reversal.answer_timeout_s", config.reversal.answer_timeout_s),
        ("reversal.age_max_s", config.reversal.age_max_s),
        ("reversal.attempts_max", config.reversal.attempts_max),
        ("drain.seconds_max", config.drain.seconds_max),
        ("drain.closes_a_second_max", config.drain.closes_a_second_max),
        ("drain.sign_off_s", config.drain.sign_off_s),
        *((f"host.{n}.answer_timeout_s", x.answer_timeout_s) for n, x in enumerate(config.host)),
        *((f"merchant.{n}.window_s", x.window_s) for n, x in enumerate(config.merchant)),
    ]
    for key, value in positive:
        if value <= 0:
            yield f"{key} = {value}: must be greater than 0"
    if config.wire.link_unacknowledged_s >= config.reversal.reorder_margin_s > 0:
        why = "must be less than reversal.reorder_margin_s"
        yield f"wire.link_unacknowledged_s = {config.wire.link_unacknowledged_s}: {why}"
    if not config.reversal.schedule_s or min(config.reversal.schedule_s) < 0:
        why = "pauses of 0 seconds or more, at least one"
        yield f"reversal.schedule_s = {config.reversal.schedule_s}: {why}"
    if not 0 <= config.reversal.spread <= 1:
        yield f"reversal.spread = {config.reversal.spread}: a share between 0 and 1"
