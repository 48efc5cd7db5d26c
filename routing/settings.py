"""Everything that routing is told at its start."""

from __future__ import annotations

from typing import Literal

import msgspec

from routing.accounts.settings import AccountSettings
from routing.accounts.settlement_settings import SettlementSettings
from routing.conduct import AbuseSettings
from routing.downloads import ParameterSet
from routing.host_settings import HostSettings
from routing.limits import LimitSettings
from routing.registry import RegistrySettings
from routing.reversal import ReversalSettings
from routing.routes import Route
from routing.service import Merchant, ServiceSettings
from routing.sign_in_settings import SignInSettings
from routing.translation import Mapping


class ListenerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What routing needs to know of the terminals behind one listener."""

    name: str = ""
    dialect: str = "iso87-ascii"
    terminal_resolves_first: bool = False
    """These terminals repeat or reverse an unanswered request before they begin the next."""
    keys: Literal["fixed", "working"] = "fixed"
    """`working`: terminals are registered, sign in, and get their keys then; else `mac` has one."""
    sign_in: SignInSettings = SignInSettings()


class CaseSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which cases need two persons, and what a complaint may do by itself."""

    two_persons_above: dict[str, int] = {}
    """Minor units by currency (DE 49): cases of more need a second person; disputed and held ones
    always do."""
    complaint_reverses_up_to: dict[str, int] = {}
    """Minor units by currency: a complaint about a charge of no more, whose service nobody
    confirmed, begins its reversal at once; else a person decides."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The rules in force."""

    listeners: tuple[ListenerSettings, ...]
    hosts: tuple[HostSettings, ...]
    routes: tuple[Route, ...] = ()
    merchants: tuple[Merchant, ...] = ()
    service: ServiceSettings = ServiceSettings()
    reversal: ReversalSettings = ReversalSettings()
    limits: LimitSettings = LimitSettings()
    registry: RegistrySettings = RegistrySettings()
    mappings: tuple[Mapping, ...] = ()
    abuse: AbuseSettings = AbuseSettings()
    cases: CaseSettings = CaseSettings()
    parameters: tuple[ParameterSet, ...] = ()
    """What terminals fetch when the header of an answer asks for it."""
    accounts: AccountSettings = AccountSettings()
    settlement: SettlementSettings = SettlementSettings()
    listeners_without_mac: frozenset[str] = frozenset()
    """Nobody may ask for anything about accounts there: nobody knows who asks."""
    notices: bool = False
    """Whether customers' notices are written down, for somebody to deliver."""
    test_till: str = ""
    """merchant|terminal of test charges: nobody's card and nobody's sale."""
    card_key: bytes = b""
    """Under which cards are hashed for counting."""
    ended_max: int = 100_000
    """Ended charges held in memory for repeats; older ones are asked of the journal."""
    in_flight_per_connection_max: int = 256
    """Requests that one terminal's connection may have unanswered; above it new ones get 91."""
    in_flight_max: int = 20_000
    """The same of all connections together, to all hosts."""
    tombstones_max: int = 100_000
    """Reversals of charges never seen, and terminals' last refusals, that are remembered; above it
    such reversals and requests get no answer."""
    late_request_s: float = 600.0
    """For so long; nothing is under way for longer than a connection may be idle."""
    stan_follows_max: int = 100
    """A next sale on another connection proves a delivery only if its STAN follows this closely."""
