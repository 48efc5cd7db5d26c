"""Other rules while the gateway runs: hosts, routes, listeners' rules, merchants, limits.

Whoever calls this has checked the whole configuration: nothing here can fail half way.  A charge
that is open keeps what it was opened with: host, class, window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from routing.translation import Translator

if TYPE_CHECKING:
    from routing.settings import Settings
    from routing.switch import Switch


def reload(switch: Switch, settings: Settings) -> None:
    """From now on `settings` are the rules."""
    life = switch.life
    life.settings = msgspec.structs.replace(settings, card_key=life.settings.card_key)
    new = {(each.terminal, each.host): Translator(each) for each in settings.mappings}
    life.translators = {**life.translators, **new}
    named = {each.name for each in settings.hosts}
    for host in settings.hosts:
        switch.take_host(host)
    for name in switch.hosts.keys() - named:
        switch.departures.remove(name)
    switch.limit_changes.configure(settings.limits)
    switch.terminals.change(life.settings)
